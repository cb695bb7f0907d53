"""Why alerts and incidents are what they are, and which rules decided so: read from what was recorded, never worked out anew."""

from collections.abc import Iterable

from tocsin_contracts.ids import TenantId
from tocsin_contracts.status import AlertStatus
from tocsin_query.domain import rendering
from tocsin_query.domain.alert_why import EVENTS, alert_why
from tocsin_query.domain.history import History, page_of_history
from tocsin_query.domain.incident_why import FACTS, incident_why
from tocsin_query.domain.listing import Row, next_cursor
from tocsin_query.domain.parameter import read_query
from tocsin_query.domain.reference import Unknown, read_id, read_reference
from tocsin_query.domain.statement import page
from tocsin_query.lookup import Answer, incident_meant, one_of, rows_of
from tocsin_query.ports import Projection, Snapshot

VERSION_DIGITS = 9


async def explain_alert(projection: Projection, tenant: TenantId, alert: str, query: Iterable[tuple[str, str]]) -> Answer:
    """Say why an alert is where it is.

    Raises:
        Unknown: there is no such alert.
        Refused: the query string cannot be read.
    """
    wanted, values = read_id(alert), read_query(EVENTS.parameters, query)

    async def work(snapshot: Snapshot) -> Answer:
        row = await one_of(snapshot, "alert_standing", tenant, wanted)
        began = await _beginning(snapshot, tenant, row)
        moved, ended = await _move(snapshot, tenant, row, began), await _end(snapshot, tenant, row, began)
        history, cursor = await _page(snapshot, tenant, EVENTS, values, wanted)
        body = alert_why(row, began=began, moved=moved, ended=ended, history=history, tenant=tenant)
        return Answer(body={**body, "next_cursor": cursor}, freshness=snapshot.freshness)

    return await projection.read(tenant, work)


async def explain_incident(projection: Projection, tenant: TenantId, name: str, query: Iterable[tuple[str, str]]) -> Answer:
    """Say why an incident is what it is.

    Raises:
        Unknown: there is no such incident.
        Ambiguous: several incidents have this name.
        Refused: the query string cannot be read.
    """
    wanted, values = read_reference(name), read_query(FACTS.parameters, query)

    async def work(snapshot: Snapshot) -> Answer:
        incident = await incident_meant(snapshot, tenant, wanted)
        row = await one_of(snapshot, "incident_standing", tenant, incident)
        opening = await one_of(snapshot, "incident_opening", tenant, incident)
        history, cursor = await _page(snapshot, tenant, FACTS, values, incident)
        body = incident_why(row, opening=opening, history=history)
        path = f"/api/v1/incidents/{incident}/why"
        return Answer(body={**body, "next_cursor": cursor}, freshness=snapshot.freshness, canonical=path)

    return await projection.read(tenant, work)


async def show_rules(projection: Projection, tenant: TenantId) -> Answer:
    """Show the rules in force; version 0 before there are any."""

    async def work(snapshot: Snapshot) -> Answer:
        rows = await rows_of(snapshot, "rules", tenant)
        return _rules(rows[0] if rows else None, snapshot)

    return await projection.read(tenant, work)


async def show_rules_of(projection: Projection, tenant: TenantId, version: str) -> Answer:
    """Show a version of the rules; 0 is what holds before there are any.

    Raises:
        Unknown: there is no such version.
    """
    if not (version.isascii() and version.isdigit() and len(version) <= VERSION_DIGITS):
        raise Unknown

    async def work(snapshot: Snapshot) -> Answer:
        number = int(version)
        return _rules(await one_of(snapshot, "rules_of_version", tenant, number) if number else None, snapshot)

    return await projection.read(tenant, work)


def _rules(row: Row | None, snapshot: Snapshot) -> Answer:
    body = rendering.rule_set(row)
    return Answer(body=body, freshness=snapshot.freshness, etag=f'"v{body["version"]}"')


async def _beginning(snapshot: Snapshot, tenant: TenantId, row: Row) -> Row | None:
    """Find the event that began an alert's last episode: it stands at the moment when the episode began."""
    if row["opened_at"] is None:
        return None
    found = await rows_of(snapshot, "alert_beginning", tenant, row["id"], row["opened_at"])
    return found[0] if found else None


async def _move(snapshot: Snapshot, tenant: TenantId, row: Row, began: Row | None) -> Row | None:
    """Find what brought an alert into its incident, where its last episode did not begin there."""
    incident = row["incident_id"]
    if incident is None or (began is not None and began["incident_id"] == incident):
        return None
    found = await rows_of(snapshot, "alert_move", tenant, incident, row["id"])
    return found[0] if found else None


async def _end(snapshot: Snapshot, tenant: TenantId, row: Row, began: Row | None) -> tuple[Row, str] | None:
    """Find what ended an alert's last episode without a resolve, and the incident that tells of it."""
    if row["status"] != AlertStatus.CLOSED or row["opened_at"] is None:
        return None
    places = {row["incident_id"], None if began is None else began["incident_id"]} - {None}
    found = await rows_of(snapshot, "alert_end", tenant, sorted(map(str, places)), row["id"], row["opened_at"])
    if not found:
        return None
    told = {name: value for name, value in found[0].items() if name != "incident_id"}
    return told, str(found[0]["incident_id"])


async def _page(
    snapshot: Snapshot, tenant: TenantId, history: History, values: dict[str, object], owner: str
) -> tuple[list[Row], str | None]:
    """Read a page of a history, and name the next one."""
    request = page_of_history(history, values, tenant=tenant, owner=owner)
    rows = list(await snapshot.rows(page(history.listing, request, tenant=tenant)))
    shown = rows[: request.limit]
    return shown, next_cursor(request, shown[-1], tenant=tenant) if len(rows) > len(shown) else None
