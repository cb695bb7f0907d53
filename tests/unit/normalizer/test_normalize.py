"""The map: one in, one out, whatever stands in it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.normalizer.records import (
    INTEGRATION,
    KNOWN,
    RELEASE,
    SETTINGS,
    TENANT,
    VERSION,
    Killed,
    delivery,
    normalizer,
    record,
    tick,
)
from tocsin_contracts.envelope import Kind, kind_of, log_headers, source_of
from tocsin_contracts.ids import alert_id
from tocsin_contracts.image import Image, decode_image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import Position
from tocsin_contracts.topics import HEADER_ENVELOPE, HEADER_KIND, HEADER_SOURCE
from tocsin_normalizer.domain.normalize import Normalizer
from tocsin_runtime.log import Entry

NORMALIZER = normalizer()


def image_of(entry: Entry, *, known: dict[tuple[str, int], IntegrationSettings] | None = None, condemned: bool = False) -> Image:
    done = NORMALIZER.normalize(record(entry), KNOWN if known is None else known, condemned=condemned)
    assert kind_of(done.headers) == Kind.DELIVERY
    return decode_image(done.value)


def test_a_delivery_becomes_one_image_with_all_its_alerts_and_settings() -> None:
    image = image_of(delivery("a", "b", redrive_of="2:41", sender_id="its-own"))
    assert image.mapped is Mapped.NORMALIZED
    assert [alert.identity for alert in image.alerts] == ["a", "b"]
    assert list(image.alert_ids) == [alert_id(TENANT, INTEGRATION, "a"), alert_id(TENANT, INTEGRATION, "b")]
    assert (image.settings, image.integration_version) == (SETTINGS, VERSION)
    assert (image.tenant, image.integration, image.request_id) == (TENANT, INTEGRATION, "request-1")
    assert (image.redrive_of, image.sender_id) == (Position(2, 41), "its-own")
    assert image.size == len(delivery("a", "b").value)


def test_an_image_carries_key_position_append_time_and_release() -> None:
    done = NORMALIZER.normalize(record(delivery("a"), 17, partition=5), KNOWN)
    stamp = source_of(done.headers)
    assert (stamp.position, stamp.appended_at_ms, stamp.release) == (Position(5, 17), 1_700_000_000_123, RELEASE)
    assert done.key == TENANT.encode()


@pytest.mark.parametrize("kind", [b"command", b"tick", b"rule-set", b"tenant-erased", b"of-a-later-release", b"\xff\xfe", b""])
def test_what_is_no_delivery_is_copied_unread(kind: bytes) -> None:
    entry = Entry(b"\xffkey", b"\x00not json", [(HEADER_KIND, kind), ("other", b"\xff"), (HEADER_SOURCE, b"forged")])
    done = NORMALIZER.normalize(record(entry, 9), {})
    assert (done.key, done.value, done.mapped) == (entry.key, entry.value, None)
    assert done.headers[:-1] == entry.headers[:-1]
    assert source_of(done.headers).position == Position(0, 9)


@pytest.mark.parametrize("headers", [[], [("other", b"x")]])
def test_a_record_without_a_kind_is_copied_unread(headers: list[tuple[str, bytes]]) -> None:
    done = NORMALIZER.normalize(record(Entry(None, b"x", headers)), {})
    assert (done.value, done.mapped, kind_of(done.headers)) == (b"x", None, "")


@pytest.mark.parametrize(
    ("entry", "mapped", "reason"),
    [
        (delivery(do="ignore"), Mapped.IGNORED, "not-an-alert"),
        (delivery(), Mapped.IGNORED, "no-alerts"),
        (delivery(do="fail"), Mapped.FAILED, "unknown-shape"),
        (delivery(do="raise"), Mapped.FAILED, "normalizer-error"),
        (delivery(do="unwritable"), Mapped.FAILED, "normalizer-error"),
        (delivery(body=b'{"alerts": ["a"'), Mapped.FAILED, "not-json"),
        (delivery(body=b""), Mapped.FAILED, "not-json"),
        (delivery(body=b"[" * 1100 + b"]" * 1100), Mapped.FAILED, "not-json"),
        (delivery(body=b"[" * 100 + b"]" * 100), Mapped.FAILED, "too-deep"),
        (delivery(body=b'{"alerts":[1234567890123456789012345]}'), Mapped.FAILED, "number-too-large"),
        (delivery(*map(str, range(101))), Mapped.FAILED, "too-many-alerts"),
        (delivery("a", source="of-a-later-release"), Mapped.FAILED, "unknown-source"),
        (delivery("a", integration_version=4), Mapped.FAILED, "unknown-integration-version"),
    ],
)
def test_what_cannot_be_normalized_says_why(entry: Entry, mapped: Mapped, reason: str) -> None:
    image = image_of(entry)
    assert (image.mapped, image.reason, image.alerts) == (mapped, reason, [])
    assert image.tenant == TENANT
    assert image.request_id == "request-1"


def test_a_fault_of_ours_never_repeats_the_body() -> None:
    image = image_of(delivery(do="raise"))
    assert image.detail == "RuntimeError"


def test_an_image_that_is_too_large_fails_without_its_alerts() -> None:
    body = orjson.dumps({"alerts": [str(n) for n in range(50)], "text": "x" * 100})
    done = normalizer(image_max_bytes=2_000).normalize(record(delivery(body=body)), KNOWN)
    image = decode_image(done.value)
    assert (image.mapped, image.reason, image.alerts, done.alerts) == (Mapped.FAILED, "image-too-large", [], 0)
    assert image.size == len(body)
    assert len(done.value) <= 2_000


def test_a_condemned_delivery_is_failed_without_a_look_at_its_body() -> None:
    image = image_of(delivery(do="die"), condemned=True)
    assert (image.mapped, image.reason) == (Mapped.FAILED, "killed-normalizer")
    assert image.settings == SETTINGS


def test_a_condemned_record_that_is_no_delivery_is_copied_as_ever() -> None:
    assert NORMALIZER.normalize(record(tick()), {}, condemned=True).value == tick().value


def test_what_kills_the_process_is_not_caught() -> None:
    with pytest.raises(Killed):
        NORMALIZER.normalize(record(delivery(do="die")), KNOWN)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"v":1}',
        orjson.dumps(orjson.loads(delivery("a").headers[1][1]) | {"tenant": 7}),
        orjson.dumps(orjson.loads(delivery("a").headers[1][1]) | {"tenant": "a\x00b"}),
        orjson.dumps(orjson.loads(delivery("a").headers[1][1]) | {"integration": ""}),
        orjson.dumps(orjson.loads(delivery("a").headers[1][1]) | {"integration": "x" * 2000}),
        orjson.dumps(orjson.loads(delivery("a").headers[1][1]) | {"integration_version": 2**40}),
        orjson.dumps(orjson.loads(delivery("a").headers[1][1]) | {"integration_version": -1}),
        orjson.dumps(orjson.loads(delivery("a").headers[1][1]) | {"redrive_of": "yesterday"}),
        orjson.dumps(orjson.loads(delivery("a").headers[1][1]) | {"headers": [1]}),
        delivery("a").headers[1][1].replace(b"1700000000000000", b"1e400"),
    ],
)
def test_a_delivery_with_an_unreadable_envelope_is_failed_for_the_tenant_of_its_key(value: bytes) -> None:
    entry = Entry(TENANT.encode(), b"{}", [(HEADER_KIND, b"delivery"), (HEADER_ENVELOPE, value)])
    image = image_of(entry)
    assert (image.mapped, image.reason, image.tenant) == (Mapped.FAILED, "unreadable-envelope", TENANT)


def test_a_delivery_without_an_envelope_is_failed() -> None:
    image = image_of(Entry(None, b"{}", log_headers(Kind.DELIVERY)))
    assert (image.mapped, image.reason, image.tenant) == (Mapped.FAILED, "unreadable-envelope", "")


@pytest.mark.parametrize("at", [b"1" + b"0" * 400, b"-1"])
def test_a_time_that_no_clock_shows_is_clamped(at: bytes) -> None:
    value = delivery("a").headers[1][1].replace(b"1700000000000000", at)
    image = image_of(Entry(TENANT.encode(), delivery("a").value, [(HEADER_KIND, b"delivery"), (HEADER_ENVELOPE, value)]))
    assert image.mapped is Mapped.NORMALIZED
    assert 0 <= image.received_at <= 4_102_444_800_000_000


def test_times_and_texts_of_an_envelope_are_bounded() -> None:
    image = image_of(delivery("a", received_at=2**62, request_id="r\x00" + "x" * 2000, sender_id="\x00"))
    assert image.received_at == 4_102_444_800_000_000
    assert len(image.request_id) == 1000
    assert "\x00" not in image.request_id
    assert image.sender_id == "�"


def test_the_same_input_gives_the_same_bytes() -> None:
    given_record = record(delivery("a", "b"))
    assert NORMALIZER.normalize(given_record, KNOWN) == normalizer().normalize(given_record, dict(KNOWN))


_header = st.tuples(
    st.sampled_from([HEADER_KIND, HEADER_ENVELOPE, HEADER_SOURCE, "other"]),
    st.one_of(st.binary(max_size=40), st.sampled_from([b"delivery", b"command", b'{"v":1}', delivery("a").headers[1][1]])),
)


@st.composite
def _mutated(draw: st.DrawFn, value: bytes) -> bytes:
    """Cut, flip and insert a few bytes of a good value."""
    data = bytearray(value)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["cut", "flip", "insert"])):
            case "cut":
                del data[place:]
            case "flip" if data:
                data[place] = draw(st.integers(0, 255))
            case _:
                data[place:place] = draw(st.binary(max_size=4))
    return bytes(data)


@given(
    key=st.none() | st.binary(max_size=20),
    headers=st.lists(_header, max_size=4),
    body=st.binary(max_size=200) | _mutated(delivery("a", "ü\u0000").value),
)
def test_no_body_and_no_header_can_stop_a_partition(key: bytes | None, headers: list[tuple[str, bytes]], body: bytes) -> None:
    done = NORMALIZER.normalize(record(Entry(key, body, headers), 3), KNOWN)
    assert source_of(done.headers).position == Position(0, 3)
    if done.mapped is not None:
        assert decode_image(done.value).mapped is done.mapped
    else:
        assert done.value == body


@given(body=_mutated(delivery("a", "b").value), header=_mutated(delivery("a").headers[1][1]))
def test_a_damaged_delivery_is_still_exactly_one_image(body: bytes, header: bytes) -> None:
    entry = Entry(TENANT.encode(), body, [(HEADER_KIND, b"delivery"), (HEADER_ENVELOPE, header)])
    image = image_of(entry)
    assert image.mapped in Mapped
    assert image.size == len(body)


def test_a_notification_of_our_own_makes_no_alert() -> None:
    """Whatever its source: an alert made of it would be notified, and come back again (issue 5, "Commands")."""
    own = {
        "version": "4",
        "status": "firing",
        "alerts": [{"status": "firing", "labels": {"tocsin_incident": "7K3QF2B" + "0" * 19}}],
    }
    entry = delivery("a", source="alertmanager", body=orjson.dumps(own))
    image = decode_image(Normalizer(release=RELEASE).normalize(record(entry), KNOWN).value)
    assert (image.mapped, image.reason, list(image.alerts)) == (Mapped.IGNORED, "own-notification", [])
