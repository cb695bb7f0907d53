"""Rotating the master key: every secret and every snapshot under another key, and no delivery refused meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.acceptance.conftest import Fragile
from tests.support.bodies import alertmanager, am_alert
from tests.support.command_line import tocsin
from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.system import System
from tocsin_control.bootstrap import Role
from tocsin_control.master_key import load_master_key
from tocsin_control.sealing import sealed_under

GATEWAYS = ("ingest", "ingest-2")


@asynccontextmanager
async def delivering(customer: Customer) -> AsyncIterator[list[int]]:
    """Deliver through both gateways all the time; gives the statuses of the answers, as they come."""
    answers: list[int] = []
    stop = asyncio.Event()

    async def send(gateway: str) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            body = alertmanager(am_alert(f"{gateway}-{number}"))
            answers.append((await customer.send(body, gateway=gateway)).status)

    async with asyncio.TaskGroup() as group:
        for gateway in GATEWAYS:
            group.create_task(send(gateway))
        try:
            yield answers
        finally:
            stop.set()


async def test_the_master_key_is_changed_while_gateways_deliver(fragile: Fragile, monkeypatch: pytest.MonkeyPatch) -> None:
    system = fragile.system
    monkeypatch.setenv("TOCSIN_MASTER_KEY_FILE", str(system._key_file))
    monkeypatch.setenv("TOCSIN_ADMIN_POSTGRES", system.dsn(Role.OWNER))
    await system.start("ingest-2")
    customer = await move_in(system, limit=(600, 1_000_000))
    old = load_master_key(system._key_file).current
    before = await counts()
    assert set(before) == {old}

    async with delivering(customer) as answers:
        new = str((await tocsin("master-key", "add", "--json")).json()["key"])
        assert (await tocsin("master-key", "use", new)).code == 0
        early = await tocsin("master-key", "retire")
        refusal = f"tocsin: {before[old]} secrets lie under key {old} still: run 'tocsin master-key rewrap' first\n"
        assert (early.code, early.err) == (1, refusal)
        rewrapped = await tocsin("master-key", "rewrap", "--batch", "3", "--json")
        assert rewrapped.json()["rewrapped"] == before[old]
        assert (await tocsin("master-key", "rewrap", "--json")).json()["rewrapped"] == 0, "what is done is not done again"
        assert await counts() == {new: before[old]}
        await eventually(lambda: _snapshots(system, new), what="every gateway's snapshot lies under the new key")
        assert (await tocsin("master-key", "retire", "--json")).json()["retired"] == [old]
        assert set(load_master_key(system._key_file).keys) == {new}
        seen = len(answers)
        await eventually(lambda: _more(answers, seen + 10), what="deliveries go on without the old key")
    assert set(answers) == {202}

    for gateway in GATEWAYS:
        await system.stop(gateway)
        await system.start(gateway)
        assert (await customer.send(alertmanager(am_alert("after")), gateway=gateway)).status == 202
    await system.stop("ingest-2")


async def counts() -> dict[str, int]:
    rows = (await tocsin("master-key", "show", "--json")).json()
    return {row["key"]: row["secrets"] for row in rows if row["secrets"]}


async def _snapshots(system: System, key: str) -> bool:
    return all(sealed_under(system._snapshot(gateway).read_bytes()) == key for gateway in GATEWAYS)


async def _more(answers: list[int], than: int) -> bool:
    return len(answers) > than
