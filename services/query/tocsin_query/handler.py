"""Reads: what is asked of the projection, and what is answered. Knows neither HTTP nor PostgreSQL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from tocsin_contracts.ids import TenantId, parse_delivery_id
from tocsin_contracts.position import Position
from tocsin_query.domain import rendering
from tocsin_query.domain.deliveries import GROUPS
from tocsin_query.domain.freshness import Freshness
from tocsin_query.domain.grouping import read_grouping
from tocsin_query.domain.incidents import incident_row
from tocsin_query.domain.listing import Listing, Row, next_cursor, read_page
from tocsin_query.domain.reference import CHOICES_MAX, Ambiguous, Unknown, read_id, read_reference
from tocsin_query.domain.statement import Statement, count, groups, page
from tocsin_query.ports import Projection, Snapshot
from tocsin_runtime.queries import load

ALERTS_SHOWN = 100
HISTORY_SHOWN = 50
REJECTED_SHOWN = 200
QUERIES = load("tocsin_query", "sql/queries.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, before it is bytes."""

    body: dict[str, object]
    freshness: Freshness
    status: int = HTTPStatus.OK
    version: int | None = None
    """Of the one thing shown, where it has one: the read ETag."""
    canonical: str | None = None
    """Id of the thing shown, where it was asked for by another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Answers every read of one tenant; whoever calls has authenticated it."""

    projection: Projection
    count_max: int = 10_000
    """Rows up to which totals are exact."""
    stats_max: int = 100_000
    """Rows up to which counts by group are exact: the newest are counted."""
    queries: Mapping[str, str] = field(default_factory=lambda: {name: QUERIES[name] for name in QUERIES.names()})

    async def page(self, tenant: TenantId, listing: Listing, query: Iterable[tuple[str, str]]) -> Answer:
        """Answer one page of a list.

        Raises:
            Refused: the query string cannot be read.
        """
        request = read_page(listing, query, tenant=tenant)

        async def work(snapshot: Snapshot) -> Answer:
            rows = await snapshot.rows(page(listing, request, tenant=tenant))
            shown, more = rows[: request.limit], len(rows) > request.limit
            total, exact = request.offset + len(rows), True
            if more or request.after is not None or (request.offset and not rows):
                # Only where the page itself does not tell: most filtered lists fit one page.
                counted = await snapshot.rows(count(listing, request, tenant=tenant, most=self.count_max))
                total = _whole(counted[0]["total"])
                exact = total <= self.count_max
            body: dict[str, object] = {
                "items": [listing.show(row, tenant) for row in shown],
                "total": total if exact else self.count_max,
                "total_is_exact": exact,
                "limit": request.limit,
                "offset": request.offset,
                "next_cursor": next_cursor(request, shown[-1], tenant=tenant) if more else None,
            }
            return Answer(body=body, freshness=snapshot.freshness)

        return await self.projection.read(tenant, work)

    async def incident(self, tenant: TenantId, reference: str) -> Answer:
        """Answer one incident, by id or by the beginning of it.

        Raises:
            Unknown: there is none.
            Ambiguous: the beginning names several.
        """
        wanted = read_reference(reference)

        async def work(snapshot: Snapshot) -> Answer:
            incident = wanted.first
            if wanted.first != wanted.last:
                incident = await self._resolve(snapshot, tenant, wanted.first, wanted.last)
            row = await self._one(snapshot, "incident", tenant, incident)
            alerts = await self._rows(snapshot, "incident_alerts", tenant, incident, ALERTS_SHOWN)
            total = len(alerts)
            if total == ALERTS_SHOWN:
                total = _whole((await self._rows(snapshot, "incident_alerts_total", tenant, incident))[0]["total"])
            actions = await self._rows(snapshot, "incident_actions", tenant, incident, HISTORY_SHOWN)
            facts = await self._rows(snapshot, "incident_facts", tenant, incident, HISTORY_SHOWN)
            body = rendering.incident(row, alerts=alerts, alerts_total=total, actions=actions, facts=facts)
            version = _whole(row["version"])
            return Answer(body=body, freshness=snapshot.freshness, version=version, canonical=incident)

        return await self.projection.read(tenant, work)

    async def alert(self, tenant: TenantId, alert: str) -> Answer:
        """Answer one alert with its raw JSON and last events.

        Raises:
            Unknown: there is none.
        """
        wanted = read_id(alert)

        async def work(snapshot: Snapshot) -> Answer:
            row = await self._one(snapshot, "alert", tenant, wanted)
            events = await self._rows(snapshot, "alert_events", tenant, wanted, HISTORY_SHOWN)
            return Answer(body=rendering.alert(row, events=events, tenant=tenant), freshness=snapshot.freshness)

        return await self.projection.read(tenant, work)

    async def delivery(self, tenant: TenantId, delivery: str) -> Answer:
        """Answer what became of a delivery: `pending` while its position is not folded.

        Raises:
            Unknown: not an id of this tenant's, or no delivery of this tenant's lies there, or its day was dropped.
        """
        try:
            position = parse_delivery_id(tenant, delivery)
        except ValueError:
            raise Unknown from None

        async def work(snapshot: Snapshot) -> Answer:
            rows = await self._rows(snapshot, "delivery", tenant, *position)
            if not rows:
                self._check_pending(snapshot.freshness, position)
                body = rendering.pending_delivery(tenant, position)
                return Answer(body=body, freshness=snapshot.freshness)
            row = rows[0]
            events = await self._rows(snapshot, "delivery_events", tenant, *position, ALERTS_SHOWN)
            incidents = await self._rows(snapshot, "delivery_incidents", tenant, row["incident_ids"], HISTORY_SHOWN)
            attempts = await self._rows(snapshot, "delivery_attempts", tenant, position.offset, HISTORY_SHOWN)
            discards = await self._rows(snapshot, "delivery_discard", tenant, *position)
            body = rendering.delivery(
                row,
                events=events,
                incidents=incidents,
                attempts=attempts,
                discard=discards[0] if discards else None,
                tenant=tenant,
            )
            return Answer(body=body, freshness=snapshot.freshness)

        return await self.projection.read(tenant, work)

    async def delivery_stats(self, tenant: TenantId, query: Iterable[tuple[str, str]]) -> Answer:
        """Answer how many deliveries share an outcome, a reason, a source, an integration.

        Raises:
            Refused: the query string cannot be read.
        """
        request = read_grouping(GROUPS, query)

        async def work(snapshot: Snapshot) -> Answer:
            rows = await snapshot.rows(groups(GROUPS, request, tenant=tenant, most=self.stats_max))
            total = _whole(rows[0]["total"]) if rows else 0
            body: dict[str, object] = {
                "by": request.by,
                "groups": [{name: value for name, value in row.items() if name != "total"} for row in rows],
                "total": min(total, self.stats_max),
                "total_is_exact": total <= self.stats_max,
            }
            return Answer(body=body, freshness=snapshot.freshness)

        return await self.projection.read(tenant, work)

    async def rejected(self, tenant: TenantId) -> Answer:
        """Answer how many requests were turned away by day, and samples of them."""

        async def work(snapshot: Snapshot) -> Answer:
            days = await self._rows(snapshot, "rejections", tenant, REJECTED_SHOWN)
            samples = await self._rows(snapshot, "rejection_samples", tenant, REJECTED_SHOWN)
            body: dict[str, object] = {"days": [dict(row) for row in days], "samples": [dict(row) for row in samples]}
            return Answer(body=body, freshness=snapshot.freshness)

        return await self.projection.read(tenant, work)

    async def command(self, tenant: TenantId, command: str, position: Position | None) -> Answer:
        """Answer what was decided about a command.

        Its id is its sender's Idempotency-Key, so only the log knows whether it was ever given. With its `position` the
        answer is exact; without, an unknown id is `pending`.

        Raises:
            Unknown: the record at `position` was folded, and it was not this command.
        """
        if not 1 <= len(command) <= 255 or "\x00" in command or any("\ud800" <= char <= "\udfff" for char in command):
            raise Unknown

        async def work(snapshot: Snapshot) -> Answer:
            rows = await self._rows(snapshot, "command", tenant, command)
            if rows:
                return Answer(body=rendering.command(rows[0]), freshness=snapshot.freshness)
            if position is not None:
                self._check_pending(snapshot.freshness, position)
            body: dict[str, object] = {"id": command, "outcome": "pending"}
            return Answer(body=body, freshness=snapshot.freshness, status=HTTPStatus.ACCEPTED)

        return await self.projection.read(tenant, work)

    async def _resolve(self, snapshot: Snapshot, tenant: TenantId, first: str, last: str) -> str:
        choices = await self._rows(snapshot, "incident_choices", tenant, first, last, CHOICES_MAX)
        if not choices:
            raise Unknown
        if len(choices) > 1:
            raise Ambiguous([incident_row(choice) for choice in choices])
        return str(choices[0]["id"])

    @staticmethod
    def _check_pending(freshness: Freshness, position: Position) -> None:
        """Refuse a position that can hold nothing to wait for: folded already, or of another partition."""
        if position.partition != freshness.partition or freshness.reaches(position):
            raise Unknown

    async def _one(self, snapshot: Snapshot, name: str, tenant: TenantId, key: str) -> Row:
        rows = await self._rows(snapshot, name, tenant, key)
        if not rows:
            raise Unknown
        return rows[0]

    async def _rows(self, snapshot: Snapshot, name: str, tenant: TenantId, *values: object) -> list[Row]:
        return list(await snapshot.rows(Statement(sql=self.queries[name], args=(tenant, *values))))


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a whole number was expected, not {type(value).__name__}")
    return value
