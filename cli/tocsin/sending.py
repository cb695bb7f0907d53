"""Sends deliveries over HTTP as their senders do: the sample's own headers, signed over the very bytes that are sent."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from tocsin_control.integrations import webhook_path
from tocsin_runtime.errors import Fatal
from tocsin_sources import samples
from tocsin_sources.samples import Sample

TIMEOUT_S = 10.0
"""Ingest answers within 5 s, if with 503 (P1)."""
ACCEPTED = 202
NO_ANSWER = 0
CONCURRENCY_MAX = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Where deliveries go, and what proves them."""

    url: str
    """The public address, without a trailing slash."""
    source: str
    integration: str
    secret: str | None = field(repr=False)
    """None: what is sent proves nothing, which an integration may allow."""

    @property
    def address(self) -> str:
        """Give the URL that the sender posts to."""
        return self.url + webhook_path(self.source, self.integration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What came back for one delivery."""

    source: str
    case: str
    status: int
    """The HTTP status; 0 where nobody answered."""
    delivery_id: str | None = None
    detail: str | None = None
    """Why it was not accepted."""

    @property
    def accepted(self) -> bool:
        """Tell whether it lies in the log now (P1)."""
        return self.status == ACCEPTED


async def send(session: aiohttp.ClientSession, recipient: Recipient, sample: Sample) -> Receipt:
    """Send one sample; every end is a receipt, that nobody answered too."""
    proven = prove(recipient, sample, time.time_ns() // 1000)
    try:
        async with session.post(recipient.address, data=proven.body, headers=proven.headers) as response:
            return receipt(sample, response.status, await response.read())
    except TimeoutError:
        return Receipt(source=sample.source, case=sample.case, status=NO_ANSWER, detail=f"no answer within {TIMEOUT_S:.0f} s")
    except (aiohttp.ClientError, ValueError) as error:
        detail = str(error) or type(error).__name__
        return Receipt(source=sample.source, case=sample.case, status=NO_ANSWER, detail=detail)


Addressed = tuple[Recipient, Sample]
"""A delivery and whom it goes to."""


async def send_all(
    wanted: Iterable[Addressed], *, concurrency: int, rate_per_s: float | None, told: Callable[[Receipt], None]
) -> None:
    """Send deliveries, at most `concurrency` at a time and `rate_per_s` a second; in their order where one goes at a time."""
    queue = iter(wanted)
    pace = Pace(rate_per_s, time.monotonic)

    async def work(session: aiohttp.ClientSession) -> None:
        for recipient, sample in queue:
            await asyncio.sleep(pace.wait_s())
            told(await send(session, recipient, sample))

    async with open_session(concurrency) as session, asyncio.TaskGroup() as tasks:
        for _ in range(concurrency):
            tasks.create_task(work(session))


class Pace:
    """Says how long to wait before the next one, so that `rate_per_s` is kept; without a rate, never."""

    def __init__(self, rate_per_s: float | None, now: Callable[[], float]) -> None:
        self._step_s = 0.0 if rate_per_s is None else 1 / rate_per_s
        self._now = now
        self._next = now()

    def wait_s(self) -> float:
        """Take the next turn and give the seconds until it."""
        now = self._now()
        turn = max(self._next, now - 1)  # who was held up catches up for a second at most
        self._next = turn + self._step_s
        return max(0.0, turn - now)


def open_session(connections: int = 8) -> aiohttp.ClientSession:
    """Open a session for deliveries; close it."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=connections))


def prove(recipient: Recipient, sample: Sample, now: int) -> Sample:
    """Give the sample with what proves it to the recipient, as its sender does it at `now` (µs).

    Raises:
        Fatal: nothing signs for this source.
    """
    if recipient.secret is None:
        return sample
    try:
        return samples.prove(sample, recipient.secret.encode(), now)
    except LookupError as error:
        raise Fatal(str(error.args[0])) from error


def receipt(sample: Sample, status: int, body: bytes) -> Receipt:
    """Read an answer; one of another program (a proxy's page) is kept as its first words."""
    answer = _object(body)
    if status == ACCEPTED and isinstance(answer.get("delivery_id"), str):
        return Receipt(source=sample.source, case=sample.case, status=status, delivery_id=answer["delivery_id"])
    said = answer.get("detail") or answer.get("title") or body[:200].decode("utf-8", "replace").strip() or None
    return Receipt(source=sample.source, case=sample.case, status=status, detail=said if isinstance(said, str) else None)


def chosen(source: str, case: str | None, count: int) -> Iterator[Sample]:
    """Give the samples to send: one case (the first by default) or `all` in their order, `count` times.

    Raises:
        LookupError: no such source or case; the message lists those there are.
    """
    names = samples.cases(source)
    if not names:
        raise LookupError(f"there are no samples of {source!r}")
    loaded = [samples.load(source, name) for name in (names if case == "all" else (case or names[0],))]
    return (sample for _ in range(count) for sample in loaded)


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}
