"""What commands ask of the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tocsin_contracts.reference import IncidentRange
from tocsin_ingest.domain.ask import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One incident that a reference may mean."""

    id: str
    title: str
    status: str


class Incidents(Protocol):
    """The incidents of a tenant, as the projection has them at the moment."""

    async def choices(self, tenant: str, wanted: Sequence[IncidentRange]) -> list[list[Choice]]:
        """Give what each reference may mean, in order of id: at most `reference.CHOICES_MAX` of each.

        Raises:
            Recoverable: PostgreSQL does not answer.
        """

    async def matching(self, tenant: str, wanted: Wanted, limit: int) -> list[str]:
        """Give the ids of incidents that match, the newest first, `limit` at most.

        Raises:
            Recoverable: PostgreSQL does not answer, or not in time.
        """

    async def count(self, tenant: str, wanted: Wanted) -> int:
        """Count the incidents that match.

        Raises:
            Recoverable: PostgreSQL does not answer, or not in time.
        """

    async def close(self) -> None:
        """Disconnect. Never raises."""
