"""What the handler needs from outside, in its own words."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from tocsin_contracts.ids import TenantId
from tocsin_control.principal import Principal
from tocsin_query.domain.freshness import Freshness
from tocsin_query.domain.statement import Statement

T = TypeVar("T")


class Snapshot(Protocol):
    """One consistent view of the projection, as one tenant sees it."""

    @property
    def freshness(self) -> Freshness:
        """Tell how far the fold has come in this view."""

    async def rows(self, statement: Statement) -> Sequence[Mapping[str, object]]:
        """Run one statement in this view."""


class Projection(Protocol):
    """Where projections are read."""

    async def read(self, tenant: TenantId, work: Callable[[Snapshot], Awaitable[T]]) -> T:
        """Run `work` in one snapshot; once more from the start if the projection was swapped under it.

        Raises:
            TooSlow: a statement passed its time limit.
            Recoverable: PostgreSQL or the projection is away.
        """


class Authenticator(Protocol):
    """Who may ask."""

    async def authenticate(self, authorization: str | None) -> Principal:
        """Believe an `Authorization` header.

        Raises:
            Unauthenticated: it names nobody.
            Recoverable: cannot be told now.
        """


class TooSlow(Exception):  # noqa: N818 - an answer, not an error of ours
    """The statement passed its time limit: 503."""
