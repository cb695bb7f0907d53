"""Tell operators, once an hour for each integration, that a limit refuses it (E3): its senders may not say it twice.

Alertmanager and Sentry do not repeat a delivery answered 429 in time, so somebody has to hear of the first one. The metric
is what the platform's own alert stands on (`increase(tocsin_ingest_first_refusals_total[1h]) > 0`); the log says whom.
"""

from collections import OrderedDict

import structlog

from tocsin_contracts.times import HOUR
from tocsin_ingest.metrics import IngestMetrics
from tocsin_runtime.clock import Clock

REMEMBERED_MAX = 10_000
"""Integrations whose first refusal of the hour is remembered; beyond, the longest ago is told of again."""
_log = structlog.get_logger()


class FirstRefusals:
    """Remembers whose refusal was told of within the hour."""

    def __init__(self, metrics: IngestMetrics, clock: Clock, *, most: int = REMEMBERED_MAX) -> None:
        self._metrics = metrics
        self._clock = clock
        self._most = most
        self._told: OrderedDict[tuple[str, str], int] = OrderedDict()

    def note(self, tenant: str, integration: str) -> bool:
        """Note that an integration was answered 429; gives whether it is the first time within the hour, and told of."""
        key, now = (tenant, integration), self._clock.now()
        told_at = self._told.get(key)
        if told_at is not None and now - told_at < HOUR:
            return False
        self._told[key] = now
        self._told.move_to_end(key)
        if len(self._told) > self._most:
            self._told.popitem(last=False)
        self._metrics.first_refused()
        _log.warning("limit.first_refusal", tenant_id=tenant, integration_id=integration)
        return True
