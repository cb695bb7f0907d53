"""Security check list, logs and errors (docs/reference/security-checks.md): S90 to S92; secrets have a module of their own."""

import re

import orjson
import pytest

from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import move_in
from tests.support.instance import eventually
from tests.support.raw import head, talk
from tests.support.strangers import stranger
from tests.support.system import Answer, System
from tocsin.local.environment import SERVICES
from tocsin_control.principal import Scope

FIRING = alertmanager(am_alert())
LINE_MAX = 4_096
"""Bytes of a log line: no value of a sender makes it longer."""
FORGED = '{"at":"2026-01-01T00:00:00Z","level":"info","event":"forged"}'
HOSTILE = (
    "\x1b[2J\x1b[31mred",
    "a\tb",
    FORGED,
    "x" * 8_000,
    "\xff\xfe",
    "%0d%0aevent=forged",
    "\u2028".encode().decode("latin-1"),
)
TELLTALE = re.compile(
    rb"Traceback|\.py\b|site-packages|asyncpg|aiohttp|aiokafka|uvloop|pydantic|orjson|PostgreSQL [0-9]|Python/|"
    rb"SELECT |INSERT |/tmp/|/root/|127\.0\.0\.1|Exception|object at 0x",
)
"""What an answer never names: code, statements, places, versions."""


async def test_s90_whatever_a_sender_writes_a_log_line_is_one_json_object_of_bounded_length(shared: System) -> None:
    """In headers, in the path, in the payload: line ends, ANSI, forged lines, a megabyte."""
    customer = await move_in(shared)
    url, path = shared.instance("ingest").url, customer.sender.path
    own = {name.replace("-", "_"): value for name, value in customer.sender.signed(FIRING).items()}
    length = {"content_length": str(len(FIRING)), "connection": "close"}
    for value in HOSTILE:
        for name in ("user_agent", "x_request_id", "x_forwarded_for", "content_type", "x_tocsin_integration", "authorization"):
            await talk(url, head("POST", path, **{**own, **length, **stranger(), name: value}) + FIRING)
        await talk(url, head("GET", "/" + value[:2_000].replace(" ", "%20"), connection="close"))
        await talk(shared.instance("query").url, head("GET", "/api/v1/incidents", user_agent=value, connection="close"))
    texts = ["a\r\nb", "\x1b[31m", FORGED, "\u2028", "x" * 500_000]
    shown = await customer.settle(alertmanager(*(am_alert(str(number), name=text) for number, text in enumerate(texts))))
    assert shown["outcome"] == "processed"

    async def written() -> bool:
        return shared.instance("ingest").log.read_bytes().count(b'"route":"webhook"') >= len(HOSTILE) * 5

    await eventually(written, what="the lines are written")
    for name in SERVICES:
        for line in shared.instance(name).log.read_bytes().splitlines():
            entry = orjson.loads(line)
            assert isinstance(entry, dict)
            assert entry["event"] != "forged"
            assert len(line) <= LINE_MAX
            assert b"\x1b" not in line


async def test_s91_what_is_a_key_in_a_body_is_replaced_before_it_is_stored(shared: System) -> None:
    """The routing key of an event is its credential: the log and whoever reads it see `[redacted]`."""
    pagerduty = await move_in(shared, "pagerduty")
    secret = pagerduty.sender.secret.get_secret_value()
    event = {
        "routing_key": secret,
        "event_action": "trigger",
        "dedup_key": "disk-1",
        "payload": {"summary": f"Disk full {secret}", "source": "db-1", "severity": "critical"},
    }
    body = orjson.dumps(event)
    answer = await shared.request(
        "POST", pagerduty.sender.path, headers={"content-type": "application/json", **stranger()}, body=body
    )
    assert answer.status == 202
    shown = await pagerduty.outcome(answer.json()["delivery_id"])
    kept = await shared.get(shown["body_url"], pagerduty.key)
    assert orjson.loads(kept.body)["routing_key"] == "[redacted]"
    assert secret.encode() not in kept.body


@pytest.fixture
async def provoked(shared: System) -> dict[str, Answer]:
    """Give an answer of each kind of error that a caller can provoke."""
    customer, generic = await move_in(shared), await move_in(shared, "generic")
    tight = await move_in(shared, limit=(1, 1))
    await tight.send(FIRING)
    signed, path, key = customer.sender.signed(FIRING), customer.sender.path, customer.key
    json = {"content-type": "application/json"}
    nothing = "0" * 26
    return {
        "400 JSON": await customer.send(b"{"),
        "400 gzip": await customer.send(FIRING, {"content-encoding": "gzip"}),
        "400 key in the URL": await shared.get("/api/v1/incidents", None, api_key="x"),
        "400 precondition": await customer.set_status(nothing, "CLOSED", if_match="x"),
        "401 delivery": await shared.request("POST", path, headers=json | stranger(), body=FIRING),
        "401 read": await shared.get("/api/v1/incidents", "x"),
        "403": await shared.get("/api/v1/alerts", (await customer.keys(Scope.INCIDENTS_READ))[Scope.INCIDENTS_READ]),
        "404 path": await shared.get("/api/v1/nothing", key),
        "404 ingest": await shared.request("POST", "/api/v1/nothing", key=key, headers=json, body=b"{}"),
        "404 row": await shared.get(f"/api/v1/incidents/{nothing}", key),
        "404 delivery": await shared.get(f"/api/v1/deliveries/{nothing}/body", key),
        "404 command": await customer.set_status(nothing, "CLOSED"),
        "405 ingest": await shared.request("GET", path, headers=signed),
        "405 query": await shared.request("DELETE", "/api/v1/incidents", service="query"),
        "413": await generic.send(b'{"a":"' + b"x" * 900_000 + b'"}', {"content-encoding": "gzip"}),
        "415": await customer.send(FIRING, {"content-encoding": "br"}),
        "422 command": await customer.set_status(nothing, "NOTHING"),
        "422 list": await shared.get("/api/v1/incidents", key, status="x", limit="x", cursor="x", created_from="x"),
        "422 id": await shared.get("/api/v1/incidents/'; SELECT 1 --", key),
        "422 integration": await shared.request(
            "POST", "/api/v1/integrations", key=key, headers=json, body=b'{"source":"fax","name":1,"settings":[]}'
        ),
        "422 mapping": await shared.request(
            "POST",
            "/api/v1/integrations",
            key=key,
            headers=json,
            body=b'{"source":"generic","name":"x","settings":{"mapping":{"title":"[["}}}',
        ),
        "429": await tight.send(FIRING),
        "a path that walks": await shared.get("/api/v1/../../etc/passwd", key, service="query"),
        "a NUL in a path": await shared.get("/api/v1/incidents/%00", key),
        "a NUL in a filter": await shared.get("/api/v1/incidents", key, service="query", environment="\x00"),
    }


async def test_s92_no_error_names_code_statements_places_or_versions(provoked: dict[str, Answer]) -> None:
    for case, answer in provoked.items():
        assert 400 <= answer.status < 500, (case, answer.status, answer.body)
        assert answer.headers["Content-Type"].startswith("application/problem+json"), case
        problem = answer.json()
        assert {"type", "title", "status", "instance"} <= problem.keys(), case
        assert problem["status"] == answer.status
        assert problem["instance"].startswith("urn:request:"), case
        assert TELLTALE.search(answer.body) is None, (case, answer.body)
        assert answer.headers.get("Server") in {None, "tocsin"}, case
        assert answer.headers.get("X-Content-Type-Options") == "nosniff", case
