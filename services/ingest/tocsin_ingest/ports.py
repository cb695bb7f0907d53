"""What ingest asks of the world, in its own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tocsin_contracts.position import Position
from tocsin_contracts.tenant import TenantErased
from tocsin_control.audit import Author
from tocsin_control.directory import Directory
from tocsin_control.usage import TurnedAway
from tocsin_runtime.log import Bounds, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the fold decided about a command: one row of `proj.commands`."""

    request_hash: str
    status: int
    """200 where it was applied, else 404, 409, 412, 422."""
    detail: Mapping[str, object]


class Outcomes(Protocol):
    """Outcomes of commands, as the grouper records them."""

    async def find(self, tenant: str, command: str) -> Outcome | None:
        """Give the outcome of a command, None while there is none.

        Raises:
            Recoverable: PostgreSQL does not answer.
        """

    async def wait(self, tenant: str, command: str, timeout_s: float) -> Outcome | None:
        """Wait until the command has an outcome; None when `timeout_s` passed without one.

        Raises:
            Recoverable: PostgreSQL does not answer.
        """

    async def close(self) -> None:
        """Disconnect. Never raises."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request as its log line will show it; filled while it is answered."""

    id: str
    started: float
    """Monotonic seconds."""
    address: str
    route: str = "none"
    tenant: str = ""
    integration: str = ""
    source: str = ""
    size: int = 0
    """Bytes of the body, as received."""
    reason: str = ""
    """Why it was refused: a code of ours, for the log alone."""


class RequestLog(Protocol):
    """Writes one line a request (E4)."""

    def write(self, exchange: Exchange, *, at: int, status: int, seconds: float) -> None:
        """Note an answered request; the line reaches the stream a little later. Never waits, never raises."""


class Usage(Protocol):
    """Notes what was used and who was turned away; `tocsin_control.usage.UsageBuffer` is one."""

    def secret_used(self, integration: str, slot: int) -> None:
        """Note that a webhook secret proved a request."""

    def url_token_used(self, integration: str, slot: int) -> None:
        """Note that the token of a URL proved a request."""

    def rejected(self, reason: str, *, tenant: str = "", integration: str = "") -> None:
        """Count a request that was turned away."""

    def sampled(self, away: TurnedAway, *, tenant: str = "", integration: str = "") -> None:
        """Keep one of the requests that were turned away, at most one a second an integration."""


class Audit(Protocol):
    """Keeps who did what where the log holds the deed; `tocsin_control.audit_buffer.AuditBuffer` is one."""

    def note(self, author: Author, action: str, *, tenant: str, subject: str, detail: Mapping[str, object]) -> None:
        """Take a deed; it is written a little later. Never waits, never raises."""


class Erasures(Protocol):
    """Tenants that are to be erased."""

    async def settle(self, waited_s: float, append: Callable[[int, TenantErased], Awaitable[Position]]) -> int:
        """Erase every tenant that was asked for at least `waited_s` ago: append its record, then keep its position.

        Gives how many there were. One gateway at a time does it for a tenant.

        Raises:
            Recoverable: PostgreSQL or the log does not answer; what is left waits for the next call.
        """

    async def close(self) -> None:
        """Disconnect. Never raises."""


class Bodies(Protocol):
    """Reads single records of the log; `tocsin_runtime.log.LogReader` does."""

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 500, max_bytes: int = 1 << 20
    ) -> list[Record]:
        """Give records from `offset` on; see `LogReader.read`."""

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Give the offsets that the partition holds; see `LogReader.bounds`."""


class CertificateStore(Protocol):
    """Gives the certificates that Amazon SNS signs with."""

    async def certificate(self, url: str) -> bytes:
        """Give the PEM at an address for which `tocsin_sources.sns.is_certificate_url` holds; empty where there is none.

        Raises:
            Recoverable: it cannot be fetched now.
        """


class Confirmations(Protocol):
    """Confirms subscriptions of Amazon SNS."""

    async def confirm(self, url: str) -> None:
        """Visit the link of a subscription whose message was verified: `tocsin_sources.sns.is_sns_url` holds for it.

        Raises:
            Recoverable: it did not work; the sender will ask again.
        """


class Control(Usage, Audit, Protocol):
    """What ingest knows of tenants, integrations and keys, and what it tells about their use."""

    async def start(self) -> None:
        """Read PostgreSQL, else the snapshot; having neither is no error while PostgreSQL is merely away."""

    async def run(self) -> None:
        """Follow changes and write what was noted, until cancelled."""

    def current(self) -> Directory | None:
        """Give the directory in force; None before the first was read."""

    async def changed(self) -> None:
        """Wait until another directory comes into force."""

    def key_used(self, key_id: str) -> None:
        """Note that an API key was believed."""

    async def close(self) -> None:
        """Write what was noted, disconnect. Never raises."""
