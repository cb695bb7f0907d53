"""A header of the sender's own that holds the secret itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from tocsin_sources.signature import Rejected, Rejection, SignedRequest, Verdict, compare, credential, encoded

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
        text = credential(request.headers, self.header)
        if isinstance(text, Rejected):
            return text
        return compare(encoded(text.strip()), secrets) if text.strip() else Rejected(Rejection.NO_CREDENTIALS)

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:  # noqa: ARG002 # a token depends on neither
        """Give the header."""
        return {self.header: secret.decode()}
