"""A 202 written in one piece: what aiohttp builds header by header for each answer is here one line of text.

Building a `web.Response` of six header fields costs about as much as authenticating the request. Only HTTP/1.1 on a connection
that stays open is answered this way; for anything else `accepted` builds the ordinary response with the same header fields.
"""

from __future__ import annotations

from email.utils import formatdate

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_writer import StreamWriter

_OPENING = (
    "HTTP/1.1 202 Accepted\r\nServer: tocsin\r\nX-Content-Type-Options: nosniff\r\nContent-Type: application/json\r\nDate: "
)


class Dates:
    """Writes HTTP dates; the one of the current second is remembered."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self, at: int) -> str:
        """Write `at` (µs) as an IMF-fixdate."""
        second = at // 1_000_000
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True)
        return self._text


class PreparedAnswer(web.StreamResponse):
    """A whole answer as bytes, status 202."""

    def __init__(self, data: bytes) -> None:  # the parent's state is for building header fields: there are none to build
        self._data = data
        self._status = 202

    @property
    def keep_alive(self) -> bool:
        """The connection stays open: nothing else is answered this way."""
        return True

    @property
    def prepared(self) -> bool:
        """There is nothing left to prepare."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything; as `StreamResponse.prepare`, raises `ConnectionError` for a client that is gone."""
        writer = request.writer
        transport = writer.transport if isinstance(writer, StreamWriter) else None
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        transport.write(self._data)
        await writer.drain()
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: everything was written."""


def accepted(request: web.BaseRequest, *, delivery: str, policy: str, limit: str, date: str) -> web.StreamResponse:
    """Say where the outcome of a delivery will be, with what is left of its quotas.

    Every value is ASCII of ours: nothing of the request is in it.
    """
    body = f'{{"delivery_id":"{delivery}","status":"accepted"}}'
    location = f"/api/v1/deliveries/{delivery}"
    if request.version == HttpVersion11 and request.keep_alive:
        text = (
            f"{_OPENING}{date}\r\nLocation: {location}\r\nRateLimit-Policy: {policy}\r\nRateLimit: {limit}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        return PreparedAnswer(text.encode("ascii"))
    headers = {
        "Server": "tocsin",
        "X-Content-Type-Options": "nosniff",
        "Content-Type": "application/json",
        "Date": date,
        "Location": location,
        "RateLimit-Policy": policy,
        "RateLimit": limit,
    }
    return web.Response(status=202, body=body.encode("ascii"), headers=headers)
