"""What happened to one thing, newest first, a bounded page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tocsin_query.domain.listing import CURSOR, LIMIT, Filter, Listing, PageRequest, page_of
from tocsin_query.domain.parameter import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Rows that belong to one thing, in the one order of their listing."""

    parameters: ClassVar[tuple[Parameter, ...]] = (LIMIT, CURSOR)
    listing: Listing
    of: Filter
    """Whose rows; its value is never read from a query."""


def page_of_history(history: History, values: Mapping[str, object], *, tenant: str, owner: str) -> PageRequest:
    """Make a page's request of values that were read; its cursors fit this owner alone.

    Raises:
        Refused: the cursor is of something else.
    """
    return page_of(history.listing, values, ((history.of, owner),), tenant=tenant)
