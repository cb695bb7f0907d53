"""What the grouper measures."""

from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.changes import Changes
from tocsin_runtime.metrics import Metrics


class GrouperMetrics:
    """Every metric of the grouper (E13)."""

    def __init__(self, metrics: Metrics) -> None:
        self.records = metrics.counter("tocsin_grouper_records_total", "Records of the log that were folded.")
        self.repeats = metrics.counter(
            "tocsin_grouper_repeats_total", "Images that were dropped because their record was folded before."
        )
        self.deliveries = metrics.counter("tocsin_grouper_deliveries_total", "Deliveries by outcome.", ["outcome"])
        self.events = metrics.counter("tocsin_grouper_alert_events_total", "Alert events by what they did.", ["effect"])
        self.facts = metrics.counter("tocsin_grouper_facts_total", "Facts of incidents by kind.", ["kind"])
        self.commands = metrics.counter("tocsin_grouper_commands_total", "Commands by HTTP status of their outcome.", ["status"])
        self.errors = metrics.counter("tocsin_grouper_errors_total", "Failures by class.", ["kind"])
        self.batch_seconds = metrics.histogram("tocsin_grouper_batch_seconds", "Time from a polled batch to its commit.")
        self.delay_seconds = metrics.histogram(
            "tocsin_grouper_delay_seconds", "Time from a record's append to the commit of its rows, of each batch's last record."
        )
        self.lag = metrics.gauge("tocsin_grouper_lag_records", "Images not yet folded.", ["partition"])
        self.timers = metrics.gauge("tocsin_grouper_timers", "Armed timers.", ["partition"])

    def count(self, changes: Changes, received: int, now: int) -> None:
        """Count what a committed batch did."""
        self.records.inc(changes.records)
        self.repeats.inc(received - changes.records)
        for _, delivery in changes.deliveries:
            self.deliveries.labels(delivery.outcome.value).inc()
        for _, event in changes.events:
            self.events.labels(event.effect.value).inc()
        for _, _, _, fact in changes.facts:
            self.facts.labels(fact.kind).inc()
        for _, command in changes.commands:
            self.commands.labels(str(command.status)).inc()
        if changes.clock is not None:
            self.delay_seconds.observe(max(0, now - changes.clock.last_raw) / SECOND)
