"""What the sender said about one alert: kept as its own JSON, and hashed to tell a repeat from news."""

from hashlib import blake2b

import orjson

from tocsin_contracts.bounds import storable
from tocsin_contracts.status import EventStatus
from tocsin_contracts.topics import RAW_ALERT_MAX_BYTES

_DIGEST_BYTES = 16
_ESCAPED_NUL = b"\\u0000"


def content_hash(status: EventStatus, alert: object) -> str:
    """Hash the status and an alert's own JSON: 32 hex digits, the same whatever the order of keys.

    The group around the alert, the reason of this notification and the envelope are left out: they change when nothing
    about the alert did.
    """
    said = orjson.dumps(alert, option=orjson.OPT_SORT_KEYS)
    return blake2b(status.encode() + b"\n" + said, digest_size=_DIGEST_BYTES, person=b"tocsin.content").hexdigest()


def raw_json(alert: object) -> tuple[str | None, bool]:
    """Give the alert's own JSON, compact, keys in the sender's order, and whether characters were replaced.

    PostgreSQL's jsonb refuses a NUL even as an escape, so NUL becomes U+FFFD here too. Above 64 kB there is no raw JSON: the
    body in the log has it.
    """
    said = orjson.dumps(alert)
    replaced = False
    if _ESCAPED_NUL in said:
        clean = orjson.dumps(_storable(alert))
        replaced, said = clean != said, clean
    return (said.decode() if len(said) <= RAW_ALERT_MAX_BYTES else None), replaced


def _storable(value: object) -> object:
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable(key): _storable(member) for key, member in value.items()}
        case list():
            return [_storable(item) for item in value]
        case _:
            return value
