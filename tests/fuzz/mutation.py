"""Seeded mutations of recorded bodies: first of what they say, then of their bytes. The same seed gives the same bytes."""

import copy
import re
from collections.abc import Callable
from random import Random
from typing import Any

import orjson

from tocsin_contracts.topics import BODY_MAX_BYTES

_SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**53 + 1, 2**63 - 1, 2**64 - 1, -(2**63), 1.5, -0.0, 1e308, 5e-324, 1e16),
    *(
        "",
        " ",
        "0",
        "-1",
        "null",
        "None",
        "N/A",
        "true",
        "1e999",
        "NaN",
        "firing",
        "resolved",
        "ok",
        "critical",
        "P1",
        "P9",
        "sev0",
    ),
    *("2026-03-02T10:15:30Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+14:00", "2026-02-30 25:61:61", "1772446530"),
    *("$ALERT_ID", "${x}", "{{ .Status }}", "*UNKNOWN*", "<no value>", "%%%\n@team\n%%%"),
    *("<script>alert(1)</script>", "javascript:alert(1)", "https://a.example/?q=%00", "http://", "//x", "HTTP://EXAMPLE"),
    *(
        "\x00",
        "a\u202eb",
        "é" * 40,
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "e\u0301" * 30,
        "\ufeffx",
        "漢字",
        "\u2028",
        "\x1b[31m",
    ),
)
_CONTAINERS: tuple[Any, ...] = ([], {}, [[]], [None], [{}], {"": None}, {"a": {"b": []}}, [1, "x", None, {}])
_PIECES = (
    *(
        "x",
        " ",
        "\n",
        "\t",
        "<",
        "<a ",
        "<br",
        "<br/>",
        "&amp;",
        "&#",
        "{{",
        "${",
        "[",
        "[P2] ",
        "]",
        "(",
        "%%%",
        "@",
        "|",
        ":",
        "/",
    ),
    *(
        "a:b,",
        ",",
        "=",
        '"',
        "\\",
        "é",
        "0",
        "9",
        "-",
        ".",
        "a.",
        "a b ",
        "\u202e",
        "https://",
        "will expire in 1",
        "sev-",
        "p1 ",
    ),
    *('{"a":', "arn:aws:", "\\n", "~", "#", "***", "T0", "2026-", "'", ";", "[Triggered on {", "}"),
)
_KEYS = ("", "a", "severity", "service", "env", "\x00", "é", "x" * 300, "a.b", "a/b", "__proto__", "status", "id")


def mutated(body: bytes, random: Random) -> bytes:
    """Change a body in one to six places; sometimes its bytes too. The result has at most 1 MiB."""
    document = orjson.loads(body)
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        document = _edited(document, random)
    changed = _encoded(document)
    while random.random() < 0.15:
        changed = random.choice(_BYTES)(changed, random)
    return changed[:BODY_MAX_BYTES]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """List (container, key) of every value, without recursion; at most 5,000."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < 5_000:
        container = waiting.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container)) if isinstance(container, list) else ()
        for key in keys:
            found.append((container, key))
            waiting.append(container[key])
    return found


def _edited(document: Any, random: Random) -> Any:
    holder = [copy.deepcopy(document)]
    container, key = random.choice(_places(holder))
    random.choice(_EDITS)(container, key, random)
    return holder[0] if holder else None


def _drop(container: Any, key: Any, random: Random) -> None:
    del container[key]


def _replace(container: Any, key: Any, random: Random) -> None:
    container[key] = random.choice(_SCALARS) if random.random() < 0.8 else copy.deepcopy(random.choice(_CONTAINERS))


def _retype(container: Any, key: Any, random: Random) -> None:
    """Say the same in another type, as relays do: numbers as text, text as a number, one thing as a list of it."""
    match container[key]:
        case bool() as value:
            container[key] = random.choice((str(value), int(value), [value]))
        case int() | float() as value:
            container[key] = random.choice((str(value), [value], bool(value)))
        case str() as value:
            container[key] = random.choice(
                ([value], {"value": value}, len(value), value.upper(), f" {value} ", _encoded(value).decode())
            )
        case list() as value:
            container[key] = random.choice((value[0] if value else None, {str(n): each for n, each in enumerate(value)}))
        case dict() as value:
            container[key] = random.choice((list(value.values()), list(value), _encoded(value).decode()))
        case _:
            container[key] = random.choice(("", 0, [], {}))


def _rename(container: Any, key: Any, random: Random) -> None:
    if isinstance(container, dict):
        name = random.choice((*_KEYS, key.upper(), key.lower(), f"{key} ", key.replace("_", "-")))
        container[name] = container.pop(key)


def _nest(container: Any, key: Any, random: Random) -> None:
    value = container[key]
    for _ in range(random.choice((1, 5, 50, 70))):
        value = [value] if random.random() < 0.5 else {"a": value}
    container[key] = value


def _long(container: Any, key: Any, random: Random) -> None:
    piece = random.choice(_PIECES)
    size = random.choice((1_000, 10_000, 100_000, 100_000, 900_000))
    container[key] = (
        random.choice(("", "x", "2026-03-02T10:15:30")) + piece * (size // len(piece.encode())) + random.choice(("", "y", "<"))
    )


def _many(container: Any, key: Any, random: Random) -> None:
    count = random.choice((10, 100, 1_000, 6_000))
    value = container[key]
    if isinstance(value, dict):
        value.update({f"{random.choice(_KEYS)}{n}": random.choice(_SCALARS) for n in range(count)})
    else:
        item = value[0] if isinstance(value, list) and value else value
        container[key] = [copy.copy(item) for _ in range(max(2, min(count, 600_000 // len(_encoded(item)))))]


def _copied(container: Any, key: Any, random: Random) -> None:
    """Put a part of the body somewhere else in it."""
    other, place = random.choice(_places(container))
    container[key] = copy.deepcopy(other[place])


def _encoded(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


_EDITS: tuple[Callable[[Any, Any, Random], None], ...] = (
    *(_drop, _drop, _replace, _replace, _replace, _retype, _retype, _rename, _nest, _long, _many, _copied),
)


def _cut(body: bytes, random: Random) -> bytes:
    return body[: random.randrange(len(body) + 1)]


def _flip(body: bytes, random: Random) -> bytes:
    place = random.randrange(len(body) + 1)
    return body[:place] + random.randbytes(random.choice((1, 1, 4))) + body[place + 1 :]


def _token(body: bytes, random: Random) -> bytes:
    """Put what orjson must refuse, or what must be made storable, in the place of a value."""
    values = list(re.finditer(rb"(?<=:)(?:\"[^\"\\]{0,80}\"|-?\d{1,20}|null|true|false)", body[:100_000]))
    if not values:
        return body
    token = random.choice(
        (
            b"NaN",
            b"-Infinity",
            b"1e999",
            b"123456789012345678901234567890",
            rb'"\ud800"',
            rb'"\udc00\ud800"',
            rb'"\u0000"',
            b"'x'",
            b"01",
        )
    )
    found = random.choice(values)
    return body[: found.start()] + token + body[found.end() :]


def _twice(body: bytes, random: Random) -> bytes:
    """Let a member stand twice, with two values."""
    names = list(re.finditer(rb"\"([^\"\\]{1,60})\":", body[:100_000]))
    if not names:
        return body
    found = random.choice(names)
    return body[: found.start()] + found[0] + random.choice((b"null,", b'"other",', b"[],", b"{},")) + body[found.start() :]


def _framed(body: bytes, random: Random) -> bytes:
    return random.choice((b"\xef\xbb\xbf" + body, b" \r\n" + body + b"\n", body + b"x", body + body, b"payload=" + body, b""))


_BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (_cut, _flip, _token, _token, _twice, _twice, _framed)
