"""A record as the map reads it, and an entry as it writes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tocsin_contracts.outcome import Mapped

RawHeaders = Sequence[tuple[str, bytes]]


class LogRecord(Protocol):
    """One record of `tocsin.log`. Any record type of a log client fits: nothing is copied."""

    @property
    def partition(self) -> int:
        """The partition; the image goes to the same one."""

    @property
    def offset(self) -> int:
        """The offset in `tocsin.log`."""

    @property
    def appended_at_ms(self) -> int:
        """The broker's append time in ms, raw."""

    @property
    def key(self) -> bytes | None:
        """The tenant; copied."""

    @property
    def value(self) -> bytes:
        """The body of a delivery; of anything else bytes that are not ours to read."""

    @property
    def headers(self) -> RawHeaders:
        """Kind and envelope; anything may stand here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imaged:
    """The output for one input record: what to append, and what to count."""

    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]
    mapped: Mapped | None
    """None for a record that was copied unread."""
    source: str = ""
    reason: str = ""
    alerts: int = 0
