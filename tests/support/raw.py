"""Bytes sent to a server as they are, for requests that no HTTP client would write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

_END_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    """What came back until the server closed; empty where it closed without a word."""

    data: bytes

    @property
    def status(self) -> int:
        """The status of the first answer; 0 where there is none."""
        parts = self.data.split(b" ", 2)
        return int(parts[1]) if len(parts) > 2 and parts[0].startswith(b"HTTP/1.") else 0

    @property
    def head(self) -> str:
        return self.data.partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    @property
    def problem(self) -> str:
        """The last word of the problem's type; the answer is a problem of its own status."""
        assert "content-type: application/problem+json" in self.head, self.data[:300]
        said = orjson.loads(self.data.partition(b"\r\n\r\n")[2])
        assert said["status"] == self.status
        return str(said["type"]).replace("#", "/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send bytes; that the other end is gone shows when reading."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            return

    async def rest(self) -> RawAnswer:
        """Read until the server closes."""
        data = b""
        try:
            async with asyncio.timeout(_END_S):
                while chunk := await self.reader.read(1 << 16):
                    data += chunk
        except ConnectionError:  # a reset is an end too
            pass
        return RawAnswer(data=data)


@asynccontextmanager
async def dialled(url: str) -> AsyncIterator[Line]:
    """Connect to the server of a URL."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


async def talk(url: str, data: bytes) -> RawAnswer:
    """Send bytes and read until the server closes: say `Connection: close`, or send what makes it close."""
    async with dialled(url) as line:
        await line.send(data)
        return await line.rest()


def head(method: str, path: str, **fields: str) -> bytes:
    """Write the header of a request; underscores in names are dashes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: tocsin.test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
