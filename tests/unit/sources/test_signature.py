"""Authentication: the inverse is accepted, anything else is rejected, nothing raises."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin_sources import registry
from tocsin_sources.signature import (
    HEADER_MAX,
    Accepted,
    Basic,
    Bearer,
    HmacSha256Hex,
    Rejected,
    Rejection,
    Scheme,
    SignedRequest,
    authenticate,
)

HMAC = HmacSha256Hex("sentry-hook-signature")
SCHEMES: list[Scheme] = [Bearer(), Basic(), HMAC]
HEADERS = ["authorization", "sentry-hook-signature"]
BODY = b'{"action":"created"}'
SECRET, OTHER, THIRD = b"whsec_one", b"whsec_two", b"whsec_three"

secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80).map(str.encode)
garbage = st.text(st.characters(), max_size=300)


def request(headers: dict[str, str], body: bytes = BODY) -> SignedRequest:
    return SignedRequest(headers=headers, body=body)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
@given(body=st.binary(max_size=300), secret=secrets)
def test_what_a_scheme_signs_it_accepts(scheme: Scheme, body: bytes, secret: bytes) -> None:
    assert scheme.verify(request(scheme.sign(body, secret), body), [secret]) == Accepted(0)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_both_secrets_of_a_rotation_are_accepted_and_told_apart(scheme: Scheme) -> None:
    assert scheme.verify(request(scheme.sign(BODY, SECRET)), [SECRET, OTHER]) == Accepted(0)
    assert scheme.verify(request(scheme.sign(BODY, OTHER)), [SECRET, OTHER]) == Accepted(1)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_a_third_secret_is_never_tried(scheme: Scheme) -> None:
    assert scheme.verify(request(scheme.sign(BODY, THIRD)), [SECRET, OTHER, THIRD]) == Rejected(Rejection.WRONG)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_an_integration_without_a_secret_accepts_nobody(scheme: Scheme) -> None:
    assert scheme.verify(request(scheme.sign(BODY, SECRET)), []) == Rejected(Rejection.UNCONFIGURED)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer "},
        {"authorization": "Basic " + base64.b64encode(b"user:").decode()},
        HMAC.sign(BODY, b""),
    ],
)
def test_an_empty_secret_proves_nothing(headers: dict[str, str]) -> None:
    assert isinstance(authenticate(SCHEMES, request(headers), [b""]), Rejected)


@given(body=st.binary(min_size=1, max_size=100), data=st.data())
def test_any_flipped_bit_of_the_body_is_rejected(body: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    flipped = bytearray(body)
    flipped[bit // 8] ^= 1 << bit % 8
    assert HMAC.verify(request(HMAC.sign(body, SECRET), bytes(flipped)), [SECRET, OTHER]) == Rejected(Rejection.WRONG)


@given(position=st.integers(0, 63), bit=st.integers(0, 6))
def test_any_flipped_bit_of_the_signature_is_rejected(position: int, bit: int) -> None:
    signature = HMAC.sign(BODY, SECRET)[HMAC.header]
    flipped = signature[:position] + chr(ord(signature[position]) ^ 1 << bit) + signature[position + 1 :]
    assert isinstance(HMAC.verify(request({HMAC.header: flipped}), [SECRET]), Rejected)


@given(length=st.integers(0, 63))
def test_a_truncated_signature_is_rejected(length: int) -> None:
    assert isinstance(HMAC.verify(request({HMAC.header: HMAC.sign(BODY, SECRET)[HMAC.header][:length]}), [SECRET]), Rejected)


def test_the_same_json_written_otherwise_is_rejected() -> None:
    """SOURCES 0.8: the signature covers the bytes, although Sentry's own sample re-serialises them."""
    assert HMAC.verify(request(HMAC.sign(BODY, SECRET), b'{"action": "created"}'), [SECRET]) == Rejected(Rejection.WRONG)


@pytest.mark.parametrize("name", HEADERS)
@given(value=garbage | garbage.map("Bearer ".__add__) | garbage.map("Basic ".__add__))
@example(value="Bearer é")
@example(value="Bearer \udcff")
@example(value="Basic \ud800")
@example(value="Basic ====")
@example(value="Basic dXNlcg==")
@example(value="Basic é")
@example(value="\x00")
@example(value="Bearer " + "x" * HEADER_MAX)
def test_garbage_in_a_header_is_rejected_and_never_raises(name: str, value: str) -> None:
    for scheme in SCHEMES:
        assert isinstance(scheme.verify(request({name: value}), [SECRET, OTHER]), Rejected)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, Rejection.NO_CREDENTIALS),
        ({"authorization": ""}, Rejection.NO_CREDENTIALS),
        ({"authorization": "Digest abc"}, Rejection.NO_CREDENTIALS),
        ({"authorization": "Bearer"}, Rejection.GARBLED),
        ({"authorization": "Basic not base64"}, Rejection.GARBLED),
        ({"authorization": "Basic " + base64.b64encode(b"no colon").decode()}, Rejection.GARBLED),
        ({"authorization": "Bearer " + "x" * HEADER_MAX}, Rejection.OVERSIZED),
        ({"authorization": "Bearer wrong"}, Rejection.WRONG),
        ({"authorization": "Basic " + base64.b64encode(b"user:wrong").decode()}, Rejection.WRONG),
    ],
)
def test_a_rejection_says_why_for_the_log(headers: dict[str, str], reason: Rejection) -> None:
    assert authenticate([Bearer(), Basic()], request(headers), [SECRET]) == Rejected(reason)


@pytest.mark.parametrize("header", ["Bearer whsec_one", "bearer whsec_one", "BEARER   whsec_one", " Bearer whsec_one "])
def test_the_name_of_the_scheme_has_no_case(header: str) -> None:
    assert Bearer().verify(request({"authorization": header}), [SECRET]) == Accepted(0)


@given(
    user=st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"]), max_size=40),
    password=st.text(min_size=1, max_size=40),
)
def test_the_password_counts_and_the_user_name_does_not(user: str, password: str) -> None:
    """RFC 7617: the first colon ends the user name; the password may hold more of them, and any bytes."""
    secret = password.encode("utf-8", "surrogatepass")
    pair = base64.b64encode(user.encode() + b":" + secret).decode()
    assert Basic().verify(request({"authorization": f"Basic {pair}"}), [secret]) == Accepted(0)


def test_alertmanager_may_use_bearer_or_basic_and_sentry_signs() -> None:
    alertmanager, sentry = registry.get("alertmanager"), registry.get("sentry")
    assert alertmanager is not None
    assert sentry is not None
    for scheme in (Bearer(), Basic()):
        assert authenticate(alertmanager.schemes, request(scheme.sign(BODY, SECRET)), [SECRET]) == Accepted(0)
        assert isinstance(authenticate(sentry.schemes, request(scheme.sign(BODY, SECRET)), [SECRET]), Rejected)
    assert authenticate(sentry.schemes, request(HMAC.sign(BODY, SECRET)), [SECRET]) == Accepted(0)


def test_no_source_keeps_credentials_in_the_envelope() -> None:
    for name in registry.names():
        source = registry.get(name)
        assert source is not None
        assert not {"authorization", "proxy-authorization", "cookie"} & source.headers
        assert not {scheme.header for scheme in source.schemes if isinstance(scheme, HmacSha256Hex)} & source.headers
