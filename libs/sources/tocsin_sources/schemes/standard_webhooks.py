"""Standard Webhooks, symmetric signatures (`v1`): generic senders, and GitLab's newer signing.

The asymmetric `v1a` is not taken: an integration has secrets, no public keys.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256

from tocsin_contracts.times import SECOND
from tocsin_sources.schemes.signature_header import SIGNATURES_MAX
from tocsin_sources.schemes.signed_time import is_fresh
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
)

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}")
_SECRET_PREFIX = b"whsec_"
_VERSION = "v1,"


@dataclass(frozen=True, slots=True)
class StandardWebhooks:
    """`webhook-signature: v1,<base64> …`: HMAC-SHA256 of `<id>.<timestamp>.<body>`, one signature for each secret of the sender.

    An id with a dot is rejected: `a.1` with time 2 would mean the same bytes as `a` with time 1 and another body.
    """

    name: str = "standard-webhooks"

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the first eight signatures with that of each secret, and the time with ours."""
        headers = request.headers
        number, seconds, text = (headers.get(name) for name in (ID, TIMESTAMP, SIGNATURE))
        if not text:
            return Rejected(Rejection.NO_CREDENTIALS)
        if len(text) + len(number or "") + len(seconds or "") > HEADER_MAX:
            return Rejected(Rejection.OVERSIZED)
        entries = text.split(None, SIGNATURES_MAX)[:SIGNATURES_MAX]
        claims = [encoded(entry.removeprefix(_VERSION)) for entry in entries if entry.startswith(_VERSION)]
        if number is None or _ID.fullmatch(number) is None or seconds is None or not claims:
            return Rejected(Rejection.GARBLED)
        keys = [_key(secret) for secret in secrets[:SECRETS_MAX]]
        expected = [(bool(key), _signature(key, number, seconds, request.body)) for key in keys]
        verdicts = [first_equal(claim, expected) for claim in claims]
        verdict = next((verdict for verdict in verdicts if isinstance(verdict, Accepted)), verdicts[0])
        return verdict if is_fresh(seconds, request.now) else Rejected(Rejection.STALE)

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:
        """Give the three headers; the id is made of body and time, so that the same call gives the same headers."""
        seconds = str(now // SECOND)
        number = f"msg_{blake2b(seconds.encode() + b'.' + body, digest_size=12).hexdigest()}"
        signature = _signature(_key(secret), number, seconds, body).decode()
        return {ID: number, TIMESTAMP: seconds, SIGNATURE: _VERSION + signature}


def _key(secret: bytes) -> bytes:
    """Give the HMAC key: what `whsec_<base64>` encodes; a secret in another form is the key itself."""
    if not secret.startswith(_SECRET_PREFIX):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return secret


def _signature(key: bytes, number: str, seconds: str, body: bytes) -> bytes:
    digest = hmac.new(key, encoded(f"{number}.{seconds}."), sha256)
    digest.update(body)
    return base64.b64encode(digest.digest())
