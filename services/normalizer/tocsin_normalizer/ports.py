"""What the handler needs of the world beside the log seam (`tocsin_runtime.log`)."""

from contextlib import AbstractContextManager
from typing import Protocol

from tocsin_contracts.integration import IntegrationSettings


class Versions(Protocol):
    """The immutable settings of integrations."""

    async def find(self, integration: str, version: int) -> IntegrationSettings | None:
        """Give a version's settings; None where no such version is recorded.

        Raises:
            Recoverable: the store does not answer, and the version is not known from before.
        """

    async def erased(self) -> frozenset[str]:
        """Give the tenants that were erased: nothing of theirs is read any more (DESIGN 3, "Erase").

        Raises:
            Recoverable: the store does not answer, and nothing is known from before.
        """


class DeadMan(Protocol):
    """Ends the process when a piece of pure work never returns: no task of the same loop could."""

    def armed(self) -> AbstractContextManager[None]:
        """Give a block that must end in time, or the process dies at once."""


class Jitter(Protocol):
    """Where randomness comes from."""

    def __call__(self) -> float:
        """Draw from 0 ≤ x < 1."""
