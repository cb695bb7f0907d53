"""Standard Webhooks v1: the specification's own example, times, ids, several signatures."""

import base64
import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_contracts.times import SECOND
from tocsin_sources.schemes.standard_webhooks import ID, SIGNATURE, TIMESTAMP, StandardWebhooks
from tocsin_sources.signature import HEADER_MAX, Accepted, Rejected, Rejection, SignedRequest, Verdict

SCHEME = StandardWebhooks()
SECRET = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = b"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
BODY = b'{"test": 2432232314}'
SECONDS = 1_614_265_330
NOW = SECONDS * SECOND
VECTOR = {
    ID: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    TIMESTAMP: str(SECONDS),
    SIGNATURE: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def verify(headers: dict[str, str], *, body: bytes = BODY, now: int = NOW, secrets: tuple[bytes, ...] = (SECRET,)) -> Verdict:
    return SCHEME.verify(SignedRequest(headers=headers, body=body, now=now), secrets)


def test_the_published_test_vector_verifies() -> None:
    """The vector that the libraries of the specification test with."""
    assert verify(VECTOR) == Accepted(0)


@given(body=st.binary(max_size=200), key=st.binary(min_size=1, max_size=64), now=st.integers(0, 4_000_000_000))
def test_what_we_sign_verifies(body: bytes, key: bytes, now: int) -> None:
    secret = b"whsec_" + base64.b64encode(key)
    headers = SCHEME.sign(body, secret, now * SECOND)
    assert verify(headers, body=body, now=now * SECOND, secrets=(OTHER, secret)) == Accepted(1 if any(key) else 0)


def test_a_secret_in_another_form_is_the_key_itself() -> None:
    for secret in (b"plain-secret-of-somebody", b"whsec_not base64!"):
        assert verify(SCHEME.sign(BODY, secret, NOW), secrets=(secret,)) == Accepted(0)


def test_s10_wrong_truncated_and_missing_signatures_are_rejected() -> None:
    assert verify(VECTOR, secrets=(OTHER,)) == Rejected(Rejection.WRONG)
    assert verify({**VECTOR, SIGNATURE: VECTOR[SIGNATURE][:-4]}) == Rejected(Rejection.WRONG)
    assert verify({**VECTOR, SIGNATURE: "v1,"}) == Rejected(Rejection.WRONG)
    assert verify({ID: "x", TIMESTAMP: str(SECONDS)}) == Rejected(Rejection.NO_CREDENTIALS)
    assert verify(VECTOR, secrets=()) == Rejected(Rejection.UNCONFIGURED)


@given(bit=st.integers(0, len(BODY) * 8 - 1))
def test_s11_any_flipped_bit_of_the_body_is_rejected(bit: int) -> None:
    flipped = bytearray(BODY)
    flipped[bit // 8] ^= 1 << bit % 8
    assert verify(VECTOR, body=bytes(flipped)) == Rejected(Rejection.WRONG)


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_s12_five_minutes_either_way_are_fresh(off: int) -> None:
    assert verify(VECTOR, now=NOW + off * SECOND) == Accepted(0)


@pytest.mark.parametrize("off", [-301, 301])
def test_s12_more_than_five_minutes_are_stale(off: int) -> None:
    assert verify(VECTOR, now=NOW + off * SECOND) == Rejected(Rejection.STALE)


@pytest.mark.parametrize("text", ["NaN", "1e309", "-1614265330", "1614265330.0", " 1614265330", "soon", "", "٣", "9" * 40])
def test_s12_a_time_that_is_none_is_rejected_though_it_is_signed(text: str) -> None:
    digest = hmac.new(base64.b64decode(SECRET[6:]), f"m.{text}.".encode() + BODY, sha256).digest()
    headers = {ID: "m", TIMESTAMP: text, SIGNATURE: f"v1,{base64.b64encode(digest).decode()}"}
    assert verify(headers) == Rejected(Rejection.STALE)


@pytest.mark.parametrize("number", ["", "a.b", "x" * 257, "a\x00", "a\nb", "a b", "é"])
def test_s14_an_id_that_no_sender_writes_is_rejected_though_it_is_signed(number: str) -> None:
    digest = hmac.new(base64.b64decode(SECRET[6:]), f"{number}.{SECONDS}.".encode() + BODY, sha256).digest()
    headers = {ID: number, TIMESTAMP: str(SECONDS), SIGNATURE: f"v1,{base64.b64encode(digest).decode()}"}
    assert verify(headers) == Rejected(Rejection.GARBLED)


def test_s15_both_secrets_of_a_rotation_are_accepted_and_told_apart() -> None:
    assert verify(SCHEME.sign(BODY, OTHER, NOW), secrets=(SECRET, OTHER)) == Accepted(1)


def test_s16_the_eighth_signature_counts_and_the_ninth_is_not_looked_at() -> None:
    wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert verify({**VECTOR, SIGNATURE: " ".join([wrong] * 7 + [VECTOR[SIGNATURE]])}) == Accepted(0)
    assert verify({**VECTOR, SIGNATURE: " ".join([wrong] * 8 + [VECTOR[SIGNATURE]])}) == Rejected(Rejection.WRONG)
    assert verify({**VECTOR, SIGNATURE: " ".join([wrong] * 400)}) == Rejected(Rejection.OVERSIZED)


def test_other_versions_prove_nothing_and_do_not_disturb() -> None:
    assert verify({**VECTOR, SIGNATURE: f"v1a,xyz {VECTOR[SIGNATURE]}"}) == Accepted(0)
    assert verify({**VECTOR, SIGNATURE: "v1a,xyz"}) == Rejected(Rejection.GARBLED)


@given(
    st.dictionaries(
        st.sampled_from([ID, TIMESTAMP, SIGNATURE]), st.text(st.characters(), max_size=60) | st.just("x" * HEADER_MAX)
    )
)
def test_garbage_is_rejected_and_never_raises(headers: dict[str, str]) -> None:
    assert isinstance(verify(headers), Rejected)
