"""A tenant with one integration and a key, as the people there see the system: they send, and look at what became of it."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from tests.support.system import Answer, Sender, System
from tocsin_contracts.position import Position
from tocsin_control.bootstrap import Role, as_owner
from tocsin_control.integrations import DEFAULT_TERMS, Terms, create_integration
from tocsin_control.keys import CreatedKey, create_key
from tocsin_control.principal import Scope
from tocsin_control.tenants import Tenant, create_tenant

CANARIES: set[str] = set()
"""Every secret and key that was given to a customer in this run: none may stand in a log, an answer or a metric."""
AHEAD = 16
_LIMIT = (600, 12_000)
"""A partition has room for so many tenants only as its worker folds: 500 of these."""
_WAITING: dict[tuple[int, str], list["Customer"]] = {}
_NUMBERS = itertools.count(1)


class RecordedFact(NamedTuple):
    """One fact of an incident, and where it stands."""

    position: Position
    seq: int
    incident: str
    version: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One tenant; every method speaks HTTP as it would."""

    system: System
    tenant: Tenant
    sender: Sender
    key: str = field(repr=False)

    async def send(self, body: bytes, headers: Mapping[str, str] | None = None, *, gateway: str = "ingest") -> Answer:
        """Deliver a body, whatever the answer."""
        return await self.system.post(self.sender, body, headers, gateway=gateway)

    async def deliver(self, body: bytes, headers: Mapping[str, str] | None = None, *, gateway: str = "ingest") -> str:
        """Deliver a body that is accepted; gives the delivery id."""
        answer = await self.send(body, headers, gateway=gateway)
        assert answer.status == 202, (answer.status, answer.body)
        return str(answer.json()["delivery_id"])

    async def outcome(self, delivery: str) -> Any:
        """Wait for what became of a delivery."""
        return await self.system.outcome(self.key, delivery)

    async def settle(self, body: bytes, headers: Mapping[str, str] | None = None) -> Any:
        """Deliver a body and wait for what became of it."""
        return await self.outcome(await self.deliver(body, headers))

    async def get(self, path: str, **query: str) -> Any:
        """Read a path that answers 200."""
        answer = await self.system.get(f"/api/v1{path}", self.key, **query)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json()

    async def incidents(self, **query: str) -> list[Any]:
        """List incidents, oldest first."""
        page = await self.get("/incidents", sort="created_at", limit="200", **query)
        assert page["total"] == len(page["items"])
        return list(page["items"])

    async def incident(self, **query: str) -> Any:
        """Give the only incident, whole."""
        (only,) = await self.incidents(**query)
        return await self.get(f"/incidents/{only['id']}")

    async def set_status(
        self, incident: str, status: str, *, key: str | None = None, comment: str | None = None, **headers: str
    ) -> Answer:
        """Ask for another status; underscores in names of headers are dashes."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        body = f'{{"status":"{status}"}}' if comment is None else f'{{"status":"{status}","comment":"{comment}"}}'
        return await self.system.request(
            "PATCH",
            f"/api/v1/incidents/{incident}/status",
            key=key or self.key,
            headers={"content-type": "application/json", **said},
            body=body.encode(),
        )

    async def command(self, method: str, path: str, body: object = None, *, key: str | None = None, **headers: str) -> Answer:
        """Ask for a command; underscores in names of headers are dashes, and no body is none."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.system.request(
            method,
            f"/api/v1{path}",
            key=key or self.key,
            headers={"content-type": "application/json", **said},
            body=None if body is None else orjson.dumps(body),
        )

    async def facts(self) -> list[RecordedFact]:
        """List all recorded facts in log order."""
        async with self.system.db() as connection:
            rows = await connection.fetch(
                'SELECT partition, "offset", seq, incident_id, version, kind FROM proj.facts WHERE tenant_id = $1'
                ' ORDER BY partition, "offset", seq',
                self.tenant.id,
            )
        return [RecordedFact(Position(row[0], row[1]), *tuple(row)[2:]) for row in rows]

    async def keys(self, *scopes: Scope) -> dict[Scope, str]:
        """Make a key for each scope; every running gateway knows them then."""
        made: dict[Scope, CreatedKey] = {}
        async with as_owner(self.system.dsn(Role.OWNER), application="test") as connection:
            for scope in scopes:
                made[scope] = await create_key(connection, tenant=self.tenant.id, actor_name="Bob", scopes=(scope,))
        last = made[scopes[-1]].key.id
        await self.system._known(lambda snapshot: last in snapshot.directory.keys)
        texts = {scope: key.text.get_secret_value() for scope, key in made.items()}
        CANARIES.update(texts.values())
        return texts


async def move_in(
    system: System,
    source: str = "alertmanager",
    *,
    terms: Terms | None = None,
    tenant: Tenant | None = None,
    scopes: tuple[Scope, ...] = (),
    limit: tuple[int, int] | None = None,
) -> Customer:
    """Make a tenant (or use one) with an integration and a key; every running gateway knows them then.

    A gateway looks for changes now and then, so customers without wishes are made ahead, many at once.

    Args:
        system: where.
        source: of the integration.
        terms: of the integration.
        tenant: a tenant that there is.
        scopes: of the key; all of them by default.
        limit: of the tenant: requests a minute, and at once.
    """
    if terms or tenant or scopes or limit:
        (made,) = await _make(system, [source], terms=terms, tenant=tenant, scopes=scopes, limit=limit)
        return made
    waiting = _WAITING.setdefault((id(system), source), [])
    if not waiting:
        waiting += await _make(system, [source] * AHEAD)
    return waiting.pop(0)


async def _make(
    system: System,
    sources: Sequence[str],
    *,
    terms: Terms | None = None,
    tenant: Tenant | None = None,
    scopes: tuple[Scope, ...] = (),
    limit: tuple[int, int] | None = None,
) -> list[Customer]:
    customers: list[Customer] = []
    wanted: Collection[Scope] = scopes or (Scope.ADMIN,)
    rate, burst = limit or _LIMIT
    async with as_owner(system.dsn(Role.OWNER), application="test") as connection:
        for source in sources:
            name = f"customer {next(_NUMBERS)}"
            owner = tenant or await create_tenant(connection, name=name, rate_limit_per_min=rate, burst=burst)
            made = await create_integration(
                connection, system._master_key, tenant=owner.id, source=source, name=name, terms=terms or DEFAULT_TERMS
            )
            key = await create_key(connection, tenant=owner.id, actor_name="Ada", actor_kind="person", scopes=wanted)
            CANARIES.update((made.secret.get_secret_value(), key.text.get_secret_value()))
            integration = made.integration
            sender = Sender(id=integration.id, tenant=owner.id, source=source, path=integration.path, secret=made.secret)
            customers.append(Customer(system=system, tenant=owner, sender=sender, key=key.text.get_secret_value()))
            last_key = key.key.id
    await system._known(lambda snapshot: last_key in snapshot.directory.keys)
    return customers
