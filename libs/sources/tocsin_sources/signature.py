"""How senders prove who they are: one scheme a class, each with its inverse, all of it on bytes in constant time.

Here is the seam and what most senders use; `schemes/` has the rest. A verifier never raises, whatever the headers hold: a
header of an attacker is a rejection with a reason for the log. The answer to the sender is the same for every reason.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Protocol

SECRETS_MAX = 2
"""Active secrets of an integration: the old and the new one of a rotation. More are never tried."""
HEADER_MAX = 4096
"""Characters of a credential header that are looked at; a longer one is rejected unread."""


class Rejection(StrEnum):
    """Why a request is not authentic; for logs and metrics, never for the sender."""

    NO_CREDENTIALS = "no-credentials"
    UNCONFIGURED = "no-secret-configured"
    GARBLED = "garbled-credentials"
    OVERSIZED = "oversized-credentials"
    WRONG = "wrong-credentials"
    STALE = "stale-or-invalid-timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signature may cover: the headers (lower-case names) and the body exactly as it was received, undecoded."""

    headers: Mapping[str, str]
    body: bytes
    now: int = 0
    """The gateway's clock, µs; schemes that sign a time compare with it. Unset, every real time is stale."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request is authentic; `secret` is the index of the secret that proved it."""

    secret: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """The request is not authentic."""

    reason: Rejection


Verdict = Accepted | Rejected


class Scheme(Protocol):
    """One way to authenticate a request."""

    @property
    def name(self) -> str:
        """Name the scheme in logs and documents."""

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Check a request against the active secrets, each of them always, at most two; never raises."""

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:
        """Give the headers (lower-case names) that make `verify` accept this body at `now` (µs): for senders of ours."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer <secret>`, or with another word in front. Nothing covers the body."""

    word: str = "Bearer"
    """The authentication scheme: some senders have one of their own, such as `GenieKey`."""
    name: str = "bearer"

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the token with the secrets."""
        credentials = _authorization(request.headers, self.word.lower())
        return credentials if isinstance(credentials, Rejected) else compare(credentials, secrets)

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:  # noqa: ARG002 # a token depends on neither
        """Give the authorization header."""
        return {"authorization": f"{self.word} {secret.decode()}"}


@dataclass(frozen=True, slots=True)
class Basic:
    """HTTP basic authentication (RFC 7617): the password is the secret, the user name is not looked at.

    The integration is named by the path, so a user name would be a second name for it that can only be wrong; some senders
    demand one, and any will do.
    """

    name: str = "basic"
    username: str = "tocsin"
    """What `sign` sends."""

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the password with the secrets."""
        credentials = _authorization(request.headers, "basic")
        if isinstance(credentials, Rejected):
            return credentials
        try:
            pair = base64.b64decode(credentials, validate=True)
        except (binascii.Error, ValueError):
            return Rejected(Rejection.GARBLED)
        _, colon, password = pair.partition(b":")
        return compare(password, secrets) if colon else Rejected(Rejection.GARBLED)

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:  # noqa: ARG002 # a password depends on neither
        """Give the authorization header."""
        pair = self.username.encode() + b":" + secret
        return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}


@dataclass(frozen=True, slots=True)
class HmacSha256Hex:
    """A header that holds the hexadecimal HMAC-SHA256 of the body as received, keyed with the secret."""

    header: str
    """Lower-case name of the header."""
    prefix: str = ""
    """What stands before the digits, such as `sha256=`."""
    name: str = "hmac-sha256"

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the digest with that of each secret."""
        text = credential(request.headers, self.header)
        if isinstance(text, Rejected):
            return text
        claimed = encoded(text.strip().removeprefix(self.prefix))
        return first_equal(claimed, [(bool(secret), hex_hmac(secret, request.body)) for secret in secrets[:SECRETS_MAX]])

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:  # noqa: ARG002 # this form signs no time
        """Give the signature header."""
        return {self.header: self.prefix + hex_hmac(secret, body).decode()}


def authenticate(schemes: Sequence[Scheme], request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
    """Check a request by each scheme its source allows; the first that accepts it wins.

    Returns:
        The acceptance, else the rejection of the scheme whose credentials the request carries, else `no-credentials`. A stale
        time says more than a digest that another form of the same header finds wrong.
    """
    rejected = Rejected(Rejection.NO_CREDENTIALS)
    for scheme in schemes:
        verdict = scheme.verify(request, secrets)
        if isinstance(verdict, Accepted):
            return verdict
        if rejected.reason is Rejection.NO_CREDENTIALS or verdict.reason is Rejection.STALE:
            rejected = verdict
    return rejected


def credential(headers: Mapping[str, str], name: str) -> str | Rejected:
    """Take a header that proves something, as it stands; a longer one than `HEADER_MAX` is rejected unread."""
    text = headers.get(name)
    if not text:
        return Rejected(Rejection.NO_CREDENTIALS)
    return text if len(text) <= HEADER_MAX else Rejected(Rejection.OVERSIZED)


def _authorization(headers: Mapping[str, str], scheme: str) -> bytes | Rejected:
    """Take the credentials of an authorization header of this scheme; its name is case-insensitive (RFC 9110)."""
    header = credential(headers, "authorization")
    if isinstance(header, Rejected):
        return header
    name, _, credentials = header.strip().partition(" ")
    if name.lower() != scheme:
        return Rejected(Rejection.NO_CREDENTIALS)
    return encoded(credentials.strip()) or Rejected(Rejection.GARBLED)


def hex_hmac(secret: bytes, body: bytes, before: bytes = b"") -> bytes:
    """Compute the HMAC-SHA256 of a body, and of what is signed in front of it, as hexadecimal digits."""
    digest = hmac.new(secret, before, sha256)
    digest.update(body)
    return digest.hexdigest().encode()


def compare(credentials: bytes, secrets: Sequence[bytes]) -> Verdict:
    """Compare digests of both sides, so that not even the length of a secret shows in the time taken."""
    claimed = sha256(credentials).digest()
    return first_equal(claimed, [(bool(secret), sha256(secret).digest()) for secret in secrets[:SECRETS_MAX]])


def first_equal(claimed: bytes, expected: Sequence[tuple[bool, bytes]]) -> Verdict:
    """Compare with all, in constant time; an empty secret, the first of each pair says, never proves anything."""
    if not expected:
        return Rejected(Rejection.UNCONFIGURED)
    equal = [hmac.compare_digest(claimed, candidate) and usable for usable, candidate in expected]
    return Accepted(equal.index(True)) if True in equal else Rejected(Rejection.WRONG)


def encoded(text: str) -> bytes:
    """Encode a header value whatever it holds: servers pass undecodable bytes on as lone surrogates."""
    return text.encode("utf-8", "surrogatepass")
