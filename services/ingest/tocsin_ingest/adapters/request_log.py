"""One JSON line a request (E4), built and written in batches: structlog costs more than the request it tells of.

Fields are fixed and hold ids, numbers and codes of ours: no header, no body, no path, so no secret can be among them.
A line waits at most `flush_s`; a killed process loses that much of its log, never of its deliveries.
"""

from __future__ import annotations

import asyncio
from typing import BinaryIO

import orjson

from tocsin_contracts.times import to_rfc3339
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Exchange


class LineLog:
    """A `RequestLog` over a stream of bytes."""

    def __init__(self, stream: BinaryIO, *, metrics: IngestMetrics, lines_max: int, flush_s: float) -> None:
        self._stream = stream
        self._metrics = metrics
        self._lines_max = lines_max
        self._flush_s = flush_s
        self._waiting: list[tuple[Exchange, int, int, float]] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, exchange: Exchange, *, at: int, status: int, seconds: float) -> None:
        """Note an answered request; see `ports.RequestLog`."""
        self._waiting.append((exchange, at, status, seconds))
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
            self._stream.write(b"".join([_line(*each) for each in waiting]))
            self._stream.flush()
        except (OSError, ValueError):
            self._metrics.log_lines_dropped.inc(len(waiting))


def _line(exchange: Exchange, at: int, status: int, seconds: float) -> bytes:
    return orjson.dumps(
        {
            "at": to_rfc3339(at),
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
