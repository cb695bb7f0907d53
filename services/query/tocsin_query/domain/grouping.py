"""Counts of a list's rows by what they share: which columns, over which rows, and how much of it is looked at."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tocsin_query.domain.kind import Choice
from tocsin_query.domain.listing import Filter, Listing, read_filters
from tocsin_query.domain.parameter import Parameter

GROUPS_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """What a list may be counted by; it takes the list's filters."""

    listing: Listing
    columns: tuple[str, ...]
    default: tuple[str, ...]

    @property
    def by(self) -> Parameter:
        """Declare the parameter that names the columns."""
        meaning = f"What to count by; all of them where nothing is said. The {GROUPS_MAX} largest groups are shown."
        return Parameter(name="by", meaning=meaning, kind=Choice(self.columns), many=True)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """List every parameter that it takes."""
        return (self.by, *(each.parameter for each in self.listing.filters))


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRequest:
    """Counts that were asked for, every value checked."""

    by: tuple[str, ...]
    filters: tuple[tuple[Filter, object], ...]


def read_grouping(grouping: Grouping, query: Iterable[tuple[str, str]]) -> GroupRequest:
    """Read a query string into the counts it asks for.

    Raises:
        Refused: with every fault that can be told.
    """
    filters, rest = read_filters(grouping.listing, query, (grouping.by,))
    by = rest.get(grouping.by.name, grouping.default)
    wanted = by if isinstance(by, tuple) else ()
    return GroupRequest(by=tuple(name for name in grouping.columns if name in wanted), filters=filters)
