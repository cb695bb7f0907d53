"""A tenant's turn: bounded, fair, and nobody else's business."""

import asyncio

import pytest

from tocsin_query.turnstile import Busy, Turnstile


async def test_one_tenant_waits_and_another_does_not() -> None:
    turnstile = Turnstile(at_once=1, waiting=1)
    inside, leave = asyncio.Event(), asyncio.Event()

    async def visit(tenant: str) -> None:
        async with turnstile.passing(tenant):
            inside.set()
            await leave.wait()

    first = asyncio.create_task(visit("acme"))
    await inside.wait()
    inside.clear()
    second = asyncio.create_task(visit("acme"))
    other = asyncio.create_task(visit("globex"))
    await inside.wait()
    with pytest.raises(Busy):
        await visit("acme")
    leave.set()
    await asyncio.gather(first, second, other)


async def test_a_place_is_given_back_by_who_fails_and_by_who_leaves_the_queue() -> None:
    turnstile = Turnstile(at_once=1, waiting=1)
    async with turnstile.passing("acme"):
        waiting = asyncio.create_task(_pass(turnstile))
        await asyncio.wait({waiting}, timeout=0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    with pytest.raises(ZeroDivisionError):
        async with turnstile.passing("acme"):
            raise ZeroDivisionError
    await asyncio.gather(_pass(turnstile), _pass(turnstile))
    assert not turnstile._lanes  # a tenant that asks nothing costs nothing


async def _pass(turnstile: Turnstile) -> None:
    async with turnstile.passing("acme"):
        pass
