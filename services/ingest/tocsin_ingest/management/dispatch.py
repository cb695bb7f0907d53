"""One table of what can be managed: method, path, scope; the one place that checks who asks and turns faults into problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import asyncpg
import orjson
from aiohttp import web

from tocsin_contracts.problem import ProblemType
from tocsin_control.audit import Author
from tocsin_control.auth import bearer
from tocsin_control.directory import Directory
from tocsin_control.errors import Forbidden, NameTaken, NoRoom, NotFound, Refused, VersionChanged
from tocsin_control.principal import Scope
from tocsin_ingest.answers import answer, not_found, unavailable, wrong_method
from tocsin_ingest.caller import Callers
from tocsin_ingest.domain.target import Managed
from tocsin_ingest.management.audit import Audit
from tocsin_ingest.management.integrations import Integrations
from tocsin_ingest.management.keys import Keys
from tocsin_ingest.management.ports import Administrator
from tocsin_ingest.management.reading import check_parameters
from tocsin_ingest.management.shapes import tenant_shape
from tocsin_ingest.ports import Exchange
from tocsin_runtime.buckets import Quota, policy
from tocsin_runtime.http import Problem
from tocsin_runtime.limits import Limits
from tocsin_runtime.rate_fields import limit_field, policy_field

_ID = re.compile(r"[0-9A-Za-z]{1,64}")
_READING = {"HEAD": "GET"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked."""

    name: str
    method: str
    kind: str
    one: bool = False
    """Of one by its id, not of all."""
    verb: str | None = None
    scope: Scope
    parameters: frozenset[str] = field(default_factory=frozenset)
    """Query parameters that it reads; any other is 422."""

    @property
    def path(self) -> str:
        """Write its path as documents show it."""
        return f"/api/v1/{self.kind}" + ("/{id}" if self.one else "") + (f"/{self.verb}" if self.verb else "")


_INTEGRATIONS, _KEYS = Scope.INTEGRATIONS_ADMIN, Scope.ADMIN
_PAGE = frozenset({"limit", "after", "source", "name"})
_ENTRIES = frozenset({"limit", "before", "action", "subject"})
OPERATIONS: tuple[Operation, ...] = (
    Operation(name="listIntegrations", method="GET", kind="integrations", scope=_INTEGRATIONS, parameters=_PAGE),
    Operation(name="createIntegration", method="POST", kind="integrations", scope=_INTEGRATIONS),
    Operation(name="getIntegration", method="GET", kind="integrations", one=True, scope=_INTEGRATIONS),
    Operation(name="changeIntegration", method="PATCH", kind="integrations", one=True, scope=_INTEGRATIONS),
    Operation(name="deleteIntegration", method="DELETE", kind="integrations", one=True, scope=_INTEGRATIONS),
    Operation(name="rotateSecret", method="POST", kind="integrations", one=True, verb="rotate", scope=_INTEGRATIONS),
    Operation(name="tryDelivery", method="POST", kind="integrations", one=True, verb="try", scope=_INTEGRATIONS),
    Operation(name="listKeys", method="GET", kind="keys", scope=_KEYS),
    Operation(name="createKey", method="POST", kind="keys", scope=_KEYS),
    Operation(name="getKey", method="GET", kind="keys", one=True, scope=_KEYS),
    Operation(name="revokeKey", method="DELETE", kind="keys", one=True, scope=_KEYS),
    Operation(name="listTenants", method="GET", kind="tenants", scope=_INTEGRATIONS),
    Operation(name="listAudit", method="GET", kind="audit", scope=Scope.ADMIN, parameters=_ENTRIES),
)


class Management:
    """Answers every management request."""

    def __init__(
        self,
        *,
        callers: Callers,
        directory: Callable[[], Directory | None],
        limits: Limits,
        quota: Quota,
        integrations: Integrations,
        keys: Keys,
        audit: Audit,
    ) -> None:
        self._callers = callers
        self._directory = directory
        self._limits = limits
        self._quota = quota
        self._integrations = integrations
        self._keys = keys
        self._audit = audit

    async def answer(
        self, request: web.BaseRequest, target: Managed, query: Mapping[str, str], exchange: Exchange
    ) -> web.StreamResponse:
        """Answer one request: path, method, key and scope, quota, then what is asked.

        Raises:
            Problem: any other answer than a success.
        """
        operation = _operation(request.method, target)
        administrator = await self._administrator(request, query, operation, exchange)
        allowances = self._limits.count((policy("management", administrator.tenant, self._quota),))
        check_parameters(query, operation.parameters)
        if target.kind == "integrations" and target.id is not None:
            exchange.integration = target.id
        try:
            response = await self._do(operation, request, administrator, target.id or "", query)
        except (NotFound, NameTaken, NoRoom, VersionChanged, Refused, Forbidden) as error:
            raise _problem(error) from error
        except asyncpg.InsufficientPrivilegeError as error:  # the key ended between two of our statements
            raise _problem(Forbidden(operation.scope)) from error
        response.headers["RateLimit-Policy"] = policy_field([each.policy for each in allowances])
        response.headers["RateLimit"] = limit_field(allowances)
        return response

    async def _administrator(
        self, request: web.BaseRequest, query: Mapping[str, str], operation: Operation, exchange: Exchange
    ) -> Administrator:
        """Believe the key by the directory first: who is nobody never reaches PostgreSQL."""
        principal = await self._callers.identify(request, query, operation.scope, exchange)
        directory = self._directory()
        tenant = None if directory is None else directory.tenant(principal.tenant)
        if tenant is None:
            raise unavailable("The gateway does not know its tenants yet. Try again.")
        if not tenant.enabled:
            raise Problem(403, "This tenant is disabled: it is read, and not changed.", type=ProblemType.FORBIDDEN)
        return Administrator(
            tenant=principal.tenant,
            key=bearer(request.headers.get("Authorization")),
            scope=operation.scope,
            author=Author.of(principal, exchange.id),
        )

    async def _do(
        self, operation: Operation, request: web.BaseRequest, administrator: Administrator, named: str, query: Mapping[str, str]
    ) -> web.Response:
        integrations, keys = self._integrations, self._keys
        match operation.name:
            case "listIntegrations":
                return await integrations.list(request, administrator, query)
            case "listKeys":
                return await keys.list(request, administrator, query)
            case "listAudit":
                return await self._audit.list(request, administrator, query)
            case "listTenants":
                return self._own_tenant(administrator)
        by_id = {
            "createIntegration": integrations.create,
            "getIntegration": integrations.show,
            "changeIntegration": integrations.change,
            "deleteIntegration": integrations.delete,
            "rotateSecret": integrations.rotate,
            "tryDelivery": integrations.try_out,
            "createKey": keys.create,
            "getKey": keys.show,
            "revokeKey": keys.revoke,
        }
        return await by_id[operation.name](request, administrator, named)

    def _own_tenant(self, administrator: Administrator) -> web.Response:
        """List the tenants that the key reaches: its own."""
        directory = self._directory()
        found = None if directory is None else directory.tenant(administrator.tenant)
        items = [] if found is None else [tenant_shape(found)]
        return answer(200, orjson.dumps({"items": items}), headers={"Cache-Control": "no-store"})


def _operation(method: str, target: Managed) -> Operation:
    """Find what is asked.

    Raises:
        Problem: 404 for a path that nobody answers, 405 for another method.
    """
    wanted = (target.kind, target.id is not None, target.verb)
    there = [each for each in OPERATIONS if (each.kind, each.one, each.verb) == wanted]
    if not there or (target.id is not None and _ID.fullmatch(target.id) is None):
        raise not_found()
    for each in there:
        if each.method == _READING.get(method, method):
            return each
    raise wrong_method(*(each.method for each in there))


def _problem(error: NotFound | NameTaken | NoRoom | VersionChanged | Refused | Forbidden) -> Problem:
    """Turn a refusal of `control` into a problem; the sentences are ours, and repeat nothing that was sent."""
    match error:
        case NotFound():
            return not_found()
        case NameTaken():
            return Problem(409, "The tenant has another one of this name.", type=ProblemType.NAME_TAKEN)
        case NoRoom():
            return Problem(409, f"{str(error)[:1].upper()}{str(error)[1:]}.", type=ProblemType.NO_ROOM)
        case VersionChanged():
            detail = "Somebody changed it meanwhile: read it again."
            return Problem(412, detail, type=ProblemType.PRECONDITION_FAILED)
        case Forbidden():
            detail = "This key may not do this, or may no longer."
            return Problem(403, detail, type=ProblemType.FORBIDDEN)
        case Refused():
            detail = "The body's values are not what this takes."
            return Problem(422, detail, type=ProblemType.UNPROCESSABLE)
