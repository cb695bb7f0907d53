"""Quotas, and what ticks tell of whom they turned away (E3, P9, P10)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.unit.ingest.gateway import (
    ACME,
    ACME_PARTITION,
    ALERTMANAGER,
    BEARER,
    BODY,
    ERRORS,
    INTEGRATIONS,
    PAGER,
    PARTITIONS,
    RIVAL_PARTITION,
    Gateway,
    directory,
    running,
    tenant,
)
from tocsin_contracts.tick import Refused, decode_tick
from tocsin_runtime.clock import ManualClock

PAGER_REFUSED = Refused(tenant=ACME, integration=PAGER)
WRONG = {"Authorization": "Bearer wrong"}


def tight(burst: int = 2, per_minute: int = 60) -> tuple[object, ...]:
    pager = replace(INTEGRATIONS[0], rate_limit_per_min=per_minute, burst=burst)
    return (pager, *INTEGRATIONS[1:])


async def test_an_integration_above_its_limit_is_429_and_says_when_to_come_back() -> None:
    async with running(directory(tight()), clock=ManualClock()) as gateway:  # type: ignore[arg-type]
        first = await gateway.post()
        assert first.headers["RateLimit-Policy"] == '"integration";q=2;w=2, "tenant";q=12000;w=120'
        assert first.headers["RateLimit"] == '"integration";r=1;t=1, "tenant";r=11999;t=1'
        await gateway.post()
        answer = await gateway.post()

    assert (answer.status, answer.problem) == (429, "quota-exceeded")
    assert answer.json["violated-policies"] == ["integration"]
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["RateLimit"] == '"integration";r=0;t=1'


async def test_a_quota_comes_back_with_time() -> None:
    clock = ManualClock()
    async with running(directory(tight(burst=1)), clock=clock) as gateway:  # type: ignore[arg-type]
        assert [(await gateway.post()).status for _ in range(2)] == [202, 429]
        clock.advance(1)
        assert (await gateway.post()).status == 202


async def test_all_integrations_of_a_tenant_share_its_limit() -> None:
    small = (tenant(ACME, ACME_PARTITION, rate=60, burst=1),)
    async with running(directory(tenants=small), clock=ManualClock()) as gateway:
        assert (await gateway.post()).status == 202
        answer = await gateway.post()

    assert (answer.status, answer.json["violated-policies"]) == (429, ["tenant"])


async def test_whoever_proves_nothing_uses_up_nobodys_quota() -> None:
    """Counting before authentication would let anybody who knows a path silence an integration."""
    async with running(directory(tight(burst=1)), clock=ManualClock()) as gateway:  # type: ignore[arg-type]
        for _ in range(5):
            assert (await gateway.post(headers=WRONG)).status == 401
        assert (await gateway.post()).status == 202


async def test_above_the_limit_a_body_is_not_even_received() -> None:
    async with running(directory(tight(burst=1)), clock=ManualClock()) as gateway:  # type: ignore[arg-type]
        await gateway.post()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
        writer.write(f"POST {ALERTMANAGER} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode())
        assert b"429" in await reader.readline()
        writer.close()


async def test_too_many_failures_of_an_address_are_429_and_good_senders_pass() -> None:
    async with running(clock=ManualClock(), failures_per_min=60, failures_burst=2) as gateway:
        failures = [await gateway.post(headers=WRONG) for _ in range(3)]
        assert [answer.status for answer in failures] == [401, 401, 429]
        assert failures[2].json["violated-policies"] == ["failed-authentication"]
        assert (await gateway.post()).status == 202
        keys = await gateway.send("GET", "/api/v1/deliveries/ABC/body", headers=WRONG)
        assert keys.status == 429


async def test_failures_are_counted_by_the_address_that_a_trusted_proxy_names() -> None:
    async with running(clock=ManualClock(), failures_burst=1) as gateway:
        for address in ("203.0.113.1", "203.0.113.2"):
            assert (await gateway.post(headers=WRONG | {"X-Forwarded-For": address})).status == 401
        assert (await gateway.post(headers=WRONG | {"X-Forwarded-For": "203.0.113.1"})).status == 429


async def test_a_forwarded_address_of_a_stranger_is_not_believed() -> None:
    async with running(clock=ManualClock(), failures_burst=1, proxies="192.0.2.0/24") as gateway:
        assert (await gateway.post(headers=WRONG | {"X-Forwarded-For": "203.0.113.1"})).status == 401
        assert (await gateway.post(headers=WRONG | {"X-Forwarded-For": "203.0.113.2"})).status == 429


async def fresh(gateway: Gateway) -> None:
    """Let what the start says pass."""
    await gateway.next_tick()


async def test_every_partition_is_ticked_at_start() -> None:
    async with running() as gateway:
        await gateway.next_tick()
        assert all(gateway.ticks(partition)[0].all_refused for partition in range(PARTITIONS))
        assert all(not gateway.ticks(partition)[-1].all_refused for partition in range(PARTITIONS))
        assert all(gateway.ticks(partition)[-1].gateway == "test" for partition in range(PARTITIONS))


async def test_a_tick_says_how_long_it_covers() -> None:
    clock = ManualClock()
    async with running(clock=clock) as gateway:
        await fresh(gateway)
        clock.advance(15)
        assert (await gateway.next_tick()).covers_ms == 15_000


async def test_who_was_answered_429_is_in_the_next_tick_of_its_partition() -> None:
    async with running(directory(tight(burst=1)), clock=ManualClock()) as gateway:  # type: ignore[arg-type]
        await fresh(gateway)
        assert [(await gateway.post()).status for _ in range(3)] == [202, 429, 429]

        assert (await gateway.next_tick()).refused == [PAGER_REFUSED]
        assert gateway.ticks(RIVAL_PARTITION)[-1].refused == []
        assert (await gateway.next_tick()).refused == []


async def test_who_was_answered_503_is_in_the_next_tick() -> None:
    async with running() as gateway:
        await fresh(gateway)
        gateway.log.fail_next_appends(1)
        assert (await gateway.post()).status == 503
        assert (await gateway.next_tick()).refused == [PAGER_REFUSED]


@pytest.mark.parametrize("path", [ALERTMANAGER, f"/api/v1/webhooks/alertmanager/{'0' * 26}"])
async def test_a_refused_stranger_is_no_refusal_of_the_integration(path: str) -> None:
    """Anybody could hold back an integration's timers else."""
    async with running(clock=ManualClock(), failures_burst=1) as gateway:
        await fresh(gateway)
        assert [(await gateway.post(path, headers=WRONG)).status for _ in range(2)] == [401, 429]
        tick = await gateway.next_tick()
        assert (tick.refused, tick.all_refused) == ([], False)


async def test_while_nobody_is_known_everything_is_refused() -> None:
    async with running(unknown=True) as gateway:
        await fresh(gateway)
        await gateway.post()
        assert (await gateway.next_tick()).all_refused


async def test_refusals_of_a_tick_that_failed_are_told_by_the_next() -> None:
    async with running(append_deadline_s=0.05) as gateway:
        await fresh(gateway)
        gateway.log.freeze()
        assert (await gateway.post()).status == 503
        await gateway.ingest.ticker.tick()
        assert (await gateway.send("GET", "/-/ready")).status == 503
        gateway.log.thaw()
        tick = await gateway.next_tick()

    assert tick.refused == [PAGER_REFUSED]
    assert tick.all_refused


async def test_a_gateway_is_ready_once_the_log_took_its_ticks() -> None:
    async with running() as gateway:
        await gateway.next_tick()
        assert (await gateway.send("GET", "/-/ready")).status == 200


async def test_partitions_that_were_added_are_ticked_too() -> None:
    async with running() as gateway:
        await fresh(gateway)
        topic = gateway.log.topics["tocsin.log"]
        topic.partitions.append(type(topic.partitions[0])())
        await gateway.next_tick()
        assert gateway.ticks(PARTITIONS)


async def test_every_tick_of_a_process_names_it_and_another_process_has_another_name() -> None:
    async with running() as gateway, running() as other:
        await gateway.next_tick()
        await other.next_tick()
        names = {tick.process for partition in range(PARTITIONS) for tick in gateway.ticks(partition)}
        assert len(names) == 1
        assert names.isdisjoint({tick.process for tick in other.ticks()} | {None})


async def test_a_gateway_that_stops_says_goodbye_to_every_partition_behind_its_last_delivery() -> None:
    async with running(directory(tight(burst=1)), clock=ManualClock()) as gateway:  # type: ignore[arg-type]
        await fresh(gateway)
        assert [(await gateway.post()).status for _ in range(2)] == [202, 429]

    for partition in range(PARTITIONS):
        ticks = gateway.ticks(partition)
        assert [tick.last for tick in ticks] == [False] * (len(ticks) - 1) + [True]
        assert ticks[-1].process == ticks[0].process
        last = gateway.log.topics["tocsin.log"].partitions[partition].records[-1]
        assert decode_tick(last.value).last
    assert gateway.ticks()[-1].refused == [PAGER_REFUSED]


async def test_a_delivery_under_way_at_the_stop_is_acknowledged_before_the_goodbye() -> None:
    async with running() as gateway:
        await fresh(gateway)
        gateway.log.freeze()
        posted = asyncio.create_task(gateway.post())
        await gateway.log.until_handed(1)
        stopping = asyncio.create_task(gateway.ingest.stop())
        gateway.log.thaw()
        answer = await posted
        await stopping

    assert answer.status == 202
    assert gateway.stored(answer).offset < gateway.log.topics["tocsin.log"].partitions[ACME_PARTITION].records[-1].offset
    assert gateway.ticks()[-1].last


async def test_limits_beyond_a_worker_are_reported() -> None:
    """What one worker folds is of the directory: it is recorded once, in `control`."""
    known = directory()
    async with running(replace(known, worker_rate_per_min=1000)) as gateway:
        over = (await gateway.send("GET", "/metrics")).body
    async with running(known) as gateway:
        under = (await gateway.send("GET", "/metrics")).body
    assert b"tocsin_ingest_overcommitted_partitions 2.0" in over
    assert b"tocsin_ingest_overcommitted_partitions 0.0" in under


async def test_rejections_are_noted_with_codes_of_ours() -> None:
    async with running(clock=ManualClock()) as gateway:
        await gateway.post(headers=WRONG)
        await gateway.post(f"/api/v1/webhooks/alertmanager/{'0' * 26}")
        await gateway.post("/webhooks/sentry", body=BODY, headers=BEARER | {"X-Tocsin-Integration": ERRORS})

    assert gateway.control.rejections == [
        ("wrong-credentials", ACME, PAGER),
        ("unknown-integration", "", ""),
        ("no-credentials", ACME, ERRORS),
    ]
    sampled = [(away.status, away.reason, away.size, integration) for away, _, integration in gateway.control.samples]
    assert sampled == [
        (401, "wrong-credentials", len(BODY), PAGER),
        (401, "unknown-integration", len(BODY), ""),
        (401, "no-credentials", len(BODY), ERRORS),
    ]
    assert {away.address for away, _, _ in gateway.control.samples} == {"127.0.0.1"}
