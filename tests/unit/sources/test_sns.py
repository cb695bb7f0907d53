"""Who signed a message of SNS: hosts, times, versions, topics. Certificates are made here; none of Amazon's is needed."""

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tocsin_contracts.times import SECOND, from_datetime
from tocsin_sources.signature import Rejection
from tocsin_sources.sns import (
    MESSAGE_MAX_BYTES,
    SnsMessage,
    is_allowed,
    is_certificate_url,
    is_sns_url,
    message_of,
    rejection_of,
    signed_text,
)

AT = datetime(2026, 3, 2, 10, 15, 30, tzinfo=UTC)
NOW = from_datetime(AT)
URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:incidents"


@cache
def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certificate(
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
    start: datetime = AT - timedelta(days=1),
    days: int = 30,
) -> bytes:
    private = private or key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key()).serial_number(7)
    built = builder.not_valid_before(start).not_valid_after(start + timedelta(days=days)).sign(private, hashes.SHA256())
    return built.public_bytes(serialization.Encoding.PEM)


def envelope(version: str = "2", *, signer: rsa.RSAPrivateKey | None = None, **members: str) -> dict[str, str]:
    base = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Subject": "ALARM: é",
        "Message": "line one\nline two",
        "Timestamp": "2026-03-02T10:15:30.000Z",
        "SignatureVersion": version,
        "SigningCertURL": URL,
    }
    said = {**base, **members}
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = (signer or key()).sign(signed_text(said), padding.PKCS1v15(), algorithm)
    return {**said, "Signature": base64.b64encode(signature).decode()}


def message(document: Any) -> SnsMessage:
    read = message_of(orjson.dumps(document))
    assert read is not None
    return read


def check(document: Any, now: int = NOW, pem: bytes | None = None) -> Rejection | None:
    return rejection_of(message(document), certificate() if pem is None else pem, now)


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_verify(version: str) -> None:
    assert check(envelope(version)) is None


def test_the_text_that_is_signed_is_the_documented_one() -> None:
    said = envelope()
    del said["Subject"]
    assert (
        signed_text(said)
        == (
            f"Message\nline one\nline two\nMessageId\nm-1\nTimestamp\n2026-03-02T10:15:30.000Z\nTopicArn\n{TOPIC}\n"
            "Type\nNotification\n"
        ).encode()
    )


def test_a_subscription_signs_its_link_and_token() -> None:
    link = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    said = envelope(Type="SubscriptionConfirmation", SubscribeURL=link, Token="t")
    assert check(said) is None
    assert message(said).subscribe_url == link
    assert check({**said, "SubscribeURL": link + "x"}) is Rejection.WRONG
    assert b"Subject" not in signed_text(said)


@pytest.mark.parametrize("name", ["Message", "MessageId", "Subject", "Timestamp", "TopicArn"])
def test_any_signed_member_changed_is_rejected(name: str) -> None:
    said = envelope()
    assert check({**said, name: said[name] + " "}) is Rejection.WRONG


def test_another_key_another_version_and_no_signature_are_rejected() -> None:
    said = envelope()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert check(said, pem=certificate(other)) is Rejection.WRONG
    assert check({**said, "SignatureVersion": "1"}) is Rejection.WRONG
    assert check({**said, "SignatureVersion": "3"}) is Rejection.GARBLED
    assert check({**said, "Signature": ""}) is Rejection.GARBLED
    assert check({**said, "Signature": "not base64!"}) is Rejection.GARBLED


@pytest.mark.parametrize(("off_s", "rejection"), [(-300, None), (3_900, None), (-301, Rejection.STALE), (3_901, Rejection.STALE)])
def test_a_message_is_believed_as_long_as_sns_would_send_it(off_s: int, rejection: Rejection | None) -> None:
    assert check(envelope(), now=NOW + off_s * SECOND) is rejection


@pytest.mark.parametrize("text", ["", "soon", "0", "2026-03-02 10:15:30"])
def test_a_signed_time_that_is_none_is_stale(text: str) -> None:
    assert check(envelope(Timestamp=text)) is Rejection.STALE


def test_a_certificate_that_is_over_short_of_another_kind_or_none_proves_nothing() -> None:
    said = envelope()
    assert check(said, pem=certificate(start=AT - timedelta(days=60))) is Rejection.GARBLED
    assert check(said, pem=certificate(start=AT + timedelta(days=1))) is Rejection.GARBLED
    assert check(envelope(signer=key(1024)), pem=certificate(key(1024))) is Rejection.GARBLED
    assert check(said, pem=certificate(ec.generate_private_key(ec.SECP256R1()))) is Rejection.GARBLED
    for pem in (b"", b"-----BEGIN CERTIFICATE-----", b"<html>", certificate()[:200]):
        assert check(said, pem=pem) is Rejection.GARBLED


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://sns.us-gov-west-1.amazonaws.com/a.pem",
        "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-a.pem",
    ],
)
def test_certificates_of_sns_may_be_fetched(url: str) -> None:
    assert is_certificate_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "http://sns.eu-west-1.amazonaws.com/a.pem", "https://sns.eu-west-1.amazonaws.com/a.txt", "file:///a.pem"),
        *("https://sns.eu-west-1.amazonaws.com.evil.example/a.pem", "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem"),
        *(
            "https://xsns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.comx/a.pem",
            "https://sns.amazonaws.com/a.pem",
        ),
        *("https://sns.eu-west-1.amazonaws.com:443/a.pem", "https://sns.eu-west-1.amazonaws.com:22/a.pem"),
        *("https://u@sns.eu-west-1.amazonaws.com/a.pem", "https://evil.example\\@sns.eu-west-1.amazonaws.com/a.pem"),
        *("https://sns.eu-west-1.amazonaws.com/a.pem#x", "https://sns.eu-west-1.amazonaws.com/a.pem?x=y"),
        *(
            "https://sns.eu-west-1.amazonaws.com/../a.pem",
            "https://sns.eu-west-1.amazonaws.com/b/a.pem",
            "https://sns.a.b.amazonaws.com/a.pem",
        ),
        *("https://sns.eu-west-1.amazonaws.com%2f.evil.example/a.pem", "https://sns.eu‐west‐1.amazonaws.com/a.pem"),
        *("https://s3.eu-west-1.amazonaws.com/a.pem", "https://[::1]/a.pem", "https://sns.eu-west-1.amazonaws.com\n/a.pem"),
        "https://sns.eu-west-1.amazonaws.com/" + "a" * 3000 + ".pem",
    ],
)
def test_nothing_else_may_be_fetched(url: str) -> None:
    """SSRF: the host in full, never a part of it."""
    assert not is_certificate_url(url)
    assert message_of(orjson.dumps(envelope() | {"SigningCertURL": url})) is None


@given(st.text(max_size=80) | st.text(max_size=30).map(lambda text: f"https://sns.{text}.amazonaws.com/x.pem"))
def test_reading_a_link_never_raises(url: str) -> None:
    is_sns_url(url)
    assert not is_certificate_url(url) or url.startswith("https://sns.")


@pytest.mark.parametrize(
    "link",
    ["http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription", "https://169.254.169.254/latest/meta-data", "gopher://x"],
)
def test_a_link_to_elsewhere_is_not_visited_though_it_is_signed(link: str) -> None:
    said = envelope(Type="SubscriptionConfirmation", SubscribeURL=link, Token="t")
    assert check(said) is None
    assert message(said).subscribe_url is None


def test_a_topic_counts_only_where_the_integration_lists_it() -> None:
    assert is_allowed(message(envelope()), (TOPIC,))
    assert not is_allowed(message(envelope()), (TOPIC + "x",))
    assert not is_allowed(message(envelope()), ())


def test_the_lambda_spelling_of_the_certificates_link_is_read() -> None:
    said = envelope()
    said["SigningCertUrl"] = said.pop("SigningCertURL")
    assert check(said) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b"\xff", orjson.dumps({"AlarmName": "x"}), b" " * (MESSAGE_MAX_BYTES + 1), b"[" * 50]
)
def test_what_is_no_envelope_is_none(body: bytes) -> None:
    assert message_of(body) is None


@given(
    st.dictionaries(
        st.sampled_from(sorted(envelope())), st.text(max_size=20) | st.none() | st.integers(-9, 9) | st.lists(st.text())
    )
)
def test_garbage_in_an_envelope_never_raises(changes: dict[str, object]) -> None:
    read = message_of(orjson.dumps({**envelope(), **changes}, option=orjson.OPT_NON_STR_KEYS))
    if read is not None:
        rejection_of(read, certificate(), NOW)
