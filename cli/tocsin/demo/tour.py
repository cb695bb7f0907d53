"""What `tocsin demo` does with a running system: open the tenant, send an hour of webhooks, wait, show."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import aiohttp

from tocsin.demo.keeping import DemoTenant, read_demo, write_demo
from tocsin.demo.opening import open_demo
from tocsin.demo.plan import Planned, plan
from tocsin.demo.reading import Api
from tocsin.demo.showing import show
from tocsin.local.display import Display
from tocsin.local.home import Home
from tocsin.local.system import System
from tocsin.sending import Receipt, open_session, send
from tocsin_contracts.times import HOUR
from tocsin_control.bootstrap import as_owner
from tocsin_control.master_key import load_master_key
from tocsin_runtime.errors import Fatal, TocsinError

DEADLINE_S = 60.0
"""For all deliveries to become incidents; two seconds are usual."""
KNOWN_WITHIN_S = 15.0
"""Ingest knows a new integration within 2 s; 401, 404 and 503 mean "not yet" for so long."""
NOT_YET = frozenset({0, 401, 404, 503})
AWAY = frozenset({0, 503})
SHOWN = 30


async def tour(system: System, display: Display) -> bool:
    """Make a demo of the running system; whatever is there already is not done again.

    Returns:
        Whether all went well: no delivery was refused, none failed. What did not is shown.

    Raises:
        TocsinError: one line for the person.
    """
    try:
        return await _tour(system, display)
    except TocsinError as error:
        raise Fatal(f"{error}. Logs: {system.home.logs}") from error


async def _tour(system: System, display: Display) -> bool:
    demo = await _open(system, display)
    api = Api(demo.url, demo.api_key, deadline_s=DEADLINE_S)
    refused: list[str] = []
    try:
        there, missing = await _look(api, demo, plan(demo), display)
        if missing:
            demo, refused = await _send(system.home, demo, missing, display)
            display.step("Waiting until they are incidents")
            there += [(item, await _outcome(api, demo, item)) for item in missing if item.name in demo.sent]
        display.done()
        page = await api.incidents(SHOWN)
    finally:
        await api.close()
    outcomes = Counter(delivery["outcome"] for _, delivery in there)
    if not page["items"]:
        raise Fatal(f"the webhooks became no incident ({'; '.join(refused) or dict(outcomes)})")
    wrong = refused + [_failure(item, delivery) for item, delivery in there if delivery["outcome"] == "failed"]
    show(page, outcomes, demo, system.home.demo, sent=len(missing), wrong=wrong)
    return not wrong


async def _open(system: System, display: Display) -> DemoTenant:
    """Find or make the tenant, and keep what opens it before anything hangs on it."""
    display.step("Opening the demo tenant: ten integrations, an API key")
    master_key = load_master_key(system.home.master_key)
    async with as_owner(system.owner_dsn, application="tocsin demo") as connection:
        demo = await open_demo(connection, master_key, url=system.public_url, kept=read_demo(system.home))
    if not demo.began_at:
        demo = demo.model_copy(update={"began_at": time.time_ns() // 1000 - HOUR})
    write_demo(system.home, demo)
    return demo


async def _look(
    api: Api, demo: DemoTenant, planned: Sequence[Planned], display: Display
) -> tuple[list[tuple[Planned, dict[str, Any]]], list[Planned]]:
    """Find what an earlier start sent: to send it again would be a duplicate at best. Failed ones go again."""
    there, missing = [], []
    if demo.sent:
        display.step("Looking for what the last start sent")
    for item in planned:
        delivery = demo.sent.get(item.name)
        found = None if delivery is None else await api.outcome(delivery)
        if found is None or found["outcome"] == "failed":
            missing.append(item)
        else:
            there.append((item, found))
    return there, missing


async def _send(home: Home, demo: DemoTenant, missing: Sequence[Planned], display: Display) -> tuple[DemoTenant, list[str]]:
    """Send what is missing, one by one as the order matters; keep the delivery ids whatever happens, tell who was refused."""
    sources = len({item.sample.source for item in missing})
    display.step(f"Sending {len(missing)} webhooks of {sources} sources, each proven as its sender does it")
    sent = {name: delivery for name, delivery in demo.sent.items() if name not in {item.name for item in missing}}
    refused = []
    try:
        async with open_session() as session:
            deadline = time.monotonic() + KNOWN_WITHIN_S
            for item in missing:
                receipt = await _deliver(session, item, deadline)
                if receipt.delivery_id is not None:
                    sent[item.name] = receipt.delivery_id
                else:
                    refused.append(_refusal(item, receipt))
    finally:
        demo = demo.model_copy(update={"sent": sent})
        write_demo(home, demo)
    return demo, refused


async def _deliver(session: aiohttp.ClientSession, item: Planned, deadline: float) -> Receipt:
    """Send one delivery until it is accepted or refused; a 503 means maybe stored, and the retry is safe (P4).

    Raises:
        Fatal: nobody takes deliveries.
    """
    while True:
        receipt = await send(session, item.recipient, item.sample)
        if receipt.accepted or receipt.status not in NOT_YET:
            return receipt
        if time.monotonic() > deadline:
            if receipt.status in AWAY:
                raise Fatal(_refusal(item, receipt))
            return receipt
        await asyncio.sleep(0.1)


async def _outcome(api: Api, demo: DemoTenant, item: Planned) -> dict[str, Any]:
    found = await api.outcome(demo.sent[item.name])
    if found is None:
        raise Fatal(f"delivery {demo.sent[item.name]} ({item.name}) was accepted, but the API does not know it")
    return found


def _refusal(item: Planned, receipt: Receipt) -> str:
    return f"{item.name} was answered {receipt.status or 'nothing'}, not 202: {receipt.detail or 'no reason given'}"


def _failure(item: Planned, delivery: dict[str, Any]) -> str:
    return f"{item.name} failed: {delivery['reason']} {delivery['detail'] or ''}".rstrip()
