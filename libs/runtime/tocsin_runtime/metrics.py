"""Metrics declared in one typed style, kept in a registry of our own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What one metric is; documentation is made from these."""

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...]


class Metrics:
    """A registry and every declaration made in it.

    Declare in a service's `metrics.py`, inside a class that takes a `Metrics`; label values
    never come from a payload, so their number stays bounded.
    """

    def __init__(self, *, process: bool = True) -> None:
        """Make an empty registry; `process` adds the process's CPU, memory and file figures."""
        self.registry = CollectorRegistry()
        self._declared: list[Declared] = []
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)

    def counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
        """Declare a number that only grows; end its name in `_total`."""
        self._declare(name, "counter", meaning, labels)
        return Counter(name, meaning, tuple(labels), registry=self.registry)

    def gauge(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
        """Declare a number that goes up and down."""
        self._declare(name, "gauge", meaning, labels)
        return Gauge(name, meaning, tuple(labels), registry=self.registry)

    def histogram(
        self, name: str, meaning: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = LATENCY_BUCKETS_S
    ) -> Histogram:
        """Declare a distribution; end its name in its unit, e.g. `_seconds`."""
        self._declare(name, "histogram", meaning, labels)
        return Histogram(name, meaning, tuple(labels), registry=self.registry, buckets=tuple(buckets))

    def declared(self) -> tuple[Declared, ...]:
        """List what was declared, in order."""
        return tuple(self._declared)

    def render(self) -> bytes:
        """Write everything in Prometheus' text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)

    def _declare(self, name: str, kind: str, meaning: str, labels: Sequence[str]) -> None:
        self._declared.append(Declared(name=name, kind=kind, meaning=meaning, labels=tuple(labels)))
