"""No secret of an integration and no API key stands in a log, an answer, a metric or a row in clear (security S24, S91).

It runs behind the folder's other modules: what it looks through is all that they made the services say. Every secret and key
that a customer was given is a canary.
"""

import base64
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import re2

from tests.acceptance.conftest import Fragile
from tests.support.bodies import alertmanager, am_alert, hook, sentry_event
from tests.support.customer import CANARIES, Customer, move_in
from tests.support.instance import eventually
from tests.support.strangers import stranger
from tests.support.system import Answer, System
from tocsin.local.environment import SERVICES

_TABLES = "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname IN ('control', 'proj', 'public')"


@pytest.fixture
async def provoked(shared: System) -> list[Answer]:
    """Answers to what somebody may do with a secret in the wrong place.

    Not among them: the id of a command and the name of an unknown member, which are told to who sent them.
    """
    prometheus, sentry = await move_in(shared), await move_in(shared, "sentry")
    secret, key = prometheus.sender.secret.get_secret_value(), prometheus.key
    by_token = await _opted_in(prometheus)
    body, path = alertmanager(am_alert()), prometheus.sender.path
    signed = prometheus.sender.signed(body)
    plain = {"content-type": "application/json"}
    request = shared.request
    return [
        await request("POST", path, headers=signed, body=body),
        await request("POST", path, headers=signed, body=b"{"),
        await request("POST", path, headers=signed | {"content-encoding": "gzip"}, body=body),
        await request("POST", path, headers=plain, body=body, query={"token": secret, "secret": secret}),
        await request("POST", path, headers=plain | {"authorization": f"Bearer {key}"}, body=body),
        await request("POST", path + secret, headers=signed, body=body),
        await request("POST", f"/api/v1/webhooks/{secret}/x", headers=signed, body=body),
        await request("GET", path, headers=signed, service="ingest"),
        await request("POST", by_token, headers=plain, body=body),
        await request("POST", by_token, headers=plain, body=b"{"),
        await request("POST", by_token, headers=plain | {"authorization": "Bearer wrong"}, body=body),
        await request("POST", by_token + "/more", headers=plain, body=body),
        await request("POST", by_token.replace("alertmanager", "sentry"), headers=plain, body=body),
        await request("POST", by_token.replace("alertmanager", "fax"), headers=plain, body=body),
        await request("POST", f"{sentry.sender.path}/t/{secret}", headers=plain, body=body),
        await request("POST", path, headers=signed, body=body, query={"token": by_token}),
        await request("GET", by_token, headers=plain),
        await request("GET", by_token, headers=plain, service="query"),
        await request("PUT", by_token, headers=plain, body=body),
        await request("POST", sentry.sender.path, headers=sentry.sender.signed(body), body=sentry_event()),
        await request("POST", sentry.sender.path, headers={"sentry-hook-signature": secret}, body=sentry_event()),
        await request("POST", path, headers=signed | {"x-request-id": secret}, body=body),
        await request("POST", path, headers=signed | {"user-agent": secret, "x-forwarded-for": secret}, body=body),
        await shared.get("/api/v1/incidents", secret),
        await shared.get("/api/v1/incidents", key),
        await shared.get("/api/v1/incidents", None, api_key=key),
        await shared.get(f"/api/v1/incidents/{key}", key),
        await shared.get(f"/api/v1/deliveries/{secret}", key),
        await shared.get(f"/api/v1/deliveries/{key}/body", key),
        await shared.get(f"/{key}", key),
        await shared.get("/api/v1/incidents", key, status=key),
        await shared.get("/api/v1/incidents", key, cursor=key),
        await _command(prometheus, b'{"status":"' + key.encode() + b'"}'),
        await prometheus.set_status("0" * 26, "RESOLVED", key=secret),
        await sentry.send(sentry_event(), hook("event_alert")),
    ]


async def test_s24_no_answer_repeats_a_secret(provoked: list[Answer]) -> None:
    assert {answer.status // 100 for answer in provoked} == {2, 4}
    said = b"\n".join(answer.body + repr(sorted(answer.headers.items())).encode() for answer in provoked)
    assert _found(said) == set()


def test_a_secret_is_found_wherever_it_stands_in_whatever_form() -> None:
    """So that finding none below means that there is none."""
    canary = "tocsin_0123456789abcdef_of-this-test-alone"
    CANARIES.add(canary)
    try:
        texts = [b"\xff\x00%b\n" % form for form in _forms(canary)] + [base64.b64encode(b"user:" + canary.encode())]
        assert [_found(text) for text in texts] == [{canary}] * 6
        assert _found(b"tocsin_0123456789abcdef") == set()
    finally:
        CANARIES.remove(canary)


async def test_s91_no_log_and_no_metric_holds_a_secret(shared: System, breakable: Fragile, provoked: list[Answer]) -> None:
    """Of every service of both systems, the processes before the last restart too; the line of each request is there."""
    assert len(CANARIES) > 50
    for system in (shared, breakable.system):
        for name in SERVICES:
            assert _found((await system.instance(name).metrics()).encode()) == set()
    for name in SERVICES:
        assert (await shared.stop(name)).code == 0  # what was not written yet is written now
    texts = {file: file.read_bytes() for system in (shared, breakable.system) for file in _logs(system)}
    assert {file.name for file in texts} >= {f"{name}.log" for name in SERVICES}
    assert {str(file): _found(text) for file, text in texts.items() if _found(text)} == {}
    ids = [answer.json()["instance"].rsplit(":", 1)[1] for answer in provoked if answer.status >= 400]
    everything = b"\n".join(texts.values())
    assert [one for one in ids if one.encode() not in everything] == []
    await shared.start(*SERVICES)


async def test_s24_no_row_holds_a_secret_in_clear(shared: System) -> None:
    """Secrets are sealed, keys are hashed: a dump of the database opens nothing."""
    async with shared.db() as connection:
        tables = [row["name"] for row in await connection.fetch(_TABLES)]
        assert {"control.secrets", "control.url_tokens", "control.api_keys", "control.audit", "proj.deliveries"} <= set(tables)
        for table in tables:
            rows = await connection.fetch(f"SELECT t::text AS row FROM {table} AS t")
            text = "\n".join(row["row"] for row in rows).encode()
            assert _found(text) == set(), table
            assert _found(b"\n".join(_bytea(text))) == set(), table


def _logs(system: System) -> list[Path]:
    return sorted((system._directory / "logs").iterdir())


def _found(text: bytes) -> set[str]:
    """Give the canaries that stand in a text, as they are or in base64 as basic authentication would write them."""
    if _any_of(frozenset(CANARIES)).search(text) is None:
        return set()
    return {canary for canary in CANARIES if any(form in text for form in _forms(canary))}


@cache
def _any_of(canaries: frozenset[str]) -> Any:
    """Compile the forms of all canaries into one expression: a text is read once, not thousands of times."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # any byte is a letter
    options.max_mem = 1 << 29
    return re2.compile(b"|".join(re2.escape(form) for canary in sorted(canaries) for form in _forms(canary)), options)


@cache
def _forms(canary: str) -> tuple[bytes, ...]:
    raw = canary.encode()
    written = [base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)]
    return (
        raw,
        max(raw.split(b"_"), key=len),
        *written,
    )  # also the secret part alone: a checksum of six digits may stand anywhere


def _bytea(text: bytes) -> Iterator[bytes]:
    """Give the bytes of every bytea value in rows written as text."""
    for part in text.split(b"\\x")[1:]:
        digits = part.split(b",")[0].split(b")")[0].split(b'"')[0]
        if len(digits) % 2 == 0 and all(digit in b"0123456789abcdef" for digit in digits):
            yield bytes.fromhex(digits.decode())


async def _opted_in(customer: Customer) -> str:
    """Let a customer's integration take a token in its URL; give the path with it, once the gateway takes it."""
    system, key = customer.system, customer.key
    place, headers = f"/api/v1/integrations/{customer.sender.id}", {"content-type": "application/json"}
    shown = (await system.request("PATCH", place, key=key, headers=headers, body=b'{"url_token":true}')).json()
    path = customer.sender.path + str(shown["url_with_token"]).split(customer.sender.path)[1]
    token = path.rsplit("/", 1)[1]
    CANARIES.update((token, token.removeprefix("tocsin_url_").rsplit("_", 1)[0]))

    async def taken() -> bool:
        return (await system.request("POST", path, headers={**headers, **stranger()}, body=b"{}")).status != 401

    await eventually(taken, what="the token is taken")
    return path


async def _command(customer: Customer, body: bytes) -> Answer:
    headers = {"content-type": "application/json"}
    path = f"/api/v1/incidents/{'0' * 26}/status"
    return await customer.system.request("PATCH", path, key=customer.key, headers=headers, body=body)
