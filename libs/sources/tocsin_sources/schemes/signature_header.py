"""Signatures in a header, in the forms that senders have beside the plain one: a signed time, several of them, other digits.

PagerDuty sends several while a secret is being replaced, Grafana and Slack sign a time; integrations may be set to any form (D1).
"""

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tocsin_contracts.times import SECOND
from tocsin_sources.schemes.signed_time import TOLERANCE_S, is_fresh
from tocsin_sources.signature import (
    HEADER_MAX,
    SECRETS_MAX,
    Accepted,
    Rejected,
    Rejection,
    SignedRequest,
    Verdict,
    credential,
    encoded,
    first_equal,
)

SIGNATURES_MAX = 8
"""Signatures of one header that are examined; what stands behind them is not (S16)."""
Algorithm = Literal["hmac-sha256", "hmac-sha512", "hmac-sha1"]
Digits = Literal["hex", "base64"]
Signs = Literal["body", "time:body", "v0:time:body", "time.body"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureHeader:
    """A header that holds an HMAC of the body as received, and perhaps of a time that stands in another header.

    A body that itself began as the time does would mean the same to a form without a time; it is no JSON.
    """

    header: str
    """Lower-case name of the header with the signature."""
    prefix: str = ""
    """What stands before the digits; an entry with another prefix is of another version and proves nothing."""
    digits: Digits = "hex"
    several: bool = False
    """Whether the header is a list with commas; one right signature is enough."""
    algorithm: Algorithm = "hmac-sha256"
    signs: Signs = "body"
    """What the signature covers, `time` being the text of the time header."""
    time_header: str = ""
    """Lower-case name of the header with the time in seconds; set where a time is signed, and only there."""
    tolerance_s: int = TOLERANCE_S
    """How far the signed time may be from ours, either way."""
    name: str = "signature-header"

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the signatures with that of each secret, each computed once, and a signed time with ours."""
        text = credential(request.headers, self.header)
        if isinstance(text, Rejected):
            return text
        seconds = ""
        if self.time_header:
            seconds = request.headers.get(self.time_header, "").strip()
            if not seconds:
                return Rejected(Rejection.NO_CREDENTIALS)  # that is another scheme's
            if len(text) + len(seconds) > HEADER_MAX:
                return Rejected(Rejection.OVERSIZED)
        claims = self._claims(text)
        if not claims:
            return Rejected(Rejection.GARBLED)
        expected = [(bool(secret), self._signature(secret, request.body, seconds)) for secret in secrets[:SECRETS_MAX]]
        verdicts = [first_equal(claim, expected) for claim in claims]
        verdict = next((verdict for verdict in verdicts if isinstance(verdict, Accepted)), verdicts[0])
        stale = bool(self.time_header) and not is_fresh(seconds, request.now, self.tolerance_s)
        return Rejected(Rejection.STALE) if stale else verdict

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:
        """Give the header with one signature, and the one with the time where a time is signed."""
        seconds = str(now // SECOND) if self.time_header else ""
        headers = {self.header: self.prefix + self._signature(secret, body, seconds).decode()}
        return {self.time_header: seconds, **headers} if self.time_header else headers

    def _claims(self, text: str) -> list[bytes]:
        """Take the digits out of the first eight entries."""
        entries = text.split(",", SIGNATURES_MAX)[:SIGNATURES_MAX] if self.several else [text]
        found = [entry.strip() for entry in entries]
        digits = [entry.removeprefix(self.prefix) for entry in found if entry.startswith(self.prefix)]
        return [encoded(each.lower() if self.digits == "hex" else each) for each in digits]

    def _signature(self, secret: bytes, body: bytes, seconds: str) -> bytes:
        before = self.signs.removesuffix("body").replace("time", seconds)
        digest = hmac.new(secret, encoded(before), self.algorithm.removeprefix("hmac-"))
        digest.update(body)
        return digest.hexdigest().encode() if self.digits == "hex" else base64.b64encode(digest.digest())
