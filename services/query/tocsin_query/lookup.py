"""Reads of single rows by named statement, and what a name of an incident means: what every answer is made of."""

from dataclasses import dataclass
from http import HTTPStatus

from tocsin_contracts.ids import TenantId
from tocsin_contracts.reference import IncidentRange
from tocsin_query.domain.freshness import Freshness
from tocsin_query.domain.incidents import incident_row
from tocsin_query.domain.listing import Row
from tocsin_query.domain.reference import CHOICES_MAX, Ambiguous, Unknown
from tocsin_query.domain.statement import Statement
from tocsin_query.ports import Snapshot
from tocsin_runtime.queries import load

QUERIES = load("tocsin_query", "sql/queries.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, before it is bytes."""

    body: dict[str, object]
    freshness: Freshness
    status: int = HTTPStatus.OK
    etag: str | None = None
    """Of the one thing shown, where it has one, as the header says it."""
    canonical: str | None = None
    """Path of the thing shown, where it was asked for by another name."""


async def rows_of(snapshot: Snapshot, name: str, tenant: TenantId, *values: object) -> list[Row]:
    """Run a named statement; the tenant is its first value."""
    return list(await snapshot.rows(Statement(sql=QUERIES[name], args=(tenant, *values))))


async def one_of(snapshot: Snapshot, name: str, tenant: TenantId, *values: object) -> Row:
    """Run a named statement that gives one row.

    Raises:
        Unknown: it gives none.
    """
    rows = await rows_of(snapshot, name, tenant, *values)
    if not rows:
        raise Unknown
    return rows[0]


async def incident_meant(snapshot: Snapshot, tenant: TenantId, wanted: IncidentRange) -> str:
    """Find the id that a reference means; a whole id is not looked up.

    Raises:
        Unknown: no incident begins so.
        Ambiguous: several do.
    """
    if wanted.is_whole:
        return wanted.first
    choices = await rows_of(snapshot, "incident_choices", tenant, wanted.first, wanted.last, CHOICES_MAX)
    if not choices:
        raise Unknown
    if len(choices) > 1:
        raise Ambiguous([incident_row(choice) for choice in choices])
    return str(choices[0]["id"])


def whole(value: object) -> int:
    """Give a whole number of a row.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, int):
        raise TypeError(f"a whole number was expected, not {type(value).__name__}")
    return value
