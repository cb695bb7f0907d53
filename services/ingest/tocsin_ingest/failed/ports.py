"""What failed deliveries need of PostgreSQL: what became of them, and what people said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from tocsin_contracts.command import Actor
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.position import Position
from tocsin_control.audit import Author


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a delivery, as the fold recorded it."""

    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which failed deliveries are meant: those that match every member that is said."""

    reasons: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    integrations: tuple[str, ...] = ()
    logged_from: int | None = None
    """µs, inclusive."""
    logged_to: int | None = None
    """µs, exclusive."""
    after: int = -1
    """Offset behind which to begin."""


class FailedStore(Protocol):
    """Deliveries of one tenant at a time. Every method raises `Recoverable` where PostgreSQL or the projection is away."""

    async def fate(self, tenant: str, position: Position) -> Fate | None:
        """Give what became of a delivery; None while it is not folded, or its row is gone."""

    async def fates(self, tenant: str, partition: int, offsets: Sequence[int]) -> dict[int, Fate]:
        """Give what became of several, by offset; those without a row are left out."""

    async def failed(self, tenant: str, partition: int, wanted: Wanted, *, limit: int) -> list[int]:
        """List offsets of deliveries that failed and were not sent again with success, in log order.

        Redrives themselves are left out (their original is there), and what somebody let be.
        """

    async def folded(self, partition: int) -> int:
        """Give the offset of the partition's last folded record; -1 before the first."""

    async def discard(self, tenant: str, position: Position, *, why: str, actor: Actor, author: Author) -> bool:
        """Note that somebody lets a failed delivery be, audit included; False if somebody did before: the first word stands."""

    async def begin(self, tenant: str, *, author: Author, wanted: Mapping[str, object]) -> None:
        """Write into the audit that somebody begins to send many again: nothing of it may happen unseen."""

    async def settings(self, integration: str, version: int) -> IntegrationSettings:
        """Give a version's settings; raises `Invalid` for one that is not there."""

    def alone(self, tenant: str) -> AbstractAsyncContextManager[bool]:
        """Hold the tenant's bulk redrive, over all gateways; gives False where another one runs."""

    async def close(self) -> None:
        """Disconnect. Never raises."""
