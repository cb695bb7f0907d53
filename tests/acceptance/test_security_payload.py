"""Security check list, payloads (docs/reference/security-checks.md): S30 to S36, end to end into the projection."""

import copy
import random
from typing import Any

import orjson
import pytest

from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.system import System
from tocsin_contracts.alert import LABEL_VALUE_MAX, LABELS_MAX, TITLE_MAX
from tocsin_sources import registry, samples

SEED = 35
MUTANTS = 12
"""Of each source; the long fuzz run is of the sources' own tests."""


@pytest.fixture
async def prometheus(shared: System) -> Customer:
    return await move_in(shared)


def nested(depth: int) -> bytes:
    return b'{"alerts":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


BEYOND = {
    "65 levels": (nested(65), 400, "too-deep"),
    "100,000 levels": (nested(100_000), 400, None),
    "half a million values": (b'{"alerts":[' + b"1," * 500_000 + b"1]}", 400, "too-many-nodes"),
    "300,000 empty objects": (b"[" + b"{}," * 300_000 + b"{}]", 400, "too-many-nodes"),
}


@pytest.mark.parametrize("case", BEYOND)
async def test_s30_a_payload_beyond_a_limit_is_refused(prometheus: Customer, case: str) -> None:
    """More than a MiB is 413 before it is read (S04)."""
    body, status, code = BEYOND[case]
    answer = await prometheus.send(body)
    assert (answer.status, answer.json().get("code")) == (status, answer.json().get("code") if code is None else code)


async def test_s30_what_is_large_within_the_limits_is_cut_and_kept(prometheus: Customer) -> None:
    """A text of a million characters, a hundred labels, a label of ten thousand characters, ninety thousand members."""
    labels = {f"label{number}": "v" for number in range(100)} | {"long": "x" * 10_000}
    title = "t" * 900_000
    shown = await prometheus.settle(alertmanager(am_alert(name=title[:500], **labels), note=title))
    assert shown["outcome"] == "processed"
    alert = await prometheus.get(f"/alerts/{shown['events'][0]['alert_id']}")
    assert len(alert["labels"]) <= LABELS_MAX
    assert max(len(value) for value in alert["labels"].values()) <= LABEL_VALUE_MAX
    assert len(alert["title"]) <= TITLE_MAX
    many = alertmanager(am_alert("b"), more={f"{number:x}": 1 for number in range(90_000)})
    assert (await prometheus.settle(many))["outcome"] == "processed"


async def test_s31_a_member_twice_is_refused_in_our_format_and_the_last_counts_in_others(shared: System) -> None:
    ours, theirs = await move_in(shared, "generic"), await move_in(shared)
    twice = b'{"title":"Disk full","severity":"info","severity":"critical"}'
    answer = await ours.send(twice)
    assert (answer.status, answer.json()["code"]) == (400, "duplicate-key")
    plain = orjson.dumps(am_alert(severity="critical"))
    doubled = plain.replace(b'"severity":"critical"', b'"severity":"info","severity":"critical"')
    shown = await theirs.settle(b'{"version":"4","status":"firing","alerts":[' + doubled + b"]}")
    assert shown["outcome"] == "processed"
    assert (await theirs.incident())["severity"] == "CRITICAL"


NUMBERS = {
    "beyond 64 bits": b"18446744073709551616",
    "below 64 bits": b"-9223372036854775809",
    "25 nines": b"9" * 25,
    "5,000 digits": b"1" * 5_000,
    "beyond a double": b"1e400",
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "hexadecimal": b"0x10",
    "a leading zero": b"007",
}


@pytest.mark.parametrize("case", NUMBERS)
async def test_s32_a_number_that_would_change_its_value_is_refused(prometheus: Customer, case: str) -> None:
    answer = await prometheus.send(b'{"version":"4","alerts":[],"n":' + NUMBERS[case] + b"}")
    assert (answer.status, answer.json()["code"] in {"not-json", "number-too-large"}) == (400, True)


async def test_s32_numbers_at_the_edge_are_taken(prometheus: Customer) -> None:
    for number in (b"18446744073709551615", b"-9223372036854775808", b"-0", b"0.1", b"1e308", b"-0.0"):
        body = alertmanager(am_alert(number.decode())).replace(b'"version":"4"', b'"version":"4","n":' + number)
        assert (await prometheus.settle(body))["outcome"] == "processed"


BYTES = {
    "a lone surrogate": b'"\\ud800"',
    "a surrogate as bytes": b'"\xed\xa0\x80"',
    "an overlong slash": b'"\xc0\xaf"',
    "a cut character": b'"\xe2\x82"',
    "a byte that is none": b'"\xff"',
}


@pytest.mark.parametrize("case", BYTES)
async def test_s33_what_is_no_text_is_refused(prometheus: Customer, case: str) -> None:
    answer = await prometheus.send(b'{"version":"4","alerts":[],"n":' + BYTES[case] + b"}")
    assert (answer.status, answer.json()["code"]) == (400, "not-json")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
async def test_s33_another_encoding_is_refused(prometheus: Customer, encoding: str) -> None:
    body = alertmanager(am_alert()).decode().encode(encoding)
    assert (await prometheus.send(body)).status == 400


async def test_s33_text_that_a_database_or_a_reader_stumbles_over_gets_through_and_stops_nothing(prometheus: Customer) -> None:
    """NUL becomes U+FFFD; signs that turn or hide text, and towers of marks, are kept as they are."""
    odd = {
        "nul": "a\x00b",
        "bidi": "a\u202eb\u2066",
        "hidden": "a\u200b\u2060\ufeffb",
        "tower": "e" + "\u0301" * 200,
        "emoji": "🔥",
    }
    shown = await prometheus.settle(alertmanager(am_alert(**odd)))
    assert shown["outcome"] == "processed"
    alert = await prometheus.get(f"/alerts/{shown['events'][0]['alert_id']}")
    kept = {name: alert["labels"][name] for name in odd}
    assert kept == odd | {"nul": "a\ufffdb"}
    assert (await prometheus.settle(alertmanager(am_alert("after"))))["outcome"] == "processed"


async def test_s34_names_with_a_meaning_elsewhere_are_data(prometheus: Customer) -> None:
    names = {"__proto__": "a", "constructor": "b", "prototype": "c", "hasOwnProperty": "d", "__class__": "e", "toString": "f"}
    shown = await prometheus.settle(alertmanager(am_alert(**names)))
    alert = await prometheus.get(f"/alerts/{shown['events'][0]['alert_id']}")
    assert {name: alert["labels"].get(name) for name in names} == names


@pytest.mark.parametrize("source", registry.names())
async def test_s35_a_mutated_payload_is_never_a_5xx_and_never_stops_a_partition(shared: System, source: str) -> None:
    if not samples.cases(source):
        pytest.fail(f"{source} has no sample")
    customer, drawn = await move_in(shared, source), random.Random(SEED)
    taken = []
    for number in range(MUTANTS):
        sample = samples.load(source, samples.cases(source)[number % len(samples.cases(source))])
        answer = await customer.send(mutant(sample.body, drawn), sample.headers)
        assert answer.status in {202, 400}, (source, SEED, number, answer.body)
        if answer.status == 202:
            taken.append(answer.json()["delivery_id"])
    assert taken
    outcomes = {(await customer.outcome(delivery))["outcome"] for delivery in taken}
    assert outcomes <= {"processed", "duplicate", "ignored", "failed"}
    good = samples.load(source, samples.cases(source)[0])
    assert (await customer.settle(good.body, good.headers))["outcome"] in {"processed", "duplicate"}


async def test_s36_labels_by_the_thousand_make_no_metric_and_no_label_of_one(shared: System) -> None:
    """What bounds them: alerts of a delivery, labels of an alert, and the tenant's quota (S80)."""
    customer = await move_in(shared)
    await customer.settle(alertmanager(am_alert("first")))
    before = {name: series(await shared.instance(name).metrics()) for name in shared.running()}
    unique = [am_alert(f"pod-{number}", **{f"canary_{number}": f"canary-{number}"}) for number in range(500)]
    assert (await customer.settle(alertmanager(*unique)))["outcome"] == "processed"
    for name, known in before.items():
        page = await shared.instance(name).metrics()
        assert "canary" not in page
        assert len(series(page)) <= len(known) + 20, name


def series(page: str) -> set[str]:
    return {line.rsplit(" ", 1)[0] for line in page.splitlines() if not line.startswith("#")}


ODD: list[Any] = [None, True, -1, 2**63, 1.5, "", "\x00", "x" * 5_000, [], {}, [[]], {"a": {"a": []}}, "9999-99-99", "1e999"]


def mutant(body: bytes, drawn: random.Random) -> bytes:
    """Change a few places of a document, or its bytes."""
    if drawn.random() < 0.2:
        place = drawn.randrange(len(body))
        return body[:place] + bytes([drawn.randrange(256)]) + body[place + 1 :] if drawn.random() < 0.5 else body[:place]
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:  # a form
        return body[: drawn.randrange(len(body))]
    for _ in range(drawn.randrange(1, 5)):
        found = places(document)
        if not found:
            break
        container, key = drawn.choice(found)
        if drawn.random() < 0.3 and isinstance(container, dict):
            del container[key]
        else:
            container[key] = copy.deepcopy(drawn.choice(ODD))
    return orjson.dumps(document)


def places(value: Any) -> list[tuple[Any, Any]]:
    """List every (container, key) of a document."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]
