"""What is asked about failed deliveries: try, redrive, discard, redrive many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import orjson
from aiohttp import web

from tocsin_contracts.ids import delivery_id
from tocsin_contracts.outcome import Outcome, Reason
from tocsin_contracts.position import Position
from tocsin_contracts.problem import ProblemType
from tocsin_control.audit import Author
from tocsin_control.directory import Directory, TenantEntry
from tocsin_control.principal import Principal, Scope
from tocsin_control.trial import shown, try_delivery
from tocsin_ingest.answers import answer, not_found, too_large, unavailable
from tocsin_ingest.caller import Callers
from tocsin_ingest.domain.target import Failed
from tocsin_ingest.failed.bulk import BulkRedriver
from tocsin_ingest.failed.deeds import MANY_REDRIVEN, REDRIVEN
from tocsin_ingest.failed.ports import FailedStore, Fate
from tocsin_ingest.failed.requests import BulkRedrive, NewDiscard
from tocsin_ingest.failed.resending import Resender
from tocsin_ingest.management.reading import check_parameters, read_as, read_json
from tocsin_ingest.ports import Audit, Exchange
from tocsin_ingest.receiving import Receiver
from tocsin_ingest.recorded import RecordedDeliveries
from tocsin_runtime.buckets import Quota, policy
from tocsin_runtime.errors import Invalid, Recoverable
from tocsin_runtime.http import Problem
from tocsin_runtime.limits import Limits
from tocsin_runtime.log import AppendTooLarge
from tocsin_sources import registry

SCOPES: Mapping[str, Scope] = {
    "try": Scope.DELIVERIES_READ,
    "redrive": Scope.DELIVERIES_REDRIVE,
    "discard": Scope.DELIVERIES_REDRIVE,
}


class FailedDeliveries:
    """Answers `POST /deliveries/{id}/try|redrive|discard` and `POST /deliveries/redrive`."""

    def __init__(
        self,
        *,
        callers: Callers,
        directory: Callable[[], Directory | None],
        deliveries: RecordedDeliveries,
        resender: Resender,
        bulk: BulkRedriver,
        store: FailedStore,
        audit: Audit,
        receiver: Receiver,
        limits: Limits,
        quota: Quota,
        trials_max: int,
        bulks_max: int,
    ) -> None:
        self._callers = callers
        self._directory = directory
        self._deliveries = deliveries
        self._resender = resender
        self._bulk = bulk
        self._store = store
        self._audit = audit
        self._receiver = receiver
        self._limits = limits
        self._quota = quota
        self._trials = asyncio.Semaphore(trials_max)
        self._bulks = asyncio.Semaphore(bulks_max)

    async def answer(
        self, request: web.BaseRequest, target: Failed, query: Mapping[str, str], exchange: Exchange
    ) -> web.StreamResponse:
        """Answer one request: key and scope, quota, then what is asked.

        Raises:
            Problem: any other answer than a success.
        """
        principal = await self._callers.identify(request, query, SCOPES[target.verb], exchange)
        self._limits.count((policy("redrives", principal.tenant, self._quota),))
        check_parameters(query, ())
        tenant = self._tenant(principal)
        if target.delivery is None:
            return await self._redrive_many(request, principal, tenant, exchange)
        position = self._deliveries.place(principal.tenant, target.delivery)
        match target.verb:
            case "try":
                return await self._try(principal, position)
            case "redrive":
                return await self._redrive(principal, position, exchange)
            case _:
                return await self._discard(request, principal, position, exchange)

    def _tenant(self, principal: Principal) -> TenantEntry:
        directory = self._directory()
        tenant = None if directory is None else directory.tenant(principal.tenant)
        if tenant is None:
            raise unavailable("The gateway does not know its tenants yet. Try again.")
        if not tenant.enabled:
            raise Problem(403, "This tenant is disabled: it is read, and not changed.", type=ProblemType.FORBIDDEN)
        return tenant

    async def _try(self, principal: Principal, position: Position) -> web.Response:
        """Say what today's code and settings would make of a delivery; nothing is written.

        A body that killed the normalizer is not tried: it would kill the gateway.
        """
        fate = await self._store.fate(principal.tenant, position)
        if fate is not None and fate.reason == Reason.KILLED_NORMALIZER:
            detail = "This body ended the process that read it twice; it is not tried here. Mend the source, then redrive it."
            raise Problem(409, detail, type=ProblemType.NOT_FAILED)
        if self._trials.locked():
            raise unavailable("Other deliveries are being tried. Try again.")
        async with self._trials:
            found = await self._deliveries.read(principal.tenant, position)
            envelope = found.envelope
            source = registry.get(envelope.source)
            if source is None:
                raise Problem(409, "This release does not know the delivery's source.", type=ProblemType.NOT_FAILED)
            directory = self._directory()
            integration = None if directory is None else directory.integration(envelope.integration)
            version = envelope.integration_version if integration is None else integration.version
            try:
                settings = await self._store.settings(envelope.integration, version)
            except Invalid as error:
                raise not_found() from error
            made = await asyncio.to_thread(  # a large body takes long enough to hold up deliveries
                try_delivery,
                source,
                found.body,
                settings=settings,
                headers=envelope.headers,
                query=envelope.query,
                content_type=envelope.content_type,
            )
        said = {"delivery_id": delivery_id(principal.tenant, position), "integration_version": version, **shown(made)}
        return _answer(200, said)

    async def _redrive(self, principal: Principal, position: Position, exchange: Exchange) -> web.Response:
        """Send one delivery again; 202 once the log has it."""
        original = await self._resender.original(principal.tenant, position)
        _require_failed(await self._fate_if_known(principal, original.position))
        try:
            redrive = await self._resender.resend(original, request_id=exchange.id)
        except AppendTooLarge as error:
            raise too_large("The delivery with its headers is too large.") from error
        except Recoverable as error:
            detail = "The log did not acknowledge in time. The redrive may be stored; asking again counts it once."
            raise unavailable(detail) from error
        name, of = (delivery_id(principal.tenant, each) for each in (redrive, original.position))
        author = Author.of(principal, exchange.id)
        self._audit.note(author, REDRIVEN, tenant=principal.tenant, subject=of, detail={"as": name})
        said = {"delivery_id": name, "redrive_of": of, "status": "accepted"}
        return _answer(202, said, {"Location": f"/api/v1/deliveries/{name}"})

    async def _fate_if_known(self, principal: Principal, position: Position) -> Fate | None:
        """Look what became of it; with PostgreSQL away the fold looks."""
        try:
            return await self._store.fate(principal.tenant, position)
        except Recoverable:
            return None

    async def _discard(
        self, request: web.BaseRequest, principal: Principal, position: Position, exchange: Exchange
    ) -> web.Response:
        """Note that somebody looked at a failed delivery and lets it be; it can still be sent again."""
        wanted = read_as(NewDiscard, await read_json(request, self._receiver))
        fate = await self._store.fate(principal.tenant, position)
        if fate is None:
            raise not_found()
        _require_failed(fate)
        author = Author.of(principal, exchange.id)
        first = await self._store.discard(principal.tenant, position, why=wanted.why, actor=principal.actor, author=author)
        return _answer(200, {"delivery_id": delivery_id(principal.tenant, position), "discarded": True, "first": first})

    async def _redrive_many(
        self, request: web.BaseRequest, principal: Principal, tenant: TenantEntry, exchange: Exchange
    ) -> web.Response:
        """Send many deliveries again; one request of a tenant at a time, over all gateways."""
        wanted = read_as(BulkRedrive, await read_json(request, self._receiver, optional=True))
        if self._bulks.locked():
            raise unavailable("Redrives of other tenants run. Try again.")
        async with self._bulks, self._store.alone(principal.tenant) as held:
            if not held:
                detail = "Another redrive of many deliveries runs for this tenant."
                raise Problem(409, detail, type=ProblemType.BUSY, headers={"Retry-After": "5"})
            author, asked = Author.of(principal, exchange.id), wanted.model_dump(mode="json", exclude_unset=True)
            await self._store.begin(principal.tenant, author=author, wanted=asked)
            said = await self._bulk.run(principal.tenant, tenant.partition, wanted, request_id=exchange.id)
        counts = {name: value for name, value in said.items() if name != "not_processed"}
        self._audit.note(author, MANY_REDRIVEN, tenant=principal.tenant, subject=principal.tenant, detail=counts)
        return _answer(200, said)


def _require_failed(fate: Fate | None) -> None:
    """Refuse what is known not to have failed; what is not known is the fold's to refuse.

    Raises:
        Problem: 409.
    """
    if fate is not None and fate.outcome != Outcome.FAILED:
        members = {"outcome": fate.outcome}
        raise Problem(409, "This delivery has not failed.", type=ProblemType.NOT_FAILED, members=members)


def _answer(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> web.Response:
    return answer(status, orjson.dumps(body), headers={"Cache-Control": "no-store", **(headers or {})})
