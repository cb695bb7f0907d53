"""Headers, envelopes, commands and ticks are read as they were written; readers pass over what a newer writer adds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.contracts.drawn import POSITIONS, QUICKLY, TEXTS
from tocsin_contracts.command import Actor, Command, SetStatus, decode_command, encode_command
from tocsin_contracts.delivery import DeliveryEnvelope, delivery_envelope, encode_accepted
from tocsin_contracts.envelope import Kind, SourceStamp, image_headers, kind_of, log_headers, source_of
from tocsin_contracts.position import Position
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.tick import Refused, Tick, decode_tick, encode_tick

COMMAND = Command(
    id="c1", request_hash="h", tenant="acme", actor=Actor(id="u", name="Ada"), issued_at=5, if_revision=3,
    body=SetStatus(incident="i", status=IncidentStatus.RESOLVED, comment="done"),
)  # fmt: skip
TICK = Tick(
    gateway="g",
    process="0f1e2d3c4b5a6978",
    covers_ms=15_000,
    refused=[Refused(tenant="acme", integration="prod")],
    all_refused=True,
    last=True,
)


@QUICKLY
@given(POSITIONS, st.integers(0, 10**14), TEXTS)
def test_a_stamp_says_where_an_image_comes_from(position: Position, appended_at_ms: int, release: str) -> None:
    """A release may hold any text, also a colon."""
    stamp = SourceStamp(position, appended_at_ms, release)
    headers = image_headers(Kind.DELIVERY, stamp)
    assert (source_of(headers), kind_of(headers)) == (stamp, "delivery")


@pytest.mark.parametrize("headers", [[], [("tocsin-source", b"x")], [("tocsin-source", b"1:2")], [("tocsin-source", b"a:b:c:d")]])
def test_an_image_that_no_normalizer_wrote_is_refused(headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        source_of(headers)


def test_a_kind_of_a_newer_release_is_read_as_text() -> None:
    assert kind_of([("tocsin-kind", b"merge")]) == "merge"
    assert kind_of([]) == ""


@QUICKLY
@given(st.dictionaries(TEXTS, TEXTS, max_size=3), TEXTS, TEXTS)
def test_the_gateways_fast_way_writes_what_the_model_writes(headers: dict[str, str], content_type: str, encoding: str) -> None:
    written = encode_accepted(
        tenant="acme", integration="prod", source="sentry", integration_version=3, request_id="r", received_at=5,
        content_type=content_type, encoding=encoding, headers=headers, query=headers,
    )  # fmt: skip
    model = DeliveryEnvelope(
        tenant="acme", integration="prod", source="sentry", integration_version=3, request_id="r", received_at=5,
        content_type=content_type, encoding=encoding, headers=headers, query=headers,
    )  # fmt: skip
    assert json.loads(written) == json.loads(model.encode())
    assert delivery_envelope(log_headers(Kind.DELIVERY, written)) == model


def test_a_redrive_says_what_it_sends_again() -> None:
    envelope = DeliveryEnvelope(
        tenant="a", integration="p", source="s", integration_version=1, request_id="r", received_at=5, redrive_of="3:1729",
        sender_id="e1",
    )  # fmt: skip
    read = delivery_envelope(log_headers(Kind.DELIVERY, envelope.encode()))
    assert (read.redrives(), read.sender_id) == (Position(3, 1729), "e1")


def test_commands_and_ticks_are_read_as_they_were_written() -> None:
    assert decode_command(encode_command(COMMAND)) == COMMAND
    assert decode_tick(encode_tick(TICK)) == TICK


def test_a_tick_from_before_processes_were_named_is_no_goodbye() -> None:
    old = b'{"v":1,"gateway":"g","covers_ms":15000,"refused":[],"all_refused":false}'
    assert decode_tick(old) == Tick(gateway="g", covers_ms=15_000)
    assert (decode_tick(old).process, decode_tick(old).last) == (None, False)


def test_members_of_a_newer_writer_are_passed_over() -> None:
    assert decode_command(json.dumps(json.loads(encode_command(COMMAND)) | {"new": 1}).encode()) == COMMAND
    assert decode_tick(json.dumps(json.loads(encode_tick(TICK)) | {"new": 1}).encode()) == TICK


@pytest.mark.parametrize("body", [{"kind": "merge", "incident": "i"}, {"kind": "set-status", "incident": "i", "status": "GONE"}])
def test_a_command_that_this_release_does_not_know_is_refused(body: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        decode_command(json.dumps(json.loads(encode_command(COMMAND)) | {"body": body}).encode())
