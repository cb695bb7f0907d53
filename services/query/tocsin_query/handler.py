"""Reads: what is asked of the projection, and what is answered. Knows neither HTTP nor PostgreSQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from http import HTTPStatus

from tocsin_contracts.ids import TenantId, parse_delivery_id
from tocsin_contracts.position import Position
from tocsin_query.domain import rendering
from tocsin_query.domain.deliveries import GROUPS
from tocsin_query.domain.freshness import Freshness
from tocsin_query.domain.grouping import read_grouping
from tocsin_query.domain.listing import Listing, PageRequest, Row, next_cursor, read_page
from tocsin_query.domain.reference import OtherRequest, Unknown, read_id, read_reference
from tocsin_query.domain.statement import count, groups, page
from tocsin_query.lookup import Answer, incident_meant, one_of, rows_of, whole
from tocsin_query.ports import Projection, Snapshot

ALERTS_SHOWN = 100
HISTORY_SHOWN = 50
REJECTED_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Answers every read of one tenant; whoever calls has authenticated it."""

    projection: Projection
    count_max: int = 10_000
    """Rows up to which totals are exact."""
    stats_max: int = 100_000
    """Rows up to which counts by group are exact: the newest are counted."""

    async def page(self, tenant: TenantId, listing: Listing, query: Iterable[tuple[str, str]]) -> Answer:
        """Answer one page of a list.

        Raises:
            Refused: the query string cannot be read.
            Ambiguous: a short code in it is of several incidents.
        """
        asked = read_page(listing, query, tenant=tenant)

        async def work(snapshot: Snapshot) -> Answer:
            request = await _named(snapshot, tenant, asked)
            rows = await snapshot.rows(page(listing, request, tenant=tenant))
            shown, more = rows[: request.limit], len(rows) > request.limit
            total, exact = request.offset + len(rows), True
            if more or request.after is not None or (request.offset and not rows):
                # Only where the page itself does not tell: most filtered lists fit one page.
                counted = await snapshot.rows(count(listing, request, tenant=tenant, most=self.count_max))
                total = whole(counted[0]["total"])
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
            incident = await incident_meant(snapshot, tenant, wanted)
            row = await one_of(snapshot, "incident", tenant, incident)
            alerts = await rows_of(snapshot, "incident_alerts", tenant, incident, ALERTS_SHOWN)
            total = len(alerts)
            if total == ALERTS_SHOWN:
                total = whole((await rows_of(snapshot, "incident_alerts_total", tenant, incident))[0]["total"])
            actions = await rows_of(snapshot, "incident_actions", tenant, incident, HISTORY_SHOWN)
            facts = await rows_of(snapshot, "incident_facts", tenant, incident, HISTORY_SHOWN)
            links = await rows_of(snapshot, "incident_links", tenant, incident, HISTORY_SHOWN)
            body = rendering.incident(row, alerts=alerts, alerts_total=total, actions=actions, facts=facts, links=links)
            etag = _tag(whole(row["version"]), links)
            return Answer(body=body, freshness=snapshot.freshness, etag=etag, canonical=f"/api/v1/incidents/{incident}")

        return await self.projection.read(tenant, work)

    async def alert(self, tenant: TenantId, alert: str) -> Answer:
        """Answer one alert with its raw JSON and last events.

        Raises:
            Unknown: there is none.
        """
        wanted = read_id(alert)

        async def work(snapshot: Snapshot) -> Answer:
            row = dict(await one_of(snapshot, "alert", tenant, wanted))
            row |= await one_of(snapshot, "alert_body", tenant, wanted)
            if row["held"] is not None:
                began = await rows_of(snapshot, "alert_beginning", tenant, wanted, row["opened_at"])
                row["held_why"] = began[0]["why"] if began else None
            events = await rows_of(snapshot, "alert_events", tenant, wanted, HISTORY_SHOWN)
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
            rows = await rows_of(snapshot, "delivery", tenant, *position)
            if not rows:
                self._check_pending(snapshot.freshness, position)
                body = rendering.pending_delivery(tenant, position)
                return Answer(body=body, freshness=snapshot.freshness)
            row = rows[0]
            events = await rows_of(snapshot, "delivery_events", tenant, *position, ALERTS_SHOWN)
            incidents = await rows_of(snapshot, "delivery_incidents", tenant, row["incident_ids"], HISTORY_SHOWN)
            attempts = await rows_of(snapshot, "delivery_attempts", tenant, position.offset, HISTORY_SHOWN)
            discards = await rows_of(snapshot, "delivery_discard", tenant, *position)
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
            total = whole(rows[0]["total"]) if rows else 0
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
            days = await rows_of(snapshot, "rejections", tenant, REJECTED_SHOWN)
            samples = await rows_of(snapshot, "rejection_samples", tenant, REJECTED_SHOWN)
            body: dict[str, object] = {"days": [dict(row) for row in days], "samples": [dict(row) for row in samples]}
            return Answer(body=body, freshness=snapshot.freshness)

        return await self.projection.read(tenant, work)

    async def command(
        self, tenant: TenantId, command: str, *, position: Position | None = None, request: str | None = None
    ) -> Answer:
        """Answer what was decided about a command.

        Its id is its sender's Idempotency-Key, so only the log knows whether it was ever given. With its `position` the
        answer is exact; without, an unknown id is `pending`.

        Args:
            tenant: whose it is.
            command: its id.
            position: of its record, if known.
            request: hash of what was asked, if known.

        Raises:
            Unknown: the record at `position` was folded, and it was not this command.
            OtherRequest: the id was used for another `request`.
        """
        if not 1 <= len(command) <= 255 or "\x00" in command or any("\ud800" <= char <= "\udfff" for char in command):
            raise Unknown

        async def work(snapshot: Snapshot) -> Answer:
            rows = await rows_of(snapshot, "command", tenant, command)
            if rows:
                if request not in {None, rows[0]["request_hash"]}:
                    raise OtherRequest
                return Answer(body=rendering.command(rows[0]), freshness=snapshot.freshness)
            if position is not None:
                self._check_pending(snapshot.freshness, position)
            body: dict[str, object] = {"id": command, "outcome": "pending"}
            return Answer(body=body, freshness=snapshot.freshness, status=HTTPStatus.ACCEPTED)

        return await self.projection.read(tenant, work)

    @staticmethod
    def _check_pending(freshness: Freshness, position: Position) -> None:
        """Refuse a position that can hold nothing to wait for: folded already, or of another partition."""
        if position.partition != freshness.partition or freshness.reaches(position):
            raise Unknown


def _tag(version: int, links: Sequence[Row]) -> str:
    """Name how an incident is shown: its version, and the links, which others change without it."""
    if not links:
        return f'W/"{version}"'
    return f'W/"{version}-{blake2b(repr(links).encode(), digest_size=6).hexdigest()}"'


async def _named(snapshot: Snapshot, tenant: TenantId, request: PageRequest) -> PageRequest:
    """Put ids in the place of short codes; one that no incident has matches nothing.

    Raises:
        Ambiguous: a code is of several incidents.
    """
    if not any(each.names_incidents for each, _ in request.filters):
        return request
    filters = [
        (each, await _meant(snapshot, tenant, value) if each.names_incidents else value) for each, value in request.filters
    ]
    return replace(request, filters=tuple(filters))


async def _meant(snapshot: Snapshot, tenant: TenantId, names: object) -> tuple[str, ...]:
    found: list[str] = []
    for name in names if isinstance(names, tuple) else ():
        try:
            found.append(await incident_meant(snapshot, tenant, read_reference(name)))
        except Unknown:
            continue
    return tuple(found)
