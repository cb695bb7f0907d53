"""Statements: the only place where SQL is composed. Each carries the tenant as `$1`; values are bound, never written.

What is joined here are our own declarations (`domain.incidents`, `domain.alerts`, `domain.deliveries`); nothing of a request
becomes SQL text.
"""

from dataclasses import dataclass
from typing import Final

from tocsin_contracts.times import to_datetime
from tocsin_query.domain.grouping import GROUPS_MAX, Grouping, GroupRequest
from tocsin_query.domain.listing import Filter, Listing, PageRequest

DISCARDED: Final = (
    "EXISTS (SELECT 1 FROM control.discards AS d WHERE d.tenant_id = $1 AND d.partition = proj.deliveries.partition"
    ' AND d."offset" = proj.deliveries."offset")'
)
"""Whether somebody looked at the delivery of a row and let it be."""
SNOOZED: Final = (
    "(status IN ('OPEN', 'ACKNOWLEDGED', 'INVESTIGATING') AND snoozed_until IS NOT NULL AND snoozed_until >"
    " (SELECT p.clock FROM proj.partitions AS p JOIN control.tenants AS t ON t.partition = p.partition WHERE t.id = $1))"
)
"""Whether an incident is kept quiet: by the fold's clock, as all that was decided; of what is over a snooze means nothing."""
HELD_WHY: Final = (
    "CASE WHEN held IS NOT NULL THEN (SELECT e.why FROM proj.alert_events AS e WHERE e.tenant_id = $1"
    " AND e.alert_id = proj.alerts.id AND e.logged_at = proj.alerts.opened_at AND e.why IS NOT NULL"
    ' ORDER BY e."offset" DESC, e.seq DESC LIMIT 1) END AS held_why'
)
"""Why an alert waits stands at the event that began its episode; few wait, and each is one look into an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One SELECT and its values; the first is the tenant."""

    sql: str
    args: tuple[object, ...]


def page(listing: Listing, request: PageRequest, *, tenant: str) -> Statement:
    """Select a page, and one row more: its presence tells that another page follows."""
    values: list[object] = [tenant]
    predicates = _filtered(request.filters, values)
    if request.after is not None:
        predicates.append(_behind(request, values))
    direction = " DESC" if request.order.descending else ""
    parts = [
        "SELECT",
        ", ".join(listing.columns),
        "FROM",
        listing.table,
        "WHERE",
        " AND ".join(predicates),
        "ORDER BY",
        ", ".join(key.sql + direction for key in request.order.keys),
        "LIMIT",
        _bind(values, request.limit + 1),
    ]
    if request.offset:
        parts += ["OFFSET", _bind(values, request.offset)]
    return Statement(sql=" ".join(parts), args=tuple(values))


def count(listing: Listing, request: PageRequest, *, tenant: str, most: int) -> Statement:
    """Count what the filters match, up to `most` + 1: more than `most` means "at least"."""
    values: list[object] = [tenant]
    predicates = _filtered(request.filters, values)
    parts = ["SELECT 1 FROM", listing.table, "WHERE", " AND ".join(predicates), "LIMIT", _bind(values, most + 1)]
    return Statement(sql=" ".join(["SELECT count(*) AS total FROM (", *parts, ") AS matching"]), args=tuple(values))


def groups(grouping: Grouping, request: GroupRequest, *, tenant: str, most: int) -> Statement:
    """Count the newest `most` deliveries that the filters match by what they share, the largest groups first.

    A row more than `most` is looked at, so that the sum of all counts tells whether there were more.
    """
    values: list[object] = [tenant]
    predicates = _filtered(request.filters, values)
    columns = ", ".join(grouping.columns)
    newest = f"{columns}, logged_at, id"
    parts = ["SELECT", newest, "FROM", grouping.listing.table, "WHERE", " AND ".join(predicates)]
    parts += ['ORDER BY logged_at DESC, "offset" DESC LIMIT', _bind(values, most + 1)]
    by = ", ".join(request.by)
    shown = ", ".join(name if name in request.by else f"NULL AS {name}" for name in grouping.columns)
    counted = "count(*) AS count, min(logged_at) AS first_logged_at, max(logged_at) AS last_logged_at"
    example = "(array_agg(id ORDER BY logged_at DESC))[1] AS last_id, sum(count(*)) OVER ()::bigint AS total"
    outer = ["SELECT", f"{shown}, {counted}, {example}", "FROM (", *parts, ") AS newest"]
    outer += ["GROUP BY", by, "ORDER BY count DESC,", by, "LIMIT", _bind(values, GROUPS_MAX)]
    return Statement(sql=" ".join(outer), args=tuple(values))


def _filtered(filters: tuple[tuple[Filter, object], ...], values: list[object]) -> list[str]:
    predicates = ["tenant_id = $1"]
    for each, value in filters:
        bound = to_datetime(value) if isinstance(value, int) else list(value) if isinstance(value, tuple) else value
        predicates.append(each.predicate.format(_bind(values, bound)))
    return predicates


def _behind(request: PageRequest, values: list[object]) -> str:
    """Compare rows as a whole: spelled out with OR the index cannot be used (140 times slower at depth)."""
    after = request.after or ()
    keys = request.order.keys
    names = ", ".join(key.sql for key in keys)
    bounds = ", ".join(f"{_bind(values, key.bind(value))}::{key.cast}" for key, value in zip(keys, after, strict=True))
    return f"({names}) {'<' if request.order.descending else '>'} ({bounds})"


def _bind(values: list[object], value: object) -> str:
    values.append(value)
    return f"${len(values)}"
