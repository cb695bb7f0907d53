"""Talk to Amazon SNS: fetch the certificates that it signs with, confirm subscriptions. Nothing else is ever visited.

Bounded in every way, for strangers can cause it: https and the anchored host of SNS alone, no redirects, no proxies of the
environment, few at once, one at a time for each address, little read, little time, answers kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import structlog

from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable
from tocsin_sources.sns import is_certificate_url, is_sns_url

ANSWER_MAX_BYTES = 64 * 1024
TIMEOUT_S = 2.0
"""For all of one visit, waiting for a place included; two of them and an append have to end within 5 s (P1)."""
AT_ONCE_MAX = 4
KEPT_MAX = 64
KEPT_S = 86_400.0
FAULT_KEPT_S = 60.0
_OK = 200
_SERVER_FAULT = 500

_log = structlog.get_logger()


class SnsUnavailable(Recoverable):
    """Amazon SNS does not answer as it should."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a visit gave; a body above the bound is empty and its status 0."""

    status: int
    body: bytes


class Opener(Protocol):
    """Visits an address once, within bounds."""

    async def __call__(self, url: str) -> Answer:
        """Give what is there.

        Raises:
            SnsUnavailable: no answer.
        """

    async def close(self) -> None:
        """Disconnect. Never raises."""


async def visit(session: aiohttp.ClientSession, url: str) -> Answer:
    """Get an address: no redirect followed, at most 64 kB read.

    Raises:
        SnsUnavailable: no answer.
    """
    try:
        async with session.get(url, allow_redirects=False) as response:
            body = await response.content.read(ANSWER_MAX_BYTES + 1)
            while not response.content.at_eof() and len(body) <= ANSWER_MAX_BYTES:
                body += await response.content.read(ANSWER_MAX_BYTES + 1 - len(body))
            return Answer(0, b"") if len(body) > ANSWER_MAX_BYTES else Answer(response.status, body)
    except (aiohttp.ClientError, OSError) as error:
        raise SnsUnavailable(f"Amazon SNS does not answer: {type(error).__name__}") from error


class HttpsOpener:
    """Visits over TLS, with a session that is opened when it is first needed."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str) -> Answer:
        """Visit an address; see `visit`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=AT_ONCE_MAX),
                auto_decompress=False,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return await visit(self._session, url)

    async def close(self) -> None:
        """Close the session. Never raises."""
        if self._session is not None:
            await self._session.close()


@dataclass(frozen=True, slots=True)
class _Kept:
    certificate: bytes
    until: float


class AmazonSns:
    """`CertificateStore` and `Confirmations` over an opener."""

    def __init__(self, opener: Opener, *, clock: Clock, timeout_s: float = TIMEOUT_S) -> None:
        self._open = opener
        self._timeout_s = timeout_s
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._places = asyncio.Semaphore(AT_ONCE_MAX)
        self._fetching: dict[str, asyncio.Lock] = {}

    async def certificate(self, url: str) -> bytes:
        """Give the certificate at an address of SNS; empty, which proves nothing, where there is none.

        What is there is kept for a day, what is not for a minute. Many who want the same one wait for one visit.

        Raises:
            SnsUnavailable: SNS does not answer now, or too many certificates are wanted at once.
        """
        if not is_certificate_url(url):
            return b""
        kept = self._find(url)
        if kept is not None:
            return kept
        if len(self._fetching) >= KEPT_MAX and url not in self._fetching:
            raise SnsUnavailable("too many certificates are wanted at once")
        async with self._in_time(), self._fetching.setdefault(url, asyncio.Lock()):
            try:
                kept = self._find(url)
                return await self._fetch(url) if kept is None else kept
            finally:
                self._fetching.pop(url, None)

    async def confirm(self, url: str) -> None:
        """Visit the link of a verified subscription.

        Raises:
            SnsUnavailable: SNS did not say 200. It sends the message again.
        """
        if not is_sns_url(url):
            return
        async with self._in_time(), self._places:
            answer = await self._open(url)
        if answer.status != _OK:
            raise SnsUnavailable(f"SNS answered {answer.status} to a confirmation")
        _log.info("sns.subscription_confirmed")

    async def close(self) -> None:
        """Disconnect. Never raises."""
        await self._open.close()

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError as error:
            raise SnsUnavailable("Amazon SNS does not answer in time") from error

    async def _fetch(self, url: str) -> bytes:
        async with self._places:
            answer = await self._open(url)
        if answer.status >= _SERVER_FAULT:
            raise SnsUnavailable(f"SNS answered {answer.status} for a certificate")
        certificate = answer.body if answer.status == _OK else b""
        lasts = KEPT_S if certificate else FAULT_KEPT_S
        self._kept[url] = _Kept(certificate, self._clock.monotonic() + lasts)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return certificate

    def _find(self, url: str) -> bytes | None:
        kept = self._kept.get(url)
        if kept is None or self._clock.monotonic() >= kept.until:
            return None
        self._kept.move_to_end(url)
        return kept.certificate
