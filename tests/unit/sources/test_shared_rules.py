"""The rules that sources share: times, severity words, environments, absent values, plain text, fingerprints."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.sources.payloads import PAYLOADS, alert_of, alerts_of, all_payloads, answer, answer_to, source_of
from tocsin_contracts.alert import LABELS_MAX
from tocsin_contracts.image import Image, decode_image, encode_image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import LATEST_AT, to_datetime
from tocsin_sources import registry
from tocsin_sources.document import parse
from tocsin_sources.environments import folded_environment
from tocsin_sources.fields import first_present, is_absent, present, web_link
from tocsin_sources.fingerprint import label_fingerprint
from tocsin_sources.severity_words import severity_of, with_raw_word
from tocsin_sources.shape import as_list, as_object, texts_of
from tocsin_sources.text import description_of, plain, title_of
from tocsin_sources.timestamps import time_of

AT = 1_772_446_530_000_000
"""2026-03-02T10:15:30Z in µs."""


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-03-02T10:15:30Z", AT),
        ("2026-03-02T10:15:30.1Z", AT + 100_000),
        ("2026-03-02T10:15:30.123Z", AT + 123_000),
        ("2026-03-02T10:15:30.1234567Z", AT + 123_456),
        ("2026-03-02T10:15:30.123456789Z", AT + 123_456),
        ("2026-03-02T10:15:30+00:00", AT),
        ("2026-03-02T10:15:30+0000", AT),
        ("2026-03-02T19:15:30.000+09:00", AT),
        ("2026-03-02T06:45:30-03:30", AT),
        ("2026-03-02t10:15:30z", AT),
        ("2026-03-02 10:15:30 UTC", AT),
        ("2026-03-02 10:15:30.266529825 +0000 UTC", AT + 266_529),
        ("Mon Mar 02 10:15:30 UTC 2026", AT),
        (" 2026-03-02T10:15:30Z ", AT),
        ("2026-03-02T10:15:60Z", AT + 29_000_000),
        (1_772_446_530, AT),
        ("1772446530", AT),
        (1_772_446_530_000, AT),
        ("1772446530000", AT),
        (1_772_446_530_000_000, AT),
        (1_772_446_530_000_000_000, AT),
        (1_772_446_530.4, AT + 400_000),
        ("1772446530.4", AT + 400_000),
        (1_566_248_317.391, 1_566_248_317_391_000),
        (954_691_200, 954_691_200_000_000),
    ],
)
def test_every_form_of_time_that_was_seen_is_read(written: object, at: int) -> None:
    assert time_of(written) == at


@pytest.mark.parametrize(
    "written",
    [
        *(
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            0,
            -1,
            "0",
            "-1",
            0.0,
            None,
            True,
            "",
            "yesterday",
            [],
            {},
            1e300,
            "١٢٣",
        ),
        *("2026-03-02T10:15:30", "2026-03-02 10:15:30", "2026-13-02T10:15:30Z", "2026-02-30T10:15:30Z", "2026-03-02T25:00:00Z"),
        *("2026-03-02T10:15:30+25:00", "2026-03-02", "2026-03-02T10:15Z", "9" * 40),
    ],
)
def test_what_is_no_time_is_none(written: object) -> None:
    """A time without a zone is none of these: nobody knows which moment it means (SOURCES 0.1c)."""
    assert time_of(written) is None


def test_a_sender_known_to_write_utc_without_a_zone_is_believed() -> None:
    assert time_of("2026-03-02 10:15:30.5", naive_is_utc=True) == AT + 500_000


@given(st.integers(10**15, LATEST_AT - 1))
def test_a_time_that_we_write_reads_back_exactly(at: int) -> None:
    assert time_of(to_datetime(at).isoformat()) == at
    assert time_of(at) == at


@given(st.text(max_size=40) | st.floats() | st.integers())
def test_reading_a_time_never_raises(written: object) -> None:
    assert (time_of(written) or 0) >= 0


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        *((word, Severity.CRITICAL) for word in ("critical", " CRIT ", "Fatal", "page", "disaster", "P1")),
        *((word, Severity.HIGH) for word in ("high", "major", "error", "severe", "p2")),
        *((word, Severity.MEDIUM) for word in ("warning", "warn", "average", "medium", "P3")),
        *((word, Severity.LOW) for word in ("low", "minor", "notice", "p4")),
        *((word, Severity.INFO) for word in ("info", "debug", "none", "ok", "normal", "not classified", "p5")),
        ("критический", Severity.MEDIUM),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_severity_words_are_folded(word: str | None, severity: Severity | None) -> None:
    assert severity_of(word, EventStatus.FIRING) is severity


def test_an_unknown_word_is_kept_as_a_label_and_changes_nothing_on_a_resolve() -> None:
    assert with_raw_word({"a": "b"}, "Sev-Zero") == {"a": "b", "severity_raw": "Sev-Zero"}
    assert with_raw_word({"a": "b"}, "Fatal") == {"a": "b"}
    assert severity_of("Sev-Zero", EventStatus.RESOLVED) is None


@pytest.mark.parametrize("word", [None, " ", "N/A", "<no value>", "{{ $labels.severity }}", "$ALERT_PRIORITY", "${severity}"])
def test_a_severity_that_was_never_filled_in_is_absent(word: str | None) -> None:
    assert severity_of(word, EventStatus.FIRING) is None
    assert with_raw_word({"a": "b"}, word) == {"a": "b"}


def test_none_is_a_severity_though_it_is_absent_elsewhere() -> None:
    """Prometheus' Watchdog has it."""
    assert severity_of("none", EventStatus.FIRING) is Severity.INFO


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        *((name, "prod") for name in ("prod", "Production", "PROD", " prd ", "live")),
        *((name, "staging") for name in ("stage", "STG", "Staging")),
        *((name, "dev") for name in ("development", "Dev")),
        ("EU-West", "eu-west"),
        ("生产", "生产"),
        ("  ", None),
        (None, None),
    ],
)
def test_environment_names_are_folded(name: str | None, folded: str | None) -> None:
    assert folded_environment(name, {}) == folded


def test_the_integrations_aliases_go_first() -> None:
    assert folded_environment("生产", {"生产": "prod"}) == "prod"
    assert folded_environment("Live", {"live": "stream"}) == "stream"


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "null", "None", "N/A", "np", "Never", "*UNKNOWN*", "$NAME", "${service.name}", "{{ .Labels.x }}"),
        *("{HOST.NAME}", "{$MACRO}", "*name*", "<no value>"),
    ],
)
def test_values_that_mean_nothing_are_absent(text: str) -> None:
    assert is_absent(text)
    assert present(text) is None


@pytest.mark.parametrize("text", ["nullable", "never", "5xx rate on <no value>", "$5 fee", "{a}", "a*b*c", "none-such"])
def test_debris_inside_of_text_is_the_senders_words(text: str) -> None:
    assert present(text) == text


def test_the_first_name_that_says_something_wins() -> None:
    assert first_present({"service": "null", "app": " cart ", "job": "x"}, ("service", "app", "job")) == "cart"


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "data:text/html,x", "my.prometheus", "", None, 7, "//host/x", "?orgId=1"]
)
def test_only_web_links_are_links(value: object) -> None:
    assert web_link(value) is None
    assert web_link("HTTPS://a.example/x") == "HTTPS://a.example/x"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<b>espace</b> épuisé & inodes > 90 %", "espace épuisé & inodes > 90 %"),
        ("one<br/>two<p>three</p>", "one\ntwothree\n"),
        ('<img src=x onerror="alert(1)">down', "down"),
        ("<script>alert(1)</script>x", "alert(1)x"),
        ("<A HREF='https://x'>see</A>", "see"),
        ("<b>a &lt; b &amp; c</b>", "a < b & c"),
        ("<b>&lt;script&gt;</b>", "< script>"),
        ("<img<b> src=x onerror=alert(1)>", "< img src=x onerror=alert(1)>"),
        ("load < 40 % and > 3", "load < 40 % and > 3"),
        ("Vector<String> at <anonymous>", "Vector<String> at <anonymous>"),
        ("<no value>", "<no value>"),
        ("&lt;b&gt; stays as sent", "&lt;b&gt; stays as sent"),
    ],
)
def test_html_becomes_plain_text_and_words_stay(html: str, text: str) -> None:
    assert plain(html) == text


_MARKUP = st.lists(
    st.sampled_from(["<", ">", "/", "b", "script", "img", " ", "&lt;", "&amp;", "x", "<b>", "</p>", "\n", "<br>"]), max_size=40
)
_TAG_TO_A_BROWSER = re.compile(r"</?(?:b|br|p|script|img)[\s/>]", re.IGNORECASE)


@given(_MARKUP.map("".join))
@example("<<b>b>")
@example("<b><&lt;b>")
def test_no_text_holds_a_tag_and_a_second_pass_changes_nothing(text: str) -> None:
    once = plain(text)
    assert _TAG_TO_A_BROWSER.search(once) is None
    assert plain(once) == once


def test_a_title_is_one_line_and_a_description_keeps_its_lines() -> None:
    assert title_of(" a\n\tb  <b>c</b> ") == "a b c"
    assert description_of(" a\nb ") == "a\nb"
    assert title_of("<b> </b>") is None
    assert description_of("\n") is None


def test_fingerprints_are_those_of_alertmanager() -> None:
    """Recomputed for every sample that our own notes call correct; the anonymised and hand-copied ones are not."""
    wrong = {"fb1ae09cb86a3c47", "dd19ae3d4e06ac55"}
    checked = 0
    for path in sorted((PAYLOADS / "alertmanager").glob("*.json")):
        for value in as_list(as_object(parse(path.read_bytes()), "")["alerts"], ""):
            alert = as_object(value, "")
            given_fingerprint = alert.get("fingerprint")
            if given_fingerprint is None or given_fingerprint in wrong or path.stem.startswith("firing_memory"):
                continue
            assert label_fingerprint(texts_of(alert["labels"])) == given_fingerprint
            checked += 1
    assert checked > 70


def test_an_empty_label_is_no_label() -> None:
    assert label_fingerprint({"a": "b", "c": ""}) == label_fingerprint({"a": "b"})


def test_the_empty_label_set_has_the_offset_basis() -> None:
    assert label_fingerprint({}) == "cbf29ce484222325"


def test_alerts_of_a_helper_body_are_read() -> None:
    body = {"status": "firing", "alerts": [{"labels": {"alertname": "A", "n": 5, "ok": True, "nil": None, "deep": {"x": [1]}}}]}
    (alert,) = alerts_of(answer("alertmanager", body))
    assert alert.labels == {"alertname": "A", "n": "5", "ok": "true", "deep": '{"x":[1]}'}


def test_default_labels_stand_where_the_sender_gave_none_of_that_name() -> None:
    settings = {"default_labels": {"region": "eu", "severity": "low", "team": "web"}}
    body = {"alerts": [{"labels": {"alertname": "Down", "severity": "critical"}}, {"labels": {"alertname": "Up", "team": "db"}}]}
    first, second = alerts_of(answer("alertmanager", {"version": "4", "status": "firing", **body}, **settings))

    assert first.labels == {"alertname": "Down", "severity": "critical", "region": "eu", "team": "web"}
    assert (first.severity, first.team) == (Severity.CRITICAL, "web")
    assert (second.labels["severity"], second.severity) == ("low", None), "a default is no word of the sender's"
    assert (second.labels["team"], second.team) == ("db", "db")


def test_default_labels_never_displace_the_senders_own() -> None:
    labels = {f"z{number:02}": "x" for number in range(LABELS_MAX - 2)} | {"alertname": "Down"}
    body = {"version": "4", "status": "firing", "alerts": [{"labels": labels}]}
    alert = alert_of(answer("alertmanager", body, default_labels={"a": "1", "b": "2"}))

    assert labels.items() <= alert.labels.items()
    assert len(alert.labels) == LABELS_MAX
    assert alert.labels["a"] == "1"


def test_default_labels_change_neither_identity_nor_content_and_stay_out_of_images() -> None:
    body = {"version": "4", "status": "firing", "alerts": [{"labels": {"alertname": "Down"}}]}
    plain, labelled = (alert_of(answer("alertmanager", body, **more)) for more in ({}, {"default_labels": {"job": "x"}}))

    assert (plain.identity, plain.problem, plain.content) == (labelled.identity, labelled.problem, labelled.content)
    settings = IntegrationSettings(default_labels={"job": "x"})
    image = Image(tenant="t", integration="i", source="generic", mapped=Mapped.IGNORED, settings=settings)
    assert decode_image(encode_image(image)).settings == IntegrationSettings()


@pytest.mark.parametrize("source", registry.names())
def test_a_source_says_whether_it_reads_by_a_mapping(source: str) -> None:
    """An integration of one that does not may have none: it would be saved without effect."""
    for name in (name for owner, name in all_payloads() if owner == source):
        said, mapped = answer_to(source, name), answer_to(source, name, mapping={"title": "no.such.member", "identity": "id"})
        assert bool(mapped.taken) or mapped != said if source_of(source).takes_mapping else mapped == said, name
