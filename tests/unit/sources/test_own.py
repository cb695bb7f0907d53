"""Nothing that carries our own incident id ever becomes an alert."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.notification import INCIDENT_LABEL
from tocsin_control.trial import try_delivery
from tocsin_sources import registry
from tocsin_sources.source import Answer, Ignored, Normalized

INCIDENT = "7K3QF2B0000000000000000001"


def alertmanager(*alerts: dict[str, Any]) -> Answer:
    source = registry.get("alertmanager")
    assert source is not None
    body = {"version": "4", "status": "firing", "alerts": list(alerts)}
    return try_delivery(source, orjson.dumps(body), settings=IntegrationSettings())


def alert(name: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    return {"status": status, "labels": {"alertname": name, **labels}, "startsAt": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_a_notification_of_ours_that_comes_back_is_ignored_and_says_why(status: str) -> None:
    answer = alertmanager(alert("Down", status, **{INCIDENT_LABEL: INCIDENT}))
    assert isinstance(answer, Ignored)
    assert answer.reason == "own-notification"


def test_others_of_the_same_delivery_are_alerts() -> None:
    answer = alertmanager(alert("Ours", **{INCIDENT_LABEL: INCIDENT}), alert("Theirs"))
    assert isinstance(answer, Normalized)
    assert [event.labels["alertname"] for event in answer.alerts] == ["Theirs"]


@pytest.mark.parametrize("value", ["", "yes", "INC-7K3QF2B", INCIDENT.lower(), INCIDENT + "0"])
def test_a_value_that_is_no_id_of_ours_is_no_mark(value: str) -> None:
    assert isinstance(alertmanager(alert("Down", **{INCIDENT_LABEL: value})), Normalized)


def test_the_mark_is_found_where_a_receiver_between_us_moved_it() -> None:
    moved = alert("Down")
    moved["annotations"] = {"details": "x", INCIDENT_LABEL: INCIDENT}
    assert isinstance(alertmanager(moved), Ignored)


def test_an_id_beside_the_mark_is_no_mark() -> None:
    """A ticket that speaks of an incident of ours is still a ticket."""
    assert isinstance(alertmanager(alert("Down", incident=INCIDENT)), Normalized)
