"""Mappings of integrations: what they make of JSON, what is wrong with them, and how they are tried."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sources.payloads import alert_of, alerts_of, answer, body_of, source_of
from tests.unit.sources.test_totality import _EDITS, _VALUES, check_bounds, edited
from tocsin_contracts.image import Image, decode_image, encode_image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.mapping import Mapping
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources.mapping import MAPPED_MAX, Reading, validate_mapping
from tocsin_sources.paths import BUDGET
from tocsin_sources.source import Delivery, Failed, Ignored, Normalized

VENDOR = orjson.loads(body_of("generic", "vendor_unmapped"))
MAPPING: dict[str, Any] = {
    "alerts": "checks",
    "identity": "check_id",
    "title": {"path": "join(' ', ['Probe of', target])"},
    "status": {"path": "/result", "values": {"red": "firing", "GREEN": "resolved"}},
    "severity": {"default": "high"},
    "service": "^/vendor",
    "environment": ["meta.environment", "meta.env"],
    "team": "meta.owner",
    "link": "target",
    "occurred_at": "since",
    "sender_id": "run",
    "labels": {"target": "target", "probe": {"path": "^vendor", "values": {"*": "acme"}}},
    "labels_from": "meta",
    "trusted_time": True,
}


def mapped(document: object, **changes: Any) -> Any:
    return answer("generic", document, mapping={**MAPPING, **changes})


def steps(document: object, mapping: object) -> int:
    """Count the steps that a mapping takes."""
    reading = Reading(Mapping.model_validate(mapping), IntegrationSettings())
    assert isinstance(reading.answer(document), Normalized)
    return BUDGET - reading.budget.left


def test_somebodys_own_json_becomes_alerts() -> None:
    given = mapped(VENDOR)
    red, green = alerts_of(given)
    assert given.sender_id == "run-99"
    assert (red.identity, red.problem, red.status, red.severity) == ("17", "17", EventStatus.FIRING, Severity.HIGH)
    assert (red.title, red.service, red.environment, red.team) == (
        "Probe of https://shop.acme.example/",
        "acme-probe",
        "prod",
        "web",
    )
    assert (red.link, red.occurred_at, red.trusted) == ("https://shop.acme.example/", 1_772_446_530_000_000, True)
    assert red.labels == {"env": "Production", "owner": "web", "target": "https://shop.acme.example/", "probe": "acme"}
    assert (green.identity, green.status, green.never_resolves) == ("18", EventStatus.RESOLVED, False)


def test_a_body_is_one_alert_and_a_list_is_a_list_of_them_without_a_path() -> None:
    assert alert_of(answer("generic", {"t": "x"}, mapping={"title": "t"})).title == "x"
    assert [alert.title for alert in alerts_of(answer("generic", [{"t": "x"}, {"t": "y"}], mapping={"title": "t"}))] == ["x", "y"]
    assert alert_of(answer("generic", {"one": {"t": "x"}}, mapping={"title": "t", "alerts": "one"})).title == "x"


def test_without_a_status_everything_fires_and_nothing_resolves() -> None:
    alert = alert_of(answer("generic", {"t": "x"}, mapping={"title": "t"}))
    assert (alert.status, alert.never_resolves) == (EventStatus.FIRING, True)


@pytest.mark.parametrize(
    ("value", "status"),
    [("ALERTING", "firing"), (True, "firing"), (0, "resolved"), ("Ack", "acknowledged"), (None, "resolved"), ("weird", "firing")],
)
def test_a_status_is_translated_by_values_then_by_common_words(value: object, status: str) -> None:
    rule = {"path": "s", "values": {"weird": "firing"}, "default": "resolved"}
    assert alert_of(answer("generic", {"t": "x", "s": value}, mapping={"title": "t", "status": rule})).status == status


@pytest.mark.parametrize(
    ("changes", "document", "pointer"),
    [
        ({}, {"checks": {}}, "/checks/0/check_id"),
        ({}, {}, "/checks"),
        ({}, {"checks": [{"check_id": 1, "result": "blue"}]}, "/checks/0/result"),
        ({}, {"checks": [{"check_id": 1, "result": "red"}, {"result": "red"}]}, "/checks/1/check_id"),
        ({"alerts": None, "identity": None, "title": "a.b"}, {"x": 1}, "/a/b"),
        ({"identity": "^/name"}, {"checks": [{}]}, "/name"),
    ],
)
def test_what_is_missing_is_named_by_its_place_in_the_body(changes: dict[str, Any], document: object, pointer: str) -> None:
    given = mapped(document, **changes)
    assert isinstance(given, Failed)
    assert (given.reason, given.pointer) == ("unknown-shape", pointer)


def test_a_word_that_means_no_status_is_not_called_missing() -> None:
    given = mapped({"checks": [{"check_id": 1, "result": "blue"}]})
    assert isinstance(given, Failed)
    assert given.detail == "/checks/0/result: a word for firing, acknowledged or resolved expected, found a string"


def test_what_says_nothing_is_absent_and_the_next_path_is_tried() -> None:
    document = {"t": "x", "a": "N/A", "b": "${service}", "c": " cart "}
    assert alert_of(answer("generic", document, mapping={"title": "t", "service": ["a", "b", "c"]})).service == "cart"
    assert alert_of(answer("generic", document, mapping={"title": "t", "service": ["a", "b"]})).service is None


def test_alerts_may_be_ignored() -> None:
    ignore = "result == 'green'"
    assert len(alerts_of(mapped(VENDOR, ignore_if=ignore))) == 1
    nothing = mapped({"checks": [VENDOR["checks"][1]]}, ignore_if=ignore)
    assert isinstance(nothing, Ignored)
    assert nothing.reason == "ignored-by-mapping"
    assert isinstance(mapped({"checks": []}), Ignored)


def test_too_many_alerts_and_too_many_steps_fail() -> None:
    many = mapped({"checks": [VENDOR["checks"][0]] * (MAPPED_MAX + 1)})
    assert isinstance(many, Failed)
    assert many.reason == "too-many-alerts"
    costly = mapped({"checks": [1] * 200_000}, alerts="checks[?@][?@][?@][?@][?@][?@][?@]")
    assert isinstance(costly, Failed)
    assert costly.reason == "mapping-over-budget"


def test_a_thousand_alerts_fit_into_the_budget() -> None:
    assert steps({"checks": [VENDOR["checks"][0]] * MAPPED_MAX, "vendor": "x"}, MAPPING) < BUDGET / 2


def test_what_is_read_of_the_whole_body_is_read_once() -> None:
    body = {"checks": [VENDOR["checks"][0]] * 500, "big": list(range(1_000))}
    one, many = (steps({**body, "checks": body["checks"][:n]}, {**MAPPING, "host": "^big[?@ == `999`] | [0]"}) for n in (1, 500))
    assert many - one < 500 * 40


@pytest.mark.parametrize(
    ("mapping", "pointer"),
    [
        ({}, ""),
        ("x", ""),
        ({"title": 5}, "/title"),
        ({"title": {}}, "/title"),
        ({"title": "a."}, "/title/path/0"),
        ({"title": ["a", "b["]}, "/title/path/1"),
        ({"title": "t", "labels": {"a/b": "x("}}, "/labels/a~1b/path/0"),
        ({"title": "t", "alerts": "[?"}, "/alerts"),
        ({"title": "t", "tittle": "t"}, "/tittle"),
        ({"title": {"path": "t", "valeus": {}}}, "/title/valeus"),
        ({"title": "t", "status": {"path": "s", "values": {"red": "bad-word"}}}, "/status"),
        ({"title": "t", "status": {"path": "s", "default": "bad-word"}}, "/status"),
        ({"title": "t", "severity": {"path": "s", "values": {"red": "high", "*": "bad-word"}}}, "/severity"),
        ({"title": "t", "severity": {"default": "bad-word"}}, "/severity"),
        ({"title": "x" * 301}, "/title/path/0"),
        ({"title": "t", "labels": {str(n): "x" for n in range(65)}}, "/labels"),
        ({"title": "t", "labels": {"a": {"path": "x", "more": 1}}}, "/labels/a/more"),
        ({"title": ["a"] * 9}, "/title/path"),
    ],
)
def test_a_faulty_mapping_is_refused_with_the_place(mapping: object, pointer: str) -> None:
    faults = validate_mapping(mapping)
    assert [fault.pointer for fault in faults] == [pointer]
    assert all(fault.detail for fault in faults)


def test_a_good_mapping_has_no_faults_and_survives_being_saved() -> None:
    assert validate_mapping(MAPPING) == []
    settings = IntegrationSettings.model_validate({"mapping": MAPPING})
    again = IntegrationSettings.model_validate_json(settings.model_dump_json())
    assert again == settings
    assert validate_mapping(again.model_dump(mode="json")["mapping"]) == []


def test_a_reader_ignores_what_a_newer_writer_knows() -> None:
    saved = {**MAPPING, "tomorrow": {"x": 1}, "title": {"path": "target", "tomorrow": 1}}
    assert isinstance(answer("generic", VENDOR, mapping=saved), Normalized)


def test_images_do_not_carry_what_the_fold_never_reads() -> None:
    settings = IntegrationSettings.model_validate({"mapping": MAPPING, "sns_topics": ["arn:x"], "dedup_window_s": 7})
    image = Image(tenant="t", integration="i", source="generic", mapped=Mapped.IGNORED, settings=settings)
    assert decode_image(encode_image(image)).settings == IntegrationSettings(dedup_window_s=7)


def test_an_answer_says_where_each_value_came_from() -> None:
    tried = mapped(VENDOR)
    taken = {(each.alert, each.field): (each.path, each.value) for each in tried.taken}
    assert taken[0, "environment"] == ("meta.env", "Production")
    assert taken[0, "severity"] == (None, "high")
    assert taken[1, "status"] == ("/result", "resolved")
    assert taken[0, "labels.probe"] == ("^vendor", "acme")
    assert taken[None, "sender_id"] == ("run", "run-99")


def test_what_fails_says_what_was_taken_until_then() -> None:
    given = mapped({**VENDOR, "checks": [{**VENDOR["checks"][0], "result": "puce"}]})
    assert isinstance(given, Failed)
    assert given.pointer == "/checks/0/result"
    assert ("status", "/result", "puce") in [(each.field, each.path, each.value) for each in given.taken]


def test_a_mapping_saved_by_another_release_that_we_cannot_compile_fails_the_delivery_and_no_more() -> None:
    given = answer("generic", {"t": "x"}, mapping={"title": "map(&a, b)"})
    assert isinstance(given, Failed)
    assert given.reason == "unfit-mapping"


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_mutated_body_is_answered_inside_the_bounds(data: st.DataObject) -> None:
    document = edited(VENDOR, data.draw(st.lists(_EDITS, min_size=1, max_size=5)))
    given = source_of("generic").map(
        Delivery(document=document, settings=IntegrationSettings.model_validate({"mapping": MAPPING}))
    )
    for alert in given.alerts if isinstance(given, Normalized) else ():
        check_bounds(alert)


@settings(max_examples=200, deadline=None)
@given(document=_VALUES, mapping=st.dictionaries(st.sampled_from([*MAPPING, "x"]), _VALUES, max_size=6))
def test_any_mapping_is_answered_or_refused(document: object, mapping: dict[str, object]) -> None:
    if not validate_mapping(mapping):
        given = Reading(Mapping.model_validate(mapping), IntegrationSettings()).answer(document)
        assert isinstance(given, Normalized | Ignored | Failed)


def test_the_examples_of_the_reference_page_are_what_it_says() -> None:
    blocks = re.findall(r"```json\n(.*?)```", (Path(__file__).parents[3] / "docs/reference/generic.md").read_text(), re.DOTALL)
    own, mapping = (orjson.loads(block) for block in blocks)
    assert alert_of(answer("generic", own)).identity == "backup/db-1"
    assert validate_mapping(mapping) == []
    red, green = alerts_of(answer("generic", VENDOR, mapping=mapping))
    assert (red.status, green.status, red.service) == (EventStatus.FIRING, EventStatus.RESOLVED, "acme-probe")
