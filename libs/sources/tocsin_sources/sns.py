"""Amazon SNS over HTTP: its envelope, and who signed it (SOURCES 9). Pure: the certificate's bytes are given.

A valid signature says that SNS sent the message, and nothing about whose topic it is: anybody with an AWS account can have
messages signed and sent here. So a signature counts for the topics that the integration lists, and for no other.
"""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tocsin_contracts.times import SECOND, from_datetime
from tocsin_sources.document import Limits, NotJson, parse
from tocsin_sources.signature import Rejection
from tocsin_sources.timestamps import time_of

NOTIFICATION, SUBSCRIPTION, UNSUBSCRIPTION = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
MESSAGE_MAX_BYTES = 512 * 1024
"""SNS takes messages of 256 kB; inside of JSON text they grow. A larger body is never parsed for a stranger."""
URL_MAX = 2_000
OLDEST_S, NEWEST_S = 3_900, 300
"""How old a signed time may be: SNS tries again for an hour at most. How far ahead of our clock."""
KEY_BITS_MIN = 2_048
_HOST = re.compile(r"sns\.[a-zA-Z0-9-]{3,32}\.amazonaws\.com(?:\.cn)?", re.ASCII)
_PATH = re.compile(r"/[A-Za-z0-9._-]{1,200}\.pem", re.ASCII)
_LIMITS = Limits(size_bytes=MESSAGE_MAX_BYTES, depth=4, nodes=200)
_HASHES: Mapping[str, type[hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SnsMessage:
    """An envelope of SNS as it was received; nothing of it is proven."""

    kind: str
    topic: str
    certificate_url: str
    """Of an anchored host, so that it may be fetched."""
    subscribe_url: str | None
    """Of an anchored host; None where there is none that may be visited."""
    members: Mapping[str, str]


def message_of(body: bytes) -> SnsMessage | None:
    """Read an envelope, within tight bounds, for it is read before its sender is known.

    Returns:
        None where the body is no envelope of SNS with a signature whose certificate may be fetched.
    """
    try:
        document = parse(body, _LIMITS)
    except NotJson:
        return None
    if not isinstance(document, dict):
        return None
    members = {name: value for name, value in document.items() if isinstance(value, str)}
    kind, topic = members.get("Type"), members.get("TopicArn")
    url = members.get("SigningCertURL") or members.get("SigningCertUrl")
    if kind not in _SIGNED or not topic or url is None or not is_certificate_url(url):
        return None
    subscribe = members.get("SubscribeURL")
    return SnsMessage(
        kind=kind,
        topic=topic,
        certificate_url=url,
        subscribe_url=subscribe if subscribe is not None and is_sns_url(subscribe) else None,
        members=members,
    )


def is_sns_url(url: str) -> bool:
    """Tell whether a link leads to SNS itself: https, its host in full, no port, no user, nothing that parsers read twice."""
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or any(char in url for char in " \\#@"):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and port is None and _HOST.fullmatch(parts.netloc) is not None


def is_certificate_url(url: str) -> bool:
    """Tell whether a link leads to a certificate of SNS."""
    if not is_sns_url(url):
        return False
    parts = urlsplit(url)
    return not parts.query and _PATH.fullmatch(parts.path) is not None


def is_allowed(message: SnsMessage, topics: Collection[str]) -> bool:
    """Tell whether the integration lists the message's topic."""
    return message.topic in topics


def rejection_of(message: SnsMessage, certificate: bytes, now: int) -> Rejection | None:
    """Check a message's signature; never raises.

    Args:
        message: as `message_of` read it.
        certificate: what lies at its `certificate_url`, PEM.
        now: the gateway's clock, µs.

    Returns:
        None where SNS signed it and it is no older than SNS would still be sending it; else why not.
    """
    algorithm = _HASHES.get(message.members.get("SignatureVersion", ""))
    try:
        signature = base64.b64decode(message.members.get("Signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return Rejection.GARBLED
    key = _key_of(certificate, now)
    if algorithm is None or not signature or key is None:
        return Rejection.GARBLED
    try:
        key.verify(signature, signed_text(message.members), padding.PKCS1v15(), algorithm())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return Rejection.WRONG
    return None if _is_fresh(message.members.get("Timestamp"), now) else Rejection.STALE


def signed_text(members: Mapping[str, str]) -> bytes:
    """Give what SNS signs: names and values of the members of this kind, a line each, those that are there."""
    lines = [part for name in _SIGNED.get(members.get("Type", ""), ()) if name in members for part in (name, members[name])]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def _key_of(certificate: bytes, now: int) -> rsa.RSAPublicKey | None:
    """Give the certificate's key, if it is an RSA key of some length and the certificate is valid at `now`."""
    try:
        parsed = x509.load_pem_x509_certificate(certificate)
        key = parsed.public_key()
        start, end = (from_datetime(at.astimezone(UTC)) for at in (parsed.not_valid_before_utc, parsed.not_valid_after_utc))
    except (ValueError, TypeError, UnsupportedAlgorithm, OverflowError):
        return None
    usable = isinstance(key, rsa.RSAPublicKey) and key.key_size >= KEY_BITS_MIN and start <= now <= end
    return key if usable and isinstance(key, rsa.RSAPublicKey) else None


def _is_fresh(text: str | None, now: int) -> bool:
    at = time_of(text)
    return at is not None and -NEWEST_S * SECOND <= now - at <= OLDEST_S * SECOND
