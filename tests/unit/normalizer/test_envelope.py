"""Envelopes as ingest writes them, and as nobody should."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.normalizer.records import envelope
from tocsin_contracts.delivery import DeliveryEnvelope, delivery_envelope
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_normalizer.domain.envelope import Unreadable, read_envelope

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30)
_envelopes = st.builds(
    DeliveryEnvelope,
    tenant=_text,
    integration=_text,
    source=_text,
    integration_version=st.integers(0, 2**31 - 1),
    request_id=_text,
    received_at=st.integers(0, 4_102_444_800_000_000),
    content_type=_text,
    encoding=_text,
    headers=st.dictionaries(_text, _text, max_size=3),
    query=st.dictionaries(_text, _text, max_size=3),
    redacted=st.lists(_text, max_size=2),
    redrive_of=st.none() | st.just("3:1729"),
    sender_id=st.none() | _text,
)
_json: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**40), st.floats(), st.text(max_size=5), st.just([]), st.just({"a": 1})
)


@given(_envelopes)
def test_what_our_gateway_writes_is_read_as_it_was_written(written: DeliveryEnvelope) -> None:
    assert read_envelope(log_headers(Kind.DELIVERY, written.encode())) == written


@given(st.dictionaries(st.sampled_from(list(DeliveryEnvelope.model_fields)), _json, max_size=3))
def test_anything_else_is_unreadable_or_in_range(changes: dict[str, Any]) -> None:
    headers = log_headers(Kind.DELIVERY, orjson.dumps(orjson.loads(envelope().encode()) | changes))
    try:
        read = read_envelope(headers)
    except Unreadable:
        return
    assert (read.tenant, read.integration) == (delivery_envelope(headers).tenant, delivery_envelope(headers).integration)
    assert 0 <= read.integration_version < 2**31
    assert 0 <= read.received_at <= 4_102_444_800_000_000
    assert "\x00" not in f"{read.tenant}{read.integration}{read.source}{read.request_id}{read.sender_id}"


def test_fields_of_a_newer_gateway_are_passed_over() -> None:
    value = orjson.dumps(orjson.loads(envelope().encode()) | {"v": 2, "colour": {"deep": [1]}})
    assert read_envelope(log_headers(Kind.DELIVERY, value)).tenant == envelope().tenant


def test_a_fault_never_repeats_the_envelope() -> None:
    with pytest.raises(Unreadable) as caught:
        read_envelope(log_headers(Kind.DELIVERY, b'{"tenant": "hunter2"'))
    assert "hunter2" not in str(caught.value)
