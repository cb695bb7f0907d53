"""Trying a delivery answers as the normalizer would, and never raises."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sources.payloads import PAYLOADS, body_of, headers_of
from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.trial import SHOWN_MAX, shown, try_delivery
from tocsin_sources import registry
from tocsin_sources.source import Delivery, Failed, Source


def source(name: str) -> Source:
    found = registry.get(name)
    assert found is not None
    return found


def test_headers_are_taken_whatever_their_case_and_only_those_that_the_source_keeps() -> None:
    sample = next(path.stem for path in sorted((PAYLOADS / "sentry").glob("issue*.json")))
    headers = {name.title(): value for name, value in headers_of("sentry", sample).items()}

    answer = shown(try_delivery(source("sentry"), body_of("sentry", sample), settings=IntegrationSettings(), headers=headers))

    assert answer["outcome"] == "normalized"


def test_an_answer_shows_so_many_alerts_and_counts_all() -> None:
    alert = b'{"status":"firing","labels":{"alertname":"Down","pod":"%d"}}'
    body = b'{"version":"4","status":"firing","alerts":[' + b",".join(alert % number for number in range(150)) + b"]}"

    answer = shown(try_delivery(source("alertmanager"), body, settings=IntegrationSettings()))

    assert answer["alerts_total"] == 150
    assert isinstance(answer["alerts"], list)
    assert len(answer["alerts"]) == SHOWN_MAX


def test_a_source_that_breaks_is_an_answer_that_says_no_more_than_how() -> None:
    def broken(delivery: Delivery) -> Failed:
        raise KeyError("canary")

    answer = try_delivery(
        Source(name="x", title="X", read=broken, schemes=(), trusted_time=False), b"{}", settings=IntegrationSettings()
    )

    assert shown(answer) == {"outcome": "failed", "reason": "normalizer-error", "pointer": "", "detail": "KeyError"}


def test_a_trial_shows_what_the_mapping_took_from_where() -> None:
    mapping = {
        "alerts": "events",
        "identity": "id",
        "title": ["what", "name"],
        "severity": {"default": "high"},
        "sender_id": "run",
    }
    settings = IntegrationSettings.model_validate({"mapping": mapping})

    tried = shown(try_delivery(source("generic"), b'{"run": 9, "events": [{"id": 7, "name": "It burns"}]}', settings=settings))

    assert tried["taken"] == [
        {"alert": 0, "field": "identity", "path": "id", "value": "7"},
        {"alert": 0, "field": "title", "path": "name", "value": "It burns"},
        {"alert": 0, "field": "severity", "path": None, "value": "high"},
        {"alert": None, "field": "sender_id", "path": "run", "value": "9"},
    ]


def test_a_trial_without_a_mapping_took_nothing_and_says_nothing_of_it() -> None:
    assert "taken" not in shown(try_delivery(source("generic"), b'{"title": "x"}', settings=IntegrationSettings()))


def test_a_cloudevent_that_a_mapping_reads_shows_what_was_taken_too() -> None:
    settings = IntegrationSettings.model_validate({"mapping": {"title": "data.disk"}})
    event = b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"disk":"sda"}}'

    tried = shown(try_delivery(source("cloudevents"), event, settings=settings))

    assert {"alert": 0, "field": "title", "path": "data.disk", "value": "sda"} in cast("list[object]", tried["taken"])


@pytest.mark.parametrize("name", registry.names())
@given(body=st.binary(max_size=50) | st.sampled_from([b"{}", b"[]", b"null", b'{"alerts":[]}']))
def test_no_body_raises(name: str, body: bytes) -> None:
    assert shown(try_delivery(source(name), body, settings=IntegrationSettings()))["outcome"] in {
        "normalized",
        "ignored",
        "failed",
    }
