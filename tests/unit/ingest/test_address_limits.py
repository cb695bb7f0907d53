"""What one address may cost before anybody has proved anything (security S25): bounded work and memory, no harm to others."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from tests.unit.ingest.gateway import (
    ACME,
    ALERTMANAGER,
    BEARER,
    BODY,
    INTEGRATIONS,
    PAGER,
    SECRET,
    Answer,
    Gateway,
    directory,
    integration,
    running,
    secret,
)
from tocsin_contracts.ids import IntegrationId
from tocsin_runtime.clock import ManualClock
from tocsin_sources.document import DEFAULT_LIMITS, Limits, parse
from tocsin_sources.schemes import body_key

EVENTS = IntegrationId("00000000000000000000EVENTS")
PAGERDUTY = f"/api/v1/webhooks/pagerduty/{EVENTS}"
NOBODY = f"/api/v1/webhooks/pagerduty/{'0' * 26}"
WITH_KEY = directory((*INTEGRATIONS, integration(EVENTS, ACME, "pagerduty", secret(SECRET))))
WRONG = {"Authorization": "Bearer wrong"}


def event(key: str) -> bytes:
    payload = {"summary": "down", "source": "db", "severity": "critical"}
    return orjson.dumps({"routing_key": key, "event_action": "trigger", "dedup_key": "x", "payload": payload})


async def exhaust(gateway: Gateway, **headers: str) -> None:
    """Fail until the address is answered 429 instead of 401."""
    while (await gateway.post(headers=WRONG | headers)).status != 429:
        pass


async def head_only(gateway: Gateway, path: str, headers: str = "") -> bytes:
    """Send a request of which only the header comes; give the status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 1000\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return line


@pytest.mark.parametrize("path", [PAGERDUTY, NOBODY, ALERTMANAGER])
async def test_above_the_bound_a_request_without_credentials_is_refused_before_its_body(path: str) -> None:
    """Whether the integration exists shows in nothing."""
    async with running(WITH_KEY, clock=ManualClock(), failures_burst=2) as gateway:
        await exhaust(gateway)
        assert b"429" in await head_only(gateway, path)


async def test_above_the_bound_no_body_is_parsed_for_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for a right key nor for a wrong one, nor behind a header that looks like credentials."""
    parsed: list[bytes] = []

    def watched(body: bytes, limits: Limits = DEFAULT_LIMITS) -> object:
        parsed.append(body)
        return parse(body, limits)

    monkeypatch.setattr(body_key, "parse", watched)
    async with running(WITH_KEY, clock=ManualClock(), failures_burst=2) as gateway:
        assert (await gateway.post(PAGERDUTY, event(SECRET), {})).status == 202
        await exhaust(gateway)
        parsed.clear()
        for path in (PAGERDUTY, NOBODY):
            answers: list[Answer] = [
                await gateway.post(path, event(SECRET), {}),
                await gateway.post(path, event("wrong"), {}),
                await gateway.post(path, event(SECRET), WRONG),
            ]
            assert [answer.status for answer in answers] == [429, 429, 429]
            assert {answer.json["violated-policies"][0] for answer in answers} == {"failed-authentication"}
    assert parsed == []


async def test_above_the_bound_credentials_in_the_header_still_open() -> None:
    """One address may be a whole company, or all the customers of a monitoring service (P9)."""
    async with running(WITH_KEY, clock=ManualClock(), failures_burst=2) as gateway:
        await exhaust(gateway)
        assert (await gateway.post()).status == 202
        assert (await gateway.post(PAGERDUTY, event("x"), BEARER)).status == 202


async def test_who_proves_himself_takes_nothing_from_the_bucket() -> None:
    async with running(WITH_KEY, clock=ManualClock(), failures_burst=1) as gateway:
        assert {(await gateway.post(PAGERDUTY, event(SECRET), {})).status for _ in range(20)} == {202}


async def test_the_bucket_of_an_address_fills_again_with_time() -> None:
    clock = ManualClock()
    async with running(WITH_KEY, clock=clock, failures_per_min=60, failures_burst=1) as gateway:
        await exhaust(gateway)
        assert (await gateway.post(PAGERDUTY, event(SECRET), {})).status == 429
        clock.advance(1)
        assert (await gateway.post(PAGERDUTY, event(SECRET), {})).status == 202


async def test_an_address_above_the_bound_refuses_nobody_at_another() -> None:
    async with running(WITH_KEY, clock=ManualClock(), failures_burst=2) as gateway:
        await exhaust(gateway, **{"X-Forwarded-For": "203.0.113.1"})
        body = event(SECRET)
        assert (await gateway.post(PAGERDUTY, body, {"X-Forwarded-For": "203.0.113.1"})).status == 429
        assert (await gateway.post(PAGERDUTY, body, {"X-Forwarded-For": "203.0.113.2"})).status == 202


async def test_who_was_refused_unproven_is_in_no_tick() -> None:
    """Anybody could hold back an integration's timers else (P10)."""
    async with running(WITH_KEY, clock=ManualClock(), failures_burst=1) as gateway:
        await gateway.next_tick()
        await exhaust(gateway)
        assert (await gateway.post(PAGERDUTY, event("wrong"), {})).status == 429
        tick = await gateway.next_tick()
        assert (tick.refused, tick.all_refused) == ([], False)


async def test_a_flood_of_addresses_makes_no_quota_forgotten() -> None:
    """The addresses' buckets are their own: an integration above its limit stays above it."""
    tight = directory((*INTEGRATIONS[1:], integration(PAGER, ACME, "alertmanager", secret(SECRET), burst=1)))
    async with running(tight, clock=ManualClock(), buckets_max=1000, addresses_max=100) as gateway:
        assert [(await gateway.post()).status for _ in range(2)] == [202, 429]
        failures = gateway.ingest._wiring._failures
        for number in range(2_000):
            failures.failed(f"198.51.{number // 256}.{number % 256}")
        assert (await gateway.post()).status == 429


async def test_a_good_sender_is_not_slowed_while_its_neighbours_fail() -> None:
    async with running(WITH_KEY, clock=ManualClock(), failures_burst=2) as gateway:
        await exhaust(gateway)
        answers = await asyncio.gather(*(gateway.post(body=BODY) if n % 2 else gateway.post(headers=WRONG) for n in range(20)))
        assert [answer.status for answer in answers] == [429, 202] * 10
