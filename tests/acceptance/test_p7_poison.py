"""P7: poison never stops a partition. A clear 4xx, or a failed delivery with its reason; the neighbours are processed."""

import asyncio
import gzip
import zlib
from urllib.parse import urlsplit

import orjson
import pytest

from tests.support.bodies import alertmanager, am_alert, am_many, nested, sentry_event
from tests.support.customer import Customer, move_in
from tests.support.system import System
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.ids import delivery_id
from tocsin_contracts.position import Position
from tocsin_contracts.topics import LOG
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import Entry

WHOLE = alertmanager(am_alert())
BIG = alertmanager(am_alert(text="x" * (1 << 20)))
REFUSED: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "a lone surrogate": (WHOLE.replace(b"checkout", b"\\ud800"), {}, 400, "not-json"),
    "bytes that are no UTF-8": (WHOLE.replace(b"checkout", b"\xff\xfe"), {}, 400, "not-json"),
    "overlong UTF-8": (WHOLE.replace(b"checkout", b"\xc0\xaf"), {}, 400, "not-json"),
    "a byte order mark": (b"\xef\xbb\xbf" + WHOLE, {}, 400, "not-json"),
    "UTF-16": (WHOLE.decode().encode("utf-16"), {}, 400, "not-json"),
    "an integer of 25 digits": (WHOLE.replace(b'"4"', b"9" * 25), {}, 400, "number-too-large"),
    "a number beyond a double": (WHOLE.replace(b'"4"', b"1e400"), {}, 400, "not-json"),
    "NaN": (WHOLE.replace(b'"4"', b"NaN"), {}, 400, "not-json"),
    "depth 1,100": (nested(1_100), {}, 400, "not-json"),
    "depth 100": (nested(100), {}, 400, "too-deep"),
    "300,000 values": (b"[" + b"1," * 300_000 + b"1]", {}, 400, "too-many-nodes"),
    "a body cut in half": (WHOLE[: len(WHOLE) // 2], {}, 400, "not-json"),
    "nothing": (b"", {}, 400, "not-json"),
    "a template that was not filled in": (b'{"alerts": [{{ range .Alerts }}]}', {}, 400, "not-json"),
    "gzip that is none": (WHOLE, {"content-encoding": "gzip"}, 400, ""),
    "gzip cut in half": (gzip.compress(WHOLE)[:-20], {"content-encoding": "gzip"}, 400, ""),
    "gzip with a wrong checksum": (gzip.compress(WHOLE)[:-8] + b"\0" * 8, {"content-encoding": "gzip"}, 400, ""),
    "gzip with something behind it": (gzip.compress(WHOLE) + b"more", {"content-encoding": "gzip"}, 400, ""),
    "a gzip bomb": (gzip.compress(b" " * (200 << 20), 9), {"content-encoding": "gzip"}, 413, ""),
    "deflate": (zlib.compress(WHOLE), {"content-encoding": "deflate"}, 415, ""),
    "two layers of gzip": (gzip.compress(gzip.compress(WHOLE)), {"content-encoding": "gzip, gzip"}, 415, ""),
    "more than a MiB": (BIG, {}, 413, ""),
}
FAILED: dict[str, tuple[bytes, str]] = {
    "another sender's body": (sentry_event(), "unknown-shape"),
    "another template of Alertmanager": (b'{"channel": "#ops", "text": "[FIRING:1] HighErrorRate"}', "unknown-shape"),
    "a template's text where the alerts stand": (b'{"alerts": "{{ range .Alerts }}"}', "unknown-shape"),
    "alerts that are numbers": (b'{"alerts": [1, 2, 3]}', "unknown-shape"),
    "an alert without a label": (b'{"alerts": [{"status": "firing", "labels": {}}]}', "unknown-shape"),
    "a status of nobody": (alertmanager(am_alert() | {"status": "on fire"}, status="odd"), "unknown-shape"),
    "a list of no alerts": (b'["nothing"]', "unknown-shape"),
    "null": (b"null", "unknown-shape"),
    "6,000 alerts": (
        orjson.dumps({"status": "firing", "alerts": [{"status": "firing", "labels": {"a": str(n)}} for n in range(6_000)]}),
        "too-many-alerts",
    ),
}
STORED: dict[str, bytes] = {
    "NUL characters": WHOLE.replace(b"checkout", b"che\\u0000ckout").replace(b" on a", b" \\u0000 on a"),
    "control and bidi characters": WHOLE.replace(b" on a", b" \\u202e\\u0007\\u001b[31m on a"),
    "HTML": alertmanager(am_alert() | {"annotations": {"summary": "<script>alert(1)</script>"}}),
    "prototype pollution": WHOLE.replace(b'"service"', b'"__proto__"'),
    "a label of 100 kB": alertmanager(am_alert(text="x" * 100_000)),
    "a time in the year 9999": alertmanager(am_alert(starts="9999-01-01T00:00:00Z")),
    "a time before the epoch": alertmanager(am_alert(starts="0001-01-01T00:00:00Z")),
    "the largest exact integers": WHOLE.replace(b'"4"', b"[18446744073709551615, -9223372036854775808]"),
}


@pytest.fixture
async def customer(shared: System) -> Customer:
    return await move_in(shared)


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_read_is_a_clear_4xx(customer: Customer, name: str) -> None:
    body, headers, status, code = REFUSED[name]
    answer = await customer.send(body, headers)
    said = answer.json()
    assert (answer.status, said["status"], said.get("code", "")) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await customer.settle(WHOLE))["outcome"] == "processed"


@pytest.mark.parametrize("name", FAILED)
async def test_what_is_no_alert_of_its_source_is_a_failed_delivery_with_its_reason(customer: Customer, name: str) -> None:
    body, reason = FAILED[name]
    before = await customer.deliver(alertmanager(am_alert("before")))
    shown = await customer.settle(body)
    after = await customer.deliver(alertmanager(am_alert("after")))

    assert (shown["outcome"], shown["reason"], shown["events"]) == ("failed", reason, [])
    assert shown["detail"]
    kept = await customer.system.get(shown["body_url"], customer.key)
    assert (kept.status, kept.body) == (200, body)
    assert [(await customer.outcome(each))["outcome"] for each in (before, after)] == ["processed"] * 2


@pytest.mark.parametrize("name", STORED)
async def test_what_is_odd_but_whole_is_an_incident(customer: Customer, name: str) -> None:
    shown = await customer.settle(STORED[name])
    assert shown["outcome"] == "processed", shown
    alert = await customer.get(f"/alerts/{shown['events'][0]['alert_id']}")
    assert alert["title"].startswith(("HighErrorRate", "&lt;script", "alert(1)"))


async def test_nul_becomes_the_replacement_character(customer: Customer) -> None:
    """PostgreSQL stores no NUL, not even as an escape: the log keeps the bytes, the fields a sign that something was there."""
    shown = await customer.settle(STORED["NUL characters"])
    alert = await customer.get(f"/alerts/{shown['events'][0]['alert_id']}")
    kept = await customer.system.get(shown["body_url"], customer.key)
    assert (alert["service"], alert["raw"]["labels"]["service"]) == ("che\ufffdckout", "che\ufffdckout")
    assert kept.body == STORED["NUL characters"]


async def test_poison_from_all_sides_stops_no_neighbour(shared: System) -> None:
    """Everything at once, good deliveries in between and from another tenant of the same partition."""
    customer, neighbour = await move_in(shared), await move_in(shared)
    while neighbour.tenant.partition != customer.tenant.partition:
        neighbour = await move_in(shared)
    poison = [(body, headers) for body, headers, _, _ in REFUSED.values() if len(body) < 500_000]
    poison += [(body, {}) for body, _ in FAILED.values()]

    async def good(who: Customer, number: int) -> str:
        return await who.deliver(alertmanager(am_alert(str(number))))

    bad = [customer.send(body, headers) for body, headers in poison]
    fine = [good(who, number) for number in range(10) for who in (customer, neighbour)]
    statuses, accepted = await asyncio.gather(asyncio.gather(*bad), asyncio.gather(*fine))

    assert {answer.status for answer in statuses} <= {202, 400, 413, 415}
    outcomes = [await (customer, neighbour)[place % 2].outcome(each) for place, each in enumerate(accepted)]
    assert {each["outcome"] for each in outcomes} == {"processed"}
    await shared.caught_up()


async def test_a_body_that_never_comes_whole_is_not_accepted(customer: Customer) -> None:
    """The connection closes in the middle: nothing is stored, and the next one is served."""
    url = urlsplit(customer.system.instance("ingest").url)
    ends = await customer.system.log_ends()
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = "".join(f"{name}: {value}\r\n" for name, value in customer.sender.signed(WHOLE).items())
    writer.write(f"POST {customer.sender.path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(WHOLE)}\r\n{head}\r\n".encode())
    writer.write(WHOLE[: len(WHOLE) // 2])
    await writer.drain()
    writer.write_eof()
    answer = await reader.read()
    writer.close()

    assert b" 202 " not in answer.split(b"\r\n", 1)[0]
    first = Position(customer.tenant.partition, ends[customer.tenant.partition])
    delivery = await customer.deliver(WHOLE)
    async with customer.system.db() as connection:
        assert (await customer.outcome(delivery))["outcome"] == "processed"
        count = await connection.fetchval(
            'SELECT count(*) FROM proj.deliveries WHERE tenant_id = $1 AND "offset" >= $2', customer.tenant.id, first.offset
        )
    assert count == 1


@pytest.mark.parametrize(
    ("envelope", "reason"), [(None, "unreadable-envelope"), (b"\xff{", "unreadable-envelope"), (b"[1]", "unreadable-envelope")]
)
async def test_a_record_whose_envelope_cannot_be_read_fails_alone(
    customer: Customer, envelope: bytes | None, reason: str
) -> None:
    """Nobody but ingest writes there; a release that writes nonsense must not stop the ones that read."""
    tenant = customer.tenant
    appender = KafkaLog(customer.system.kafka).appender(LOG)
    offset = await appender.append(tenant.partition, Entry(tenant.id.encode(), WHOLE, log_headers(Kind.DELIVERY, envelope)))
    await appender.close()
    after = await customer.settle(WHOLE)
    shown = await customer.outcome(delivery_id(tenant.id, Position(tenant.partition, offset)))
    assert (shown["outcome"], shown["reason"]) == ("failed", reason)
    assert after["outcome"] == "processed"


async def test_200_alerts_of_a_body_that_share_a_large_text_are_processed(customer: Customer) -> None:
    """What the alerts of a body share is stored once; a body that is almost a MiB fits."""
    body = am_many(200).replace(b" on pod-", b" " + b"x" * 4_000 + b" on pod-")
    assert len(body) > 800_000
    shown = await customer.settle(body)
    assert (shown["outcome"], shown["alert_count"]) == ("processed", 200)
