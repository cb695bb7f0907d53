"""Lists: what may be filtered and sorted, and how a query string becomes one request (C6: one place for all lists)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tocsin_contracts.ids import TenantId
from tocsin_contracts.times import from_datetime, to_datetime
from tocsin_query.domain import cursor as cursors
from tocsin_query.domain.kind import Choice, Instant, Text, Whole
from tocsin_query.domain.parameter import Fault, Parameter, Refused, read_query

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
OFFSET_MAX: Final = 10_000

_TRUTH: Final = Choice(("true", "false", "yes", "no"))
Row = Mapping[str, object]
Show = Callable[[Row, TenantId], dict[str, object]]
"""Makes of a stored row what people see."""


def as_it_is(row: Row, _tenant: TenantId) -> dict[str, object]:
    """Show a row as it is stored."""
    return dict(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A parameter that narrows the list. `predicate` is ours alone; `{}` is where the bound value stands."""

    parameter: Parameter
    predicate: str
    names_incidents: bool = False
    """Whether its values may be short codes: they are looked up before the statement is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One sort key: its SQL, the type that a cursor's value has there, and how a row shows it."""

    sql: str
    cast: str
    of: Callable[[Row], int | str]
    bind: Callable[[int | str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A sort: keys that together are unique for each row, so that pages never overlap; all in one direction."""

    name: str
    keys: tuple[Key, ...]

    @property
    def descending(self) -> bool:
        """Tell the direction: a `-` in front of the name means downwards."""
        return self.name.startswith("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list: its table, columns, filters and sorts. The first sort is the default."""

    table: str
    columns: tuple[str, ...]
    filters: tuple[Filter, ...]
    orders: tuple[Order, ...]
    show: Show = as_it_is

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """List every parameter that it takes."""
        names = tuple(order.name for order in self.orders)
        return (
            *(each.parameter for each in self.filters),
            Parameter(
                name="sort", meaning="Order of the rows; `-` means downwards.", kind=Choice(names), default=self.orders[0].name
            ),
            LIMIT,
            OFFSET,
            CURSOR,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """One page that was asked for, every value checked."""

    filters: tuple[tuple[Filter, object], ...]
    order: Order
    limit: int
    offset: int
    after: tuple[int | str, ...] | None
    """Sort keys of the row before the page."""
    query: str
    """What was asked besides the page, in one canonical text: binds cursors."""


LIMIT = Parameter(name="limit", meaning="Rows of a page.", kind=Whole(1, LIMIT_MAX), default=LIMIT_DEFAULT)
OFFSET = Parameter(
    name="offset",
    meaning="Rows to pass over. Deeper than this, follow `next_cursor`: it costs the same at any depth.",
    kind=Whole(0, OFFSET_MAX, "go on with the cursor that each page names as next_cursor"),
    default=0,
)
CURSOR = Parameter(
    name="cursor",
    meaning="`next_cursor` of the page before, with the same filters and sort; excludes `offset`.",
    kind=Text(cursors.CURSOR_MAX),
)


def any_of(name: str, meaning: str, kind: Choice | Text | None = None) -> Filter:
    """Declare a filter that takes one or several values of the column of the same name."""
    parameter = Parameter(name=name, meaning=meaning, kind=kind or Text(), many=True)
    return Filter(parameter=parameter, predicate=name + " = ANY({}::text[])")


def whether(name: str, meaning: str, predicate: str) -> Filter:
    """Declare a filter that takes `true` or `false`; `yes` and `no` mean the same."""
    return Filter(
        parameter=Parameter(name=name, meaning=meaning, kind=_TRUTH), predicate=predicate + " = ({}::text = ANY('{{true,yes}}'))"
    )


def between(column: str, what: str) -> tuple[Filter, Filter]:
    """Declare `<column>_from` (inclusive) and `<column>_to` (exclusive): neighbouring ranges share no row."""
    stem = column.removesuffix("_at")
    return (
        Filter(
            parameter=Parameter(name=f"{stem}_from", meaning=f"{what} at this moment or later.", kind=Instant()),
            predicate=column + " >= {}::timestamptz",
        ),
        Filter(
            parameter=Parameter(name=f"{stem}_to", meaning=f"{what} before this moment.", kind=Instant()),
            predicate=column + " < {}::timestamptz",
        ),
    )


def text_key(column: str) -> Key:
    """Sort by a text column, byte by byte (COLLATE "C")."""
    return Key(sql=column, cast="text", of=lambda row: str(row[column]), bind=str)


def number_key(column: str, cast: str = "integer") -> Key:
    """Sort by a whole number."""
    name = column.strip('"')
    return Key(sql=column, cast=cast, of=lambda row: int(str(row[name])), bind=int)


def time_key(column: str) -> Key:
    """Sort by a time."""
    return Key(
        sql=column,
        cast="timestamptz",
        of=lambda row: from_datetime(row[column]),  # type: ignore[arg-type] # the column's type, by the DDL
        bind=lambda value: to_datetime(int(value)),
    )


OFFSET_KEY: Final = number_key('"offset"', "bigint")


def read_page(listing: Listing, query: Iterable[tuple[str, str]], *, tenant: str) -> PageRequest:
    """Read a query string into the page it asks for.

    Raises:
        Refused: with every fault that can be told.
    """
    values = read_query(listing.parameters, query)
    filters = tuple((each, values[each.parameter.name]) for each in listing.filters if each.parameter.name in values)
    return page_of(listing, values, filters, tenant=tenant)


def page_of(
    listing: Listing, values: Mapping[str, object], filters: tuple[tuple[Filter, object], ...], *, tenant: str
) -> PageRequest:
    """Make a page's request of values that were read.

    Raises:
        Refused: they do not fit each other, or the cursor is of another query.
    """
    order = next(each for each in listing.orders if each.name == values.get("sort", listing.orders[0].name))
    canonical = repr([listing.table, order.name, *((each.parameter.name, value) for each, value in filters)])
    faults = list(_empty_ranges(values))
    after: tuple[int | str, ...] | None = None
    if "cursor" in values:
        if "offset" in values:
            faults.append(Fault(parameter="offset", code="excluded", detail="cursor and offset exclude each other"))
        try:
            after = _after(str(values["cursor"]), order, tenant=tenant, query=canonical)
        except (ValueError, OverflowError):
            detail = "not a next_cursor of this query: send it with the filters and sort of the page that named it"
            faults.append(Fault(parameter="cursor", code="not-a-cursor", detail=detail))
    if faults:
        raise Refused(faults)
    return PageRequest(
        filters=filters,
        order=order,
        limit=_whole(values, LIMIT),
        offset=_whole(values, OFFSET),
        after=after,
        query=canonical,
    )


def read_filters(
    listing: Listing, query: Iterable[tuple[str, str]], others: Iterable[Parameter]
) -> tuple[tuple[tuple[Filter, object], ...], dict[str, object]]:
    """Read a query string that takes a list's filters and some other parameters, but no page; gives both.

    Raises:
        Refused: with every fault that can be told.
    """
    values = read_query((*others, *(each.parameter for each in listing.filters)), query)
    faults = tuple(_empty_ranges(values))
    if faults:
        raise Refused(faults)
    filters = tuple((each, values.pop(each.parameter.name)) for each in listing.filters if each.parameter.name in values)
    return filters, values


def next_cursor(request: PageRequest, last: Row, *, tenant: str) -> str:
    """Name the place behind a page's last row."""
    return cursors.encode([key.of(last) for key in request.order.keys], tenant=tenant, query=request.query)


def _after(text: str, order: Order, *, tenant: str, query: str) -> tuple[int | str, ...]:
    values = tuple(cursors.decode(text, tenant=tenant, query=query))
    if len(values) != len(order.keys):
        raise ValueError("a cursor of another sort")
    for key, value in zip(order.keys, values, strict=True):
        key.bind(value)
    return values


def _whole(values: Mapping[str, object], parameter: Parameter) -> int:
    value = values.get(parameter.name, parameter.default)
    if not isinstance(value, int):
        raise TypeError(parameter.name)
    return value


def _empty_ranges(values: Mapping[str, object]) -> Iterable[Fault]:
    for name, until in values.items():
        since = values.get(f"{name.removesuffix('_to')}_from")
        if name.endswith("_to") and isinstance(since, int) and isinstance(until, int) and until <= since:
            yield Fault(parameter=name, code="empty-range", detail="must lie behind the _from of the same time")
