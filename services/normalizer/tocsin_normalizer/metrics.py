"""What the normalizer counts, by stage (E13)."""

from collections import Counter
from collections.abc import Iterable

from tocsin_normalizer.domain.record import Imaged
from tocsin_runtime.metrics import Metrics

COPIED = "copied"


class NormalizerMetrics:
    """The normalizer's own metrics. Labels are names of ours: sources that this release knows, reason codes, stages."""

    def __init__(self, metrics: Metrics) -> None:
        self.records = metrics.counter(
            "tocsin_normalizer_records_total",
            "records written, by what became of them: normalized, ignored, failed, or copied unread",
            ("outcome", "source", "reason"),
        )
        self.alerts = metrics.counter("tocsin_normalizer_alerts_total", "alerts in written images", ("source",))
        self.stage = metrics.histogram(
            "tocsin_normalizer_stage_seconds", "time of a batch in a stage: settings, map, write, recover", ("stage",)
        )
        self.delay = metrics.histogram(
            "tocsin_normalizer_delay_seconds", "from the broker's append of a batch's oldest record until its image was written"
        )
        self.lag = metrics.gauge("tocsin_normalizer_lag_records", "records of the log not yet written", ("partition",))
        self.next = metrics.gauge("tocsin_normalizer_next_offset", "offset of the log to be normalized next", ("partition",))
        self.restarts = metrics.counter(
            "tocsin_normalizer_restarts_total", "starts of a partition from the output's tail, by cause", ("cause",)
        )
        self.troubles = metrics.counter(
            "tocsin_normalizer_troubles_total", "failures that are tried again, by what failed", ("what",)
        )

    def written(self, images: Iterable[Imaged]) -> None:
        """Count a batch that is safely written."""
        records: Counter[tuple[str, str, str]] = Counter()
        alerts: Counter[str] = Counter()
        for image in images:
            records[COPIED if image.mapped is None else image.mapped, image.source, image.reason] += 1
            alerts[image.source] += image.alerts
        for labels, count in records.items():
            self.records.labels(*labels).inc(count)
        for source, count in alerts.items():
            if count:
                self.alerts.labels(source).inc(count)

    def forget(self, partition: int) -> None:
        """Show nothing more of a partition that went to another worker."""
        for gauge in (self.lag, self.next):
            gauge.remove(str(partition))
