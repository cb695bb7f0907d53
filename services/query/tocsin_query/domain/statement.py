"""Statements: the only place where SQL is composed. Each carries the tenant as `$1`; values are bound, never written.

What is joined here are our own declarations (`domain.incidents`, `domain.alerts`); nothing of a request becomes SQL text.
"""

from dataclasses import dataclass

from tocsin_contracts.times import to_datetime
from tocsin_query.domain.listing import Listing, PageRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One SELECT and its values; the first is the tenant."""

    sql: str
    args: tuple[object, ...]


def page(listing: Listing, request: PageRequest, *, tenant: str) -> Statement:
    """Select a page, and one row more: its presence tells that another page follows."""
    values: list[object] = [tenant]
    predicates = _filtered(request, values)
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
    predicates = _filtered(request, values)
    parts = ["SELECT 1 FROM", listing.table, "WHERE", " AND ".join(predicates), "LIMIT", _bind(values, most + 1)]
    return Statement(sql=" ".join(["SELECT count(*) AS total FROM (", *parts, ") AS matching"]), args=tuple(values))


def _filtered(request: PageRequest, values: list[object]) -> list[str]:
    predicates = ["tenant_id = $1"]
    for each, value in request.filters:
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
