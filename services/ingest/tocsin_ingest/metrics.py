"""Every metric of ingest. No label value comes from a request: their number is bounded by this code."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import Counter, Metric
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from tocsin_runtime.metrics import Metrics

STAGE_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


STAGES = "tocsin_ingest_stage_seconds"
STAGES_MEANING = "seconds of an accepted delivery: check (receive, authenticate, decode, parse), append (until acknowledged)"


class StageSeconds:
    """A distribution of one stage: two additions an observation, where the library's histogram takes locks and a loop."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._counts = [0] * (len(STAGE_BUCKETS_S) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one delivery; from the event loop's thread only."""
        self._counts[bisect_left(STAGE_BUCKETS_S, seconds)] += 1
        self._sum += seconds

    def shown(self) -> tuple[list[tuple[str, float]], float]:
        """Give cumulative counts by upper bound, as Prometheus wants them, and the sum."""
        bounds = [*(str(bound) for bound in STAGE_BUCKETS_S), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True)), self._sum


class Stages(Collector):
    """Shows the stages as one histogram."""

    def __init__(self, *stages: StageSeconds) -> None:
        self._stages = stages

    def collect(self) -> Iterable[Metric]:
        """Give the histogram at each scrape."""
        family = HistogramMetricFamily(STAGES, STAGES_MEANING, labels=["stage"])
        for stage in self._stages:
            buckets, total = stage.shown()
            family.add_metric([stage.stage], buckets, total)
        return [family]


class IngestMetrics:
    """What ingest counts and times."""

    def __init__(self, metrics: Metrics) -> None:
        self._first_refusals = metrics.counter(
            "tocsin_ingest_first_refusals_total", "integrations answered 429 for the first time within the hour"
        )
        self._requests = metrics.counter("tocsin_ingest_requests_total", "answered requests", ("route", "status"))
        self._received = metrics.counter("tocsin_ingest_received_bytes_total", "bytes of accepted bodies, as received")
        self._check = StageSeconds("check")
        self._append = StageSeconds("append")
        metrics.registry.register(Stages(self._check, self._append))
        self._rejected = metrics.counter("tocsin_ingest_rejected_total", "deliveries not accepted, by reason", ("reason",))
        self.in_flight = metrics.gauge("tocsin_ingest_in_flight", "requests under way")
        self.connections = metrics.gauge("tocsin_ingest_connections", "open connections")
        self.connections_refused = metrics.counter(
            "tocsin_ingest_connections_refused_total", "connections closed at once: too many"
        )
        self.headers_late = metrics.counter("tocsin_ingest_headers_late_total", "connections closed: no request in time")
        self.malformed = metrics.counter("tocsin_ingest_malformed_total", "requests that are no HTTP")
        self._ticks = metrics.counter("tocsin_ingest_ticks_total", "ticks by result", ("result",))
        self._commands = metrics.counter("tocsin_ingest_commands_total", "commands by what the caller was told", ("result",))
        self.queued_bytes = metrics.gauge("tocsin_ingest_queued_bytes", "bytes that wait for an acknowledgement")
        self.last_ack_seconds = metrics.gauge("tocsin_ingest_last_ack_seconds", "seconds since the log acknowledged anything")
        self.overcommitted = metrics.gauge(
            "tocsin_ingest_overcommitted_partitions", "partitions whose tenants are allowed more than one worker folds"
        )
        self.log_lines_dropped = metrics.counter(
            "tocsin_ingest_log_lines_dropped_total", "request log lines that could not be written"
        )
        self.usage_dropped = metrics.counter(
            "tocsin_ingest_usage_dropped_total", "notes of used secrets and keys and of rejections that were not written"
        )
        self._known: dict[tuple[str, int], Counter] = {}

    def accepted(self, check_s: float, append_s: float, size: int) -> None:
        """Count an accepted delivery with the seconds of its stages and its bytes as received."""
        self._check.observe(check_s)
        self._append.observe(append_s)
        self._received.inc(size)

    def answered(self, route: str, status: int) -> None:
        """Count an answered request."""
        counter = self._known.get((route, status))
        if counter is None:
            counter = self._known[route, status] = self._requests.labels(route, str(status))
        counter.inc()

    def rejected(self, reason: str) -> None:
        """Count a delivery that was not accepted; `reason` is a code of ours."""
        self._rejected.labels(reason).inc()

    def first_refused(self) -> None:
        """Count an integration whose first refusal of the hour this is."""
        self._first_refusals.inc()

    def ticked(self, result: str) -> None:
        """Count a tick: appended or failed."""
        self._ticks.labels(result).inc()

    def commanded(self, result: str) -> None:
        """Count a command: applied, rejected, repeated, pending or failed."""
        self._commands.labels(result).inc()
