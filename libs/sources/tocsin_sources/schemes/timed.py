"""Signatures that cover a time: Grafana's form with a timestamp header."""

from collections.abc import Sequence
from dataclasses import dataclass

from tocsin_contracts.times import SECOND
from tocsin_sources.schemes.signed_time import is_fresh
from tocsin_sources.signature import (
    HEADER_MAX,
    SECRETS_MAX,
    Rejected,
    Rejection,
    SignedRequest,
    Verdict,
    encoded,
    first_equal,
    hex_hmac,
)


@dataclass(frozen=True, slots=True)
class TimedHmacSha256Hex:
    """A header with the hexadecimal HMAC-SHA256 of `<seconds>:<body>`, and one with the seconds.

    A body that itself began with a time and a colon would mean the same to the form without a time; it is no JSON.
    """

    header: str
    """Lower-case name of the header with the digits."""
    time_header: str
    """Lower-case name of the header with the time, in seconds since the epoch."""
    name: str = "hmac-sha256-timed"

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the digest with that of each secret, and the time with ours; without a time it is another scheme's."""
        text, seconds = request.headers.get(self.header), request.headers.get(self.time_header)
        if not text or not seconds:
            return Rejected(Rejection.NO_CREDENTIALS)
        if len(text) + len(seconds) > HEADER_MAX:
            return Rejected(Rejection.OVERSIZED)
        seconds = seconds.strip()
        before = encoded(seconds) + b":"
        digests = [(bool(secret), hex_hmac(secret, request.body, before)) for secret in secrets[:SECRETS_MAX]]
        verdict = first_equal(encoded(text.strip()), digests)
        return verdict if is_fresh(seconds, request.now) else Rejected(Rejection.STALE)

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:
        """Give both headers."""
        seconds = str(now // SECOND)
        return {self.time_header: seconds, self.header: hex_hmac(secret, body, seconds.encode() + b":").decode()}
