"""Cursors: where a page ended, so that the next one starts there whatever was inserted meanwhile (keyset pagination).

A cursor names the sort keys of the last row shown. Its check binds it to the tenant and to everything else that the query
said: with other filters or another key it would show a page of something else. It is no secret and grants nothing: each
statement carries the tenant whatever the cursor holds (S26).
"""

import base64
import binascii
from collections.abc import Sequence
from hashlib import blake2b

import orjson

CURSOR_MAX = 1000
_CHECK_BYTES = 8


def encode(values: Sequence[int | str], *, tenant: str, query: str) -> str:
    """Write the sort keys of a page's last row.

    Args:
        values: the keys in the order of the sort.
        tenant: whose page it is.
        query: what was asked, in one canonical text.
    """
    body = orjson.dumps(list(values))
    return base64.urlsafe_b64encode(_check(body, tenant, query) + body).rstrip(b"=").decode()


def decode(text: str, *, tenant: str, query: str) -> list[int | str]:
    """Read a cursor.

    Raises:
        ValueError: not one that we wrote for this tenant and this query.
    """
    if len(text) > CURSOR_MAX or not text.isascii():
        raise ValueError("not a cursor")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not a cursor") from error
    check, body = data[:_CHECK_BYTES], data[_CHECK_BYTES:]
    if _check(body, tenant, query) != check:
        raise ValueError("a cursor of another query")
    values = orjson.loads(body)
    if not isinstance(values, list) or not all(isinstance(value, int | str) for value in values):
        raise ValueError("not a cursor")
    return values


def _check(body: bytes, tenant: str, query: str) -> bytes:
    hasher = blake2b(digest_size=_CHECK_BYTES, person=b"tocsin.cursor")
    for part in (tenant.encode(), query.encode("utf-8", "surrogatepass"), body):
        hasher.update(len(part).to_bytes(4, "big"))
        hasher.update(part)
    return hasher.digest()
