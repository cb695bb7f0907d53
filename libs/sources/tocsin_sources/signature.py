"""How senders prove who they are: one scheme a class, each with its inverse, all of it on bytes in constant time.

A verifier never raises, whatever the headers hold: a header of an attacker is a rejection with a reason for the log. The
answer to the sender is the same for every reason.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signature may cover: the headers (lower-case names) and the body exactly as it was received, undecoded."""

    headers: Mapping[str, str]
    body: bytes


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

    def sign(self, body: bytes, secret: bytes) -> dict[str, str]:
        """Give the headers (lower-case names) that make `verify` accept this body: the inverse, for senders of ours."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer <secret>`. Nothing covers the body."""

    name: str = "bearer"

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the token with the secrets."""
        credentials = _authorization(request.headers, "bearer")
        return credentials if isinstance(credentials, Rejected) else _compare(credentials, secrets)

    def sign(self, body: bytes, secret: bytes) -> dict[str, str]:  # noqa: ARG002 # a token does not depend on the body
        """Give the authorization header."""
        return {"authorization": f"Bearer {secret.decode()}"}


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
        return _compare(password, secrets) if colon else Rejected(Rejection.GARBLED)

    def sign(self, body: bytes, secret: bytes) -> dict[str, str]:  # noqa: ARG002 # a password does not depend on the body
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
        text = request.headers.get(self.header)
        if not text:
            return Rejected(Rejection.NO_CREDENTIALS)
        if len(text) > HEADER_MAX:
            return Rejected(Rejection.OVERSIZED)
        claimed = _bytes(text.strip().removeprefix(self.prefix))
        return _first_equal(claimed, [(bool(secret), self._digest(request.body, secret)) for secret in secrets[:SECRETS_MAX]])

    def sign(self, body: bytes, secret: bytes) -> dict[str, str]:
        """Give the signature header."""
        return {self.header: self.prefix + self._digest(body, secret).decode()}

    @staticmethod
    def _digest(body: bytes, secret: bytes) -> bytes:
        return hmac.new(secret, body, sha256).hexdigest().encode()


def authenticate(schemes: Sequence[Scheme], request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
    """Check a request by each scheme its source allows; the first that accepts it wins.

    Returns:
        The acceptance, else the rejection of the scheme whose credentials the request carries, else `no-credentials`.
    """
    rejected = Rejected(Rejection.NO_CREDENTIALS)
    for scheme in schemes:
        verdict = scheme.verify(request, secrets)
        if isinstance(verdict, Accepted):
            return verdict
        if rejected.reason is Rejection.NO_CREDENTIALS:
            rejected = verdict
    return rejected


def _authorization(headers: Mapping[str, str], scheme: str) -> bytes | Rejected:
    """Take the credentials of an authorization header of this scheme; its name is case-insensitive (RFC 9110)."""
    header = headers.get("authorization")
    if not header:
        return Rejected(Rejection.NO_CREDENTIALS)
    if len(header) > HEADER_MAX:
        return Rejected(Rejection.OVERSIZED)
    name, _, credentials = header.strip().partition(" ")
    if name.lower() != scheme:
        return Rejected(Rejection.NO_CREDENTIALS)
    return _bytes(credentials.strip()) or Rejected(Rejection.GARBLED)


def _compare(credentials: bytes, secrets: Sequence[bytes]) -> Verdict:
    """Compare digests of both sides, so that not even the length of a secret shows in the time taken."""
    claimed = sha256(credentials).digest()
    return _first_equal(claimed, [(bool(secret), sha256(secret).digest()) for secret in secrets[:SECRETS_MAX]])


def _first_equal(claimed: bytes, expected: Sequence[tuple[bool, bytes]]) -> Verdict:
    """Compare with all; an empty secret, the first of each pair says, never proves anything."""
    if not expected:
        return Rejected(Rejection.UNCONFIGURED)
    equal = [hmac.compare_digest(claimed, candidate) and usable for usable, candidate in expected]
    return Accepted(equal.index(True)) if True in equal else Rejected(Rejection.WRONG)


def _bytes(text: str) -> bytes:
    """Encode a header value whatever it holds: servers pass undecodable bytes on as lone surrogates."""
    return text.encode("utf-8", "surrogatepass")
