"""Receive a body: raw, as it came, within bounds of bytes and time.

Signatures cover the bytes as received, so nothing is decoded here. aiohttp has no deadline for bodies and its own limit
applies to decoded ones: both are ours.
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from tocsin_contracts.problem import ProblemType
from tocsin_ingest.answers import malformed, too_large, unavailable
from tocsin_runtime.http import Problem

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Receiver:
    """Receives bodies; bounds how many bytes of unfinished ones are held together."""

    def __init__(self, *, body_max: int, deadline_s: float, receiving_max: int) -> None:
        self._body_max = body_max
        self._deadline_s = deadline_s
        self._receiving_max = receiving_max
        self._receiving = 0

    def arrived(self, request: web.BaseRequest) -> bytes | None:
        """Give the whole body if it came with its header, as small ones do: no timer, no waiting; else None.

        Raises:
            Problem: 413.
        """
        content = request.content
        if not content.is_eof():
            return None
        body = content.read_nowait(-1)
        if len(body) > self._body_max:
            raise self._too_large()
        return body

    async def receive(self, request: web.BaseRequest) -> bytes:
        """Give the whole body, as it came.

        Raises:
            Problem: 413 as soon as it is too large, 408 at the deadline, 400 where its framing breaks, 503 where too much
                is being received already.
        """
        body = self.arrived(request)
        if body is not None:
            return body
        length = request.content_length
        if length is not None and length > self._body_max:
            raise self._too_large()  # before any of it is read
        content = request.content
        await self._invite(request)
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._deadline_s):
                while not content.at_eof():
                    chunk = await content.readany()
                    size += len(chunk)
                    self._receiving += len(chunk)
                    chunks.append(chunk)
                    self._check(size)
        except TimeoutError:
            detail = f"The body was not complete within {self._deadline_s:g} s."
            raise Problem(408, detail, type=ProblemType.TIMEOUT) from None
        except (web.RequestPayloadError, HttpProcessingError) as error:
            raise malformed("The body's framing is broken.") from error
        finally:
            self._receiving -= size
        return b"".join(chunks)

    def _check(self, size: int) -> None:
        if size > self._body_max:
            raise self._too_large()
        if self._receiving > self._receiving_max:
            raise unavailable("Too many bodies are being received. Try again.")

    def _too_large(self) -> Problem:
        return too_large(f"A body may have {self._body_max} bytes.")

    async def _invite(self, request: web.BaseRequest) -> None:
        """Answer `Expect: 100-continue`: curl waits for it before it sends a large body."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(_CONTINUE)
            request.writer.output_size = 0  # the answer itself has not begun
