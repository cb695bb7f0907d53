"""Every value that is stored keeps the contract's bounds, so that no constraint of a table can ever refuse it (DESIGN 3)."""

from dataclasses import fields, replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.folding import START, firing
from tests.unit.contracts.drawn import QUICKLY, events
from tocsin_contracts import alert as bound
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.bounds import bounded_event, cut, storable
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import EARLIEST_AT, LATEST_AT, bounded, from_datetime, to_datetime, to_rfc3339
from tocsin_contracts.topics import RAW_ALERT_MAX_BYTES

ANY = st.text(st.characters(codec=None), max_size=30)


@QUICKLY
@given(ANY)
def test_any_text_becomes_storable_and_stays_so(text: str) -> None:
    """PostgreSQL stores neither NUL nor lone surrogates; what it stores is left alone."""
    stored = storable(text)
    stored.encode()
    assert "\x00" not in stored
    assert storable(stored) == stored
    if "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text):
        assert stored == text


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "ü\ud83d"])
def test_what_cannot_be_stored_becomes_a_replacement_character(text: str) -> None:
    assert "\ufffd" in storable(text)
    assert bounded_event(firing("a", title=text)).sanitized


@QUICKLY
@given(st.text(max_size=30), st.integers(1, 20))
def test_a_cut_text_fits_and_says_that_it_was_cut(text: str, most: int) -> None:
    short = cut(text, most)
    assert len(short) <= most
    assert short == text if len(text) <= most else short.endswith("…")


def test_what_is_inside_its_bounds_stays_whatever_its_field() -> None:
    """Bounding builds the event anew, field by field: none may be forgotten."""
    full = AlertEvent(
        identity="a", problem="p", status=EventStatus.RESOLVED, title="t", content="c", project="shop", severity=Severity.LOW,
        description="d", service="s", environment="e", team="m", host="h", link="https://x.example", labels={"k": "v"},
        metadata={"k": [1]}, occurred_at=START, episode_at=START, trusted=True, never_resolves=True, heartbeat=True,
        sanitized=True, raw="{}",
    )  # fmt: skip
    assert not any(getattr(full, each.name) == each.default for each in fields(AlertEvent)), "none is its default"
    assert bounded_event(full) == full


@QUICKLY
@given(events(), ANY, st.integers(-(2**70), 2**70))
def test_any_event_fits_its_bounds_and_then_stays_as_it_is(event: AlertEvent, text: str, at: int) -> None:
    odd = replace(
        event, title=text * 100, description=text, labels={text: text}, metadata={text: [text, {text: 1}]}, occurred_at=at
    )
    kept = bounded_event(odd)
    orjson.dumps(kept.metadata)
    assert len(kept.title) <= bound.TITLE_MAX
    assert kept.occurred_at is not None
    assert EARLIEST_AT <= kept.occurred_at <= LATEST_AT
    assert bounded_event(kept) == kept


@pytest.mark.parametrize(
    ("field", "most"),
    [("identity", bound.IDENTITY_MAX), ("problem", bound.IDENTITY_MAX), ("project", bound.SHORT_MAX), ("title", bound.TITLE_MAX),
     ("description", bound.DESCRIPTION_MAX), ("service", bound.SHORT_MAX), ("environment", bound.SHORT_MAX),
     ("team", bound.SHORT_MAX), ("host", bound.SHORT_MAX)],
)  # fmt: skip
def test_every_text_has_a_bound(field: str, most: int) -> None:
    kept = bounded_event(firing(**{"identity": "a", field: "x" * (most + 1)}))
    assert len(getattr(kept, field)) == most
    assert not kept.sanitized, "cutting is not sanitizing"


def test_labels_are_kept_in_name_order_whatever_order_the_sender_chose() -> None:
    labels = {f"l{number:03}": "x" * 2000 for number in reversed(range(100))}
    kept = bounded_event(firing("a", labels=labels)).labels
    assert list(kept) == [f"l{number:03}" for number in range(bound.LABELS_MAX)]
    assert {len(value) for value in kept.values()} == {bound.LABEL_VALUE_MAX}


@pytest.mark.parametrize("link", ["javascript:alert(1)", "ftp://x", "//x", "https://x/" + "y" * bound.LINK_MAX])
def test_a_link_that_does_not_fit_is_left_out_not_cut(link: str) -> None:
    assert bounded_event(firing("a", link=link)).link is None


@pytest.mark.parametrize(("size", "kept"), [(RAW_ALERT_MAX_BYTES, True), (RAW_ALERT_MAX_BYTES + 1, False)])
def test_raw_json_is_kept_up_to_its_bound_in_bytes(size: int, kept: bool) -> None:
    raw = '"' + "ü" * ((size - 2) // 2) + "x" * (size % 2) + '"'
    assert (bounded_event(firing("a", raw=raw)).raw is not None) is kept


@pytest.mark.parametrize(("at", "expected"), [(-1, EARLIEST_AT), (LATEST_AT + 1, LATEST_AT), (5, 5)])
def test_times_lie_between_1970_and_2100(at: int, expected: int) -> None:
    assert bounded(at) == expected


@QUICKLY
@given(st.integers(EARLIEST_AT, LATEST_AT))
def test_times_keep_their_microseconds(at: int) -> None:
    assert from_datetime(to_datetime(at)) == at
    assert to_rfc3339(at).endswith(f".{at % 1_000_000:06}Z")
