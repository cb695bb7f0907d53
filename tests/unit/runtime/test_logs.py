"""One JSON line an event, bounded, without secrets, whatever is logged."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tocsin_runtime import logs


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_time_and_level(out: io.StringIO) -> None:
    structlog.get_logger().info("delivery.accepted", bytes=12)
    [line] = lines(out)
    assert line["event"] == "delivery.accepted"
    assert line["level"] == "info"
    assert line["bytes"] == 12
    assert line["at"].endswith("Z")


def test_line_breaks_and_fake_lines_stay_inside_their_line(out: io.StringIO) -> None:
    structlog.get_logger().info("x", text='a\r\n{"event":"forged"}\x1b[31m')
    assert [line["event"] for line in lines(out)] == ["x"]


def test_the_standard_librarys_loggers_take_the_same_way(out: io.StringIO) -> None:
    logging.getLogger("library").warning("failed with %s", "Bearer abcdefgh12345678")
    [line] = lines(out)
    assert line["event"] == "failed with Bearer [redacted]"


@pytest.mark.parametrize(
    "fields",
    [
        {"token": "canary-secret-1"},
        {"headers": {"Authorization": "canary-secret-1"}},
        {"deep": {"list": [{"api_key": "canary-secret-1"}]}},
        {"dsn": "canary-secret-1"},
        {"reason": "cannot reach postgresql://role:canary-secret-1@host/db"},
        {"header": "Bearer canary-secret-1"},
        {"routing_key": "canary-secret-1"},
    ],
)
def test_secrets_are_redacted_by_key_and_by_shape(out: io.StringIO, fields: dict[str, Any]) -> None:
    structlog.get_logger().info("x", **fields)
    assert "canary-secret-1" not in out.getvalue()
    assert logs.REDACTED in out.getvalue()


def test_long_values_are_cut(out: io.StringIO) -> None:
    structlog.get_logger().info("x", text="a" * 1_000_000, items=["b" * 5_000] * 1_000)
    assert len(out.getvalue()) < 60 * logs.VALUE_MAX


def test_a_traceback_stays_in_its_line(out: io.StringIO) -> None:
    structlog.get_logger().error("x", exc_info=RuntimeError("broken"))
    [line] = lines(out)
    assert "RuntimeError: broken" in line["exception"]


def test_the_http_servers_logger_is_muted(out: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").error("a traceback for each malformed request")
    assert lines(out) == []


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
            lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_any_values_give_a_line_that_parses(fields: dict[str, Any]) -> None:
    line = logs._json(None, "info", logs.clean(None, "info", dict(fields)))
    assert "\n" not in line
    orjson.loads(line)
