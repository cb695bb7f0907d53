"""The fast reader of envelopes against the contract's own."""

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


def agree(value: bytes) -> None:
    headers = log_headers(Kind.DELIVERY, value)
    ours = read_envelope(headers)
    contract = delivery_envelope(headers)
    for name in ("tenant", "integration", "source", "integration_version", "content_type", "headers", "query"):
        assert getattr(ours, name) == getattr(contract, name), name
    assert ours.redrive_of == contract.redrives()


@given(_envelopes)
def test_both_readers_agree_on_what_our_gateway_writes(written: DeliveryEnvelope) -> None:
    agree(written.encode())
    ours = read_envelope(log_headers(Kind.DELIVERY, written.encode()))
    assert (ours.request_id, ours.received_at, ours.sender_id) == (written.request_id, written.received_at, written.sender_id)


@given(st.dictionaries(st.sampled_from(list(DeliveryEnvelope.model_fields)), _json, max_size=3))
def test_what_the_fast_reader_takes_the_contract_takes_alike(changes: dict[str, Any]) -> None:
    value = orjson.dumps(orjson.loads(envelope().encode()) | changes)
    try:
        read_envelope(log_headers(Kind.DELIVERY, value))
    except Unreadable:
        return
    agree(value)


def test_fields_of_a_newer_gateway_are_passed_over() -> None:
    value = orjson.dumps(orjson.loads(envelope().encode()) | {"v": 2, "colour": {"deep": [1]}})
    agree(value)


def test_numbers_written_as_text_are_read_as_the_contract_reads_them() -> None:
    """The slow path: exactly what pydantic makes of it."""
    value = orjson.dumps(orjson.loads(envelope().encode()) | {"integration_version": "7"})
    assert read_envelope(log_headers(Kind.DELIVERY, value)).integration_version == 7


def test_a_fault_never_repeats_the_envelope() -> None:
    with pytest.raises(Unreadable) as caught:
        read_envelope(log_headers(Kind.DELIVERY, b'{"tenant": "hunter2"'))
    assert "hunter2" not in str(caught.value)
