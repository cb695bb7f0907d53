"""One JSON line a request (E4), built and written in batches: structlog costs more than the request it tells of.

Fields are fixed and hold ids, numbers and codes of ours: no header, no body, no path, so no secret can be among them.
A line waits at most `flush_s`; a killed process loses that much of its log, never of its deliveries.
"""

from __future__ import annotations

import asyncio
from typing import BinaryIO

import orjson

from tocsin_contracts.times import SECOND, to_rfc3339
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Exchange


class LineLog:
    """A `RequestLog` over a stream of bytes."""

    def __init__(self, stream: BinaryIO, *, metrics: IngestMetrics, lines_max: int, flush_s: float) -> None:
        self._stream = stream
        self._metrics = metrics
        self._lines_max = lines_max
        self._flush_s = flush_s
        self._waiting: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._second = 0
        self._second_text = ""

    def write(self, exchange: Exchange, *, at: int, status: int, seconds: float) -> None:
        """Note an answered request; see `ports.RequestLog`."""
        # Bytes, not objects: what waits here must not be walked by every garbage collection.
        self._waiting.append(_line(exchange, self._moment(at), status, seconds))
        if len(self._waiting) >= self._lines_max:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._flush_s, self.flush)

    def flush(self) -> None:
        """Write what waits; lines that cannot be written are counted and gone: a full disk must not stop deliveries."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            self._stream.write(b"".join(waiting))
            self._stream.flush()
        except (OSError, ValueError):
            self._metrics.log_lines_dropped.inc(len(waiting))

    def _moment(self, at: int) -> str:
        """Write `at` as RFC 3339; the part above the second is remembered."""
        second, rest = divmod(at, SECOND)
        if second != self._second:
            self._second, self._second_text = second, to_rfc3339(second * SECOND)[:-7]
        return f"{self._second_text}{rest:06d}Z"


def _line(exchange: Exchange, at: str, status: int, seconds: float) -> bytes:
    return orjson.dumps(
        {
            "at": at,
            "level": "info",
            "event": "request",
            "request_id": exchange.id,
            "route": exchange.route,
            "tenant_id": exchange.tenant,
            "integration_id": exchange.integration,
            "source": exchange.source,
            "address": exchange.address,
            "size": exchange.size,
            "status": status,
            "reason": exchange.reason,
            "duration_ms": round(seconds * 1000, 3),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )
