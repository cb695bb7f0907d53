"""A header that holds several signatures, as PagerDuty sends while a secret is being replaced."""

from collections.abc import Sequence
from dataclasses import dataclass

from tocsin_sources.signature import (
    HEADER_MAX,
    SECRETS_MAX,
    Accepted,
    Rejected,
    Rejection,
    SignedRequest,
    Verdict,
    encoded,
    first_equal,
    hex_hmac,
)

SIGNATURES_MAX = 8
"""Signatures of one header that are examined; what stands behind them is not (S16)."""


@dataclass(frozen=True, slots=True)
class HmacSha256HexList:
    """A header such as `v1=<hex>, v1=<hex>`: HMAC-SHA256 of the body, one signature for each secret of the sender."""

    header: str
    """Lower-case name of the header."""
    prefix: str = "v1="
    """What stands before the digits; entries with another prefix are of another version and prove nothing."""
    name: str = "hmac-sha256-list"

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the first eight entries with the digest of each secret, each computed once; one match is enough."""
        text = request.headers.get(self.header)
        if not text:
            return Rejected(Rejection.NO_CREDENTIALS)
        if len(text) > HEADER_MAX:
            return Rejected(Rejection.OVERSIZED)
        entries = [entry.strip() for entry in text.split(",", SIGNATURES_MAX)[:SIGNATURES_MAX]]
        claims = [encoded(entry.removeprefix(self.prefix)) for entry in entries if entry.startswith(self.prefix)]
        if not claims:
            return Rejected(Rejection.GARBLED)
        digests = [(bool(secret), hex_hmac(secret, request.body)) for secret in secrets[:SECRETS_MAX]]
        verdicts = [first_equal(claim, digests) for claim in claims]
        return next((verdict for verdict in verdicts if isinstance(verdict, Accepted)), verdicts[0])

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:  # noqa: ARG002 # this form signs no time
        """Give the header with one signature."""
        return {self.header: self.prefix + hex_hmac(secret, body).decode()}
