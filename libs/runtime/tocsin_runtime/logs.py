"""Structured logs: one JSON line an event, bounded values, no secrets."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import orjson
import structlog

VALUE_MAX = 1_024
REDACTED = "[redacted]"
ITEMS_MAX = 50
DEPTH_MAX = 4
_SECRET_KEY = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|authori[sz]ation|api_?key|routing_?key|master_?key|private_?key"
    r"|cookie|credential|signature|dsn$|^postgres$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"  # an Authorization header's value
    r"|(?P<userinfo>://[^\s:/@]*:)[^\s@]+(?=@)"  # a URL's password
    r"|\b(?:whsec|tocsin)_[\w+/=-]{16,}",  # the shapes of our own keys and secrets
    re.IGNORECASE,
)


def configure(*, level: str = "info", form: str = "json", stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging for the whole process.

    Args:
        level: least level written.
        form: `json` for machines, `console` for people.
        stream: where lines go; standard error by default, so standard output stays a program's own.

    Every line passes `redact` and `bound`, whoever logs it. The `aiohttp.server` logger is muted: it writes a
    traceback for each malformed request; `tocsin_runtime.http` counts them instead.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        clean,
    ]
    out = stream or sys.stderr
    renderer: Any = structlog.dev.ConsoleRenderer(colors=out.isatty()) if form == "console" else _json
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, clean, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_number(level), logging.WARNING))
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL + 1)
    # aiokafka logs every retry at ERROR; the seam says once what it means.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL if _number(level) > logging.DEBUG else logging.WARNING)


def clean(_logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Redact what looks secret by key or by shape, and cut every value at `VALUE_MAX` characters."""
    return {_key(key): _clean(key, value, DEPTH_MAX) for key, value in event.items()}


def _clean(key: object, value: Any, depth: int) -> Any:
    if isinstance(key, str) and _SECRET_KEY.search(key):
        return REDACTED
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 1 << 63):
        return value
    if isinstance(value, Mapping) and depth:
        return {_key(k): _clean(k, v, depth - 1) for k, v in list(value.items())[:ITEMS_MAX]}
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [_clean(None, item, depth - 1) for item in list(value)[:ITEMS_MAX]]
    text = value if isinstance(value, str) else repr(value)
    plain = text[: VALUE_MAX * 4].encode("utf-8", "backslashreplace").decode()  # lone surrogates are no UTF-8
    return _cut(_SECRET_VALUE.sub(_hide, plain))


def _key(key: object) -> str:
    return str(key)[:100].encode("utf-8", "backslashreplace").decode()


def _hide(match: re.Match[str]) -> str:
    return f"{match['scheme'] or match['userinfo'] or ''}{REDACTED}"


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 1]}…"


def _json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    first = {key: event[key] for key in ("at", "level", "event") if key in event}
    return orjson.dumps({**first, **event}).decode()


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]
