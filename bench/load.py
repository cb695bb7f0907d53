"""The load: a raw HTTP/1.1 client, `python -m bench.load FILE`, in a process of its own and cheaper than any server.

It knows what it sends and reads of an answer only the status and the length. One request at a time on each connection, the
next one as soon as the answer came; requests are taken in order.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
import uvloop

from bench.statistics import percentile

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"Content-Length: "
PATIENCE_S = 300.0


def request(url: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """Write one POST as it goes over the wire; bodies are ASCII or UTF-8."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines) + "\r\n\r\n" + body.decode()


def order(path: Path, *, url: str, requests: Sequence[str], connections: int, seconds: float | None, warm_s: float = 0.0) -> None:
    """Write down what a load is to do: for so long, over and over; or, without `seconds`, each request once."""
    where = urlsplit(url)
    document = {
        "host": where.hostname, "port": where.port, "connections": connections, "seconds": seconds, "warm_s": warm_s,
        "requests": requests,
    }  # fmt: skip
    path.write_bytes(orjson.dumps(document))


class Load:
    """What all connections share: the requests, and what came of them."""

    def __init__(self, requests: Sequence[bytes], *, over_and_over: bool) -> None:
        self.requests = requests
        self.over_and_over = over_and_over
        self.sent = 0
        self.statuses: Counter[bytes] = Counter()
        self.latencies: list[float] = []
        self.counting = True
        self.ended = False
        self.done = asyncio.Event()
        self.open = 0

    def next(self) -> bytes | None:
        """Give the next request, or None when there is nothing more to send."""
        if self.ended or (not self.over_and_over and self.sent >= len(self.requests)):
            return None
        found = self.requests[self.sent % len(self.requests)]
        self.sent += 1
        return found


class Connection(asyncio.Protocol):
    """One connection in a closed loop."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._load.open += 1

    def begin(self) -> None:
        """Send the first request."""
        self._send()

    def data_received(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
        head = data.find(_HEAD_END)
        at = data.find(_LENGTH)
        if head < 0 or at < 0 or len(data) < head + 4 + int(data[at + 16 : data.find(b"\r", at)]):
            self._held = data
            return
        self._held = b""
        load = self._load
        if load.counting:
            load.statuses[data[9:12]] += 1
            load.latencies.append(time.perf_counter() - self._since)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._since:  # in the middle of a request
            self._load.statuses[b"cut"] += 1
        self._end()

    def _send(self) -> None:
        following = self._load.next()
        if following is None or self._transport is None:
            self._since = 0.0
            self._end()
            return
        self._since = time.perf_counter()
        self._transport.write(following)

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            self._load.open -= 1
            if self._load.open == 0:
                self._load.done.set()


async def run(document: dict[str, Any]) -> dict[str, object]:
    """Put the load on, and say what came of it."""
    loop = asyncio.get_running_loop()
    seconds: float | None = document["seconds"]
    load = Load([text.encode() for text in document["requests"]], over_and_over=seconds is not None)
    made = [
        (await loop.create_connection(lambda: Connection(load), document["host"], document["port"]))[1]
        for _ in range(document["connections"])
    ]
    load.counting = document["warm_s"] == 0
    began = first = loop.time()
    for connection in made:
        connection.begin()
    if seconds is not None:
        await asyncio.sleep(document["warm_s"])
        load.counting, began = True, loop.time()
        await asyncio.sleep(seconds)
        load.counting, load.ended = False, True
    took = loop.time() - began
    async with asyncio.timeout(PATIENCE_S):
        await load.done.wait()
    took = took if seconds is not None else loop.time() - began
    busy = time.process_time() / (loop.time() - first)
    counted = sum(load.statuses.values())
    return {
        "sent": load.sent, "answered": counted, "accepted": load.statuses[b"202"], "seconds": took, "rate": counted / took,
        "p50_ms": percentile(load.latencies, 0.5) * 1e3, "p99_ms": percentile(load.latencies, 0.99) * 1e3,
        "busy": busy, "statuses": {key.decode(): value for key, value in load.statuses.items()},
    }  # fmt: skip


if __name__ == "__main__":
    print(orjson.dumps(uvloop.run(run(orjson.loads(Path(sys.argv[1]).read_bytes())))).decode())
