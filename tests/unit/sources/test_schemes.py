"""The rarer ways to authenticate: the inverse is accepted, anything else is rejected, nothing raises (S10–S17)."""

from unicodedata import category

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin_sources import registry
from tocsin_sources.document import parse
from tocsin_sources.schemes.body_key import REDACTED, BodyKey, redacted
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.schemes.signature_header import SIGNATURES_MAX, SignatureHeader
from tocsin_sources.signature import (
    HEADER_MAX,
    Accepted,
    Bearer,
    HmacSha256Hex,
    Rejected,
    Rejection,
    Scheme,
    SignedRequest,
    authenticate,
)

NOW = 1_772_446_530_123_456
SECOND = 1_000_000
LIST = SignatureHeader(header="x-pagerduty-signature", prefix="v1=", several=True, name="list")
TIMED = SignatureHeader(
    header="x-grafana-alerting-signature", signs="time:body", time_header="x-grafana-alerting-timestamp", name="timed"
)
UNTIMED = HmacSha256Hex("x-grafana-alerting-signature")
HEADER = SecretHeader()
KEY = BodyKey(("routing_key", "service_key"))
SLACK = SignatureHeader(
    header="x-slack-signature", prefix="v0=", signs="v0:time:body", time_header="x-slack-request-timestamp", name="slack"
)
SCHEMES: list[Scheme] = [LIST, TIMED, SLACK, HEADER, Bearer(word="GenieKey", name="genie-key")]
BODY = b'{"event":{}}'
SECRET, OTHER, THIRD = b"whsec_one", b"whsec_two", b"whsec_three"

secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80).map(str.encode)
garbage = st.text(st.characters(), max_size=300)


def request(headers: dict[str, str], body: bytes = BODY, now: int = NOW) -> SignedRequest:
    return SignedRequest(headers=headers, body=body, now=now)


def keyed(key: object, name: str = "routing_key") -> SignedRequest:
    return request({}, orjson.dumps({name: key, "event_action": "trigger"}))


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
@given(body=st.binary(max_size=300), secret=secrets)
def test_what_a_scheme_signs_it_accepts(scheme: Scheme, body: bytes, secret: bytes) -> None:
    assert scheme.verify(request(scheme.sign(body, secret, NOW), body), [secret]) == Accepted(0)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_both_secrets_of_a_rotation_are_accepted_and_told_apart(scheme: Scheme) -> None:
    """S15: which one proved it tells when the old one may go."""
    assert scheme.verify(request(scheme.sign(BODY, SECRET, NOW)), [SECRET, OTHER]) == Accepted(0)
    assert scheme.verify(request(scheme.sign(BODY, OTHER, NOW)), [SECRET, OTHER]) == Accepted(1)
    assert scheme.verify(request(scheme.sign(BODY, THIRD, NOW)), [SECRET, OTHER, THIRD]) == Rejected(Rejection.WRONG)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_no_secret_and_an_empty_secret_prove_nothing(scheme: Scheme) -> None:
    assert scheme.verify(request(scheme.sign(BODY, SECRET, NOW)), []) == Rejected(Rejection.UNCONFIGURED)
    assert isinstance(scheme.verify(request(scheme.sign(BODY, b"", NOW)), [b""]), Rejected)


@pytest.mark.parametrize("scheme", [LIST, TIMED, SLACK], ids=lambda scheme: scheme.name)
@given(body=st.binary(min_size=1, max_size=100), data=st.data())
def test_any_flipped_bit_of_the_body_is_rejected(scheme: Scheme, body: bytes, data: st.DataObject) -> None:
    """S11."""
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    flipped = bytearray(body)
    flipped[bit // 8] ^= 1 << bit % 8
    signed = request(scheme.sign(body, SECRET, NOW), bytes(flipped))
    assert scheme.verify(signed, [SECRET, OTHER]) == Rejected(Rejection.WRONG)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("body", [BODY, b"\xff"])
@given(value=garbage | garbage.map("v1=".__add__) | garbage.map("GenieKey ".__add__))
@example(value="v1=\udcff")
@example(value="v1=é,v1=\ud800")
@example(value="\x00")
@example(value="x" * (HEADER_MAX + 1))
def test_garbage_in_a_header_is_rejected_and_never_raises(scheme: Scheme, body: bytes, value: str) -> None:
    names = [*scheme.sign(body, SECRET, NOW), "authorization"]
    for name in names:
        headers = {**scheme.sign(body, SECRET, NOW), name: value}
        if scheme.verify(request(headers, body), [OTHER]) == Accepted(0):
            raise AssertionError(name)
    assert isinstance(scheme.verify(request(dict.fromkeys(names, value), body), [SECRET, OTHER]), Rejected)


@pytest.mark.parametrize(("off_s", "accepted"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_signed_time_counts_for_five_minutes_either_way(off_s: int, accepted: bool) -> None:
    """S12; a request captured is worth nothing afterwards (S13)."""
    now = NOW // SECOND * SECOND
    verdict = TIMED.verify(request(TIMED.sign(BODY, SECRET, now + off_s * SECOND), now=now), [SECRET])
    assert verdict == (Accepted(0) if accepted else Rejected(Rejection.STALE))


@pytest.mark.parametrize("time", ["NaN", "1e309", "-1772446530", "now", "1772446530.0", "0x69", "١٧٧٢٤٤٦٥٣٠", "9" * 30, "+1"])
def test_a_time_that_is_none_is_stale_though_it_is_signed(time: str) -> None:
    """S12."""
    digest = UNTIMED.sign(f"{time}:".encode() + BODY, SECRET)
    headers = {**digest, TIMED.time_header: time}
    assert TIMED.verify(request(headers), [SECRET]) == Rejected(Rejection.STALE)


def test_a_time_cannot_be_replaced_by_a_newer_one() -> None:
    headers = {**TIMED.sign(BODY, SECRET, NOW - 3_600 * SECOND), TIMED.time_header: str(NOW // SECOND)}
    assert TIMED.verify(request(headers), [SECRET]) == Rejected(Rejection.WRONG)


def test_both_forms_of_grafana_are_told_apart_and_a_stale_time_is_named() -> None:
    forms: list[Scheme] = [UNTIMED, TIMED]
    assert authenticate(forms, request(UNTIMED.sign(BODY, SECRET)), [SECRET]) == Accepted(0)
    assert authenticate(forms, request(TIMED.sign(BODY, SECRET, NOW)), [SECRET]) == Accepted(0)
    late = request(TIMED.sign(BODY, SECRET, NOW - 3_600 * SECOND))
    assert authenticate(forms, late, [SECRET]) == Rejected(Rejection.STALE)
    without_time = request(UNTIMED.sign(BODY, SECRET)).headers
    assert TIMED.verify(request(dict(without_time)), [SECRET]) == Rejected(Rejection.NO_CREDENTIALS)


def test_only_the_first_eight_signatures_are_examined() -> None:
    """S16."""
    right, wrong = LIST.sign(BODY, SECRET)[LIST.header], "v1=" + "0" * 64
    for place in range(50):
        header = ", ".join([wrong] * place + [right] + [wrong] * (49 - place))
        verdict = LIST.verify(request({LIST.header: header}), [SECRET])
        assert verdict == (Accepted(0) if place < SIGNATURES_MAX else Rejected(Rejection.WRONG))


@pytest.mark.parametrize("header", ["{0}", " {0} ", "{0},v1=00", "v1=00 , {0}", "v2=ab,{0}", ",{0}"])
def test_any_one_of_several_signatures_is_enough(header: str) -> None:
    assert LIST.verify(request({LIST.header: header.format(LIST.sign(BODY, SECRET)[LIST.header])}), [SECRET]) == Accepted(0)


def test_a_signature_of_another_version_proves_nothing() -> None:
    digits = LIST.sign(BODY, SECRET)[LIST.header].removeprefix("v1=")
    for header in (digits, f"v2={digits}", f"V1={digits}", ",,", "v1"):
        assert LIST.verify(request({LIST.header: header}), [SECRET]) == Rejected(Rejection.GARBLED)


@pytest.mark.parametrize("name", registry.names())
def test_no_header_that_proves_a_request_is_kept(name: str) -> None:
    source = registry.get(name)
    assert source is not None
    proving = {getattr(scheme, "header", "authorization") for scheme in source.schemes}
    assert not proving & source.headers


@pytest.mark.parametrize("name", registry.names())
def test_a_source_that_takes_a_key_in_the_body_has_it_redacted(name: str) -> None:
    source = registry.get(name)
    assert source is not None
    members = {member for scheme in source.schemes if isinstance(scheme, BodyKey) for member in scheme.members}
    assert {f"/{member}" for member in members} <= set(source.redact)


@pytest.mark.parametrize("name", ["routing_key", "service_key"])
def test_a_key_in_the_body_proves_it(name: str) -> None:
    assert KEY.verify(keyed(SECRET.decode(), name), [SECRET]) == Accepted(0)
    assert KEY.verify(keyed(SECRET.decode(), name), [OTHER, SECRET]) == Accepted(1)
    assert KEY.verify(keyed("wrong", name), [SECRET]) == Rejected(Rejection.WRONG)


@pytest.mark.parametrize("key", [None, 7, True, [], {}, "", " "])
def test_a_key_that_is_no_text_is_none(key: object) -> None:
    assert KEY.verify(keyed(key), [b"7", b""]) == Rejected(Rejection.NO_CREDENTIALS)


@pytest.mark.parametrize("body", [b"", b"[]", b"x", b"\xff", b"[" * 5_000, b'{"routing_key": "k"', b'"routing_key"'])
def test_a_body_that_is_no_object_carries_no_key(body: bytes) -> None:
    assert KEY.verify(request({}, body), [SECRET]) == Rejected(Rejection.NO_CREDENTIALS)


def test_a_body_beyond_the_senders_own_limit_is_never_parsed_for_a_stranger() -> None:
    body = orjson.dumps({"routing_key": SECRET.decode(), "payload": "x" * 512 * 1024})
    assert KEY.verify(request({}, body), [SECRET]) == Rejected(Rejection.NO_CREDENTIALS)


def test_an_oversized_key_is_not_hashed() -> None:
    assert KEY.verify(keyed("x" * (HEADER_MAX + 1)), [SECRET]) == Rejected(Rejection.OVERSIZED)


def test_a_redacted_body_differs_by_its_key_alone() -> None:
    key = "0123456789abcdef0123456789abcdef"
    body = b'{ "routing_key" : "%b",\n "payload": {"details": "%b", "n": 1.50} }' % (key.encode(), key.encode())
    clean = redacted(body, ("/routing_key", "/service_key"))
    assert clean == body.replace(key.encode(), REDACTED.encode())
    assert redacted(clean, ("/routing_key",)) == clean


def test_a_key_inside_of_longer_text_is_replaced_too() -> None:
    key = "0123456789abcdef0123456789abcdef"
    body = b'{"routing_key":"%b","payload":{"summary":"sent with %b"}}' % (key.encode(), key.encode())
    assert key.encode() not in redacted(body, ("/routing_key",))


@pytest.mark.parametrize("key", [',"a":1,"b":2,"c":3', "1234567890123456", '","routing_key":"x'])
def test_a_key_that_looks_like_a_piece_of_json_leaves_json(key: str) -> None:
    body = orjson.dumps({"routing_key": key, "a": 1, "b": 2, "c": 3, "n": 1234567890123456})
    clean = parse(redacted(body, ("/routing_key",)))
    assert clean == {"routing_key": REDACTED, "a": 1, "b": 2, "c": 3, "n": 1234567890123456}


printable = st.text(min_size=1, max_size=40).filter(lambda text: all(category(char) != "Cs" for char in text))


@given(key=printable, other=printable, ascii_only=st.booleans())
def test_no_redacted_body_holds_its_key(key: str, other: str, ascii_only: bool) -> None:
    """Whatever escapes the key was written with."""
    written = '"' + "".join(f"\\u{ord(char):04x}" if ord(char) < 65_536 else char for char in key) + '"'
    name = '"\\u0072outing_key"' if ascii_only else '"routing_key"'
    body = f'{{{name}: {written}, "payload": {orjson.dumps(other).decode()}}}'.encode()
    said = parse(redacted(body, ("/routing_key",)))
    assert isinstance(said, dict)
    assert said["routing_key"] == REDACTED
    assert said["payload"] == other or key in other


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"{}", b'{"routing_key": 7}', b'{"routing_key": ""}', b'{"a":"b"}'])
def test_a_body_without_a_key_stays_as_it_is(body: bytes) -> None:
    assert redacted(body, ("/routing_key",)) == body
