"""E3: the first 429 of an hour is told of, for each integration by itself, and no more often; memory is bounded."""

from structlog.testing import capture_logs

from tocsin_contracts.times import HOUR, SECOND
from tocsin_ingest.first_refusals import FirstRefusals
from tocsin_ingest.metrics import IngestMetrics
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.metrics import Metrics

TOLD = "tocsin_ingest_first_refusals_total"


def test_once_an_hour_for_each_integration() -> None:
    clock, metrics = ManualClock(0), Metrics(process=False)
    refusals = FirstRefusals(IngestMetrics(metrics), clock)
    with capture_logs() as logs:
        assert [refusals.note("acme", name) for name in ("one", "one", "two")] == [True, False, True]
        clock.advance(HOUR // SECOND)
        assert refusals.note("acme", "one")
    assert metrics.registry.get_sample_value(TOLD) == 3
    assert [(log["event"], log["integration_id"]) for log in logs] == [
        ("limit.first_refusal", name) for name in ("one", "two", "one")
    ]


def test_no_more_integrations_are_remembered_than_said() -> None:
    refusals = FirstRefusals(IngestMetrics(Metrics(process=False)), ManualClock(0), most=2)
    assert [refusals.note("acme", name) for name in ("one", "two", "three", "three", "one")] == [True, True, True, False, True]
