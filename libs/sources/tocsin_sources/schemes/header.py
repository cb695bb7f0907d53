"""A header of the sender's own that holds the secret itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from tocsin_sources.signature import HEADER_MAX, Rejected, Rejection, SignedRequest, Verdict, compare, encoded

DEFAULT_HEADER = "x-tocsin-secret"
"""The header that we tell people to set in senders that can set any."""


@dataclass(frozen=True, slots=True)
class SecretHeader:
    """`X-Tocsin-Secret: <secret>`, or another header. Nothing covers the body."""

    header: str = DEFAULT_HEADER
    """Lower-case name of the header."""
    name: str = "header"

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the header with the secrets."""
        text = request.headers.get(self.header)
        if not text or not text.strip():
            return Rejected(Rejection.NO_CREDENTIALS)
        if len(text) > HEADER_MAX:
            return Rejected(Rejection.OVERSIZED)
        return compare(encoded(text.strip()), secrets)

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:  # noqa: ARG002 # a token depends on neither
        """Give the header."""
        return {self.header: secret.decode()}
