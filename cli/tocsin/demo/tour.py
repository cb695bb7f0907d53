"""What `tocsin demo` does with a running system: open the tenant, send the samples, wait, show."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from tocsin.demo.keeping import DemoTenant, read_demo, write_demo
from tocsin.demo.opening import open_demo
from tocsin.demo.reading import Api
from tocsin.demo.showing import show
from tocsin.local.display import Display
from tocsin.local.system import System
from tocsin.sending import Recipient, open_session, send
from tocsin_control.bootstrap import as_owner
from tocsin_control.master_key import load_master_key
from tocsin_runtime.errors import Fatal, TocsinError
from tocsin_sources import samples
from tocsin_sources.samples import Sample

DEADLINE_S = 60.0
"""For all samples to become incidents; two seconds are usual."""
KNOWN_WITHIN_S = 15.0
"""Ingest knows a new integration within 2 s; 401, 404 and 503 mean "not yet" for so long."""
NOT_YET = frozenset({0, 401, 404, 503})
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One sample of the demo, and whom it goes to."""

    recipient: Recipient
    sample: Sample

    @property
    def name(self) -> str:
        """Give the name under which its delivery is kept."""
        return f"{self.sample.source}/{self.sample.case}"


async def tour(system: System, display: Display) -> None:
    """Make a demo of the running system; whatever is there already is not done again.

    Raises:
        TocsinError: one line for the person.
    """
    try:
        await _tour(system, display)
    except TocsinError as error:
        raise Fatal(f"{error}. Logs: {system.home.logs}") from error


async def _tour(system: System, display: Display) -> None:
    demo = await _open(system, display)
    api = Api(demo.url, demo.api_key, deadline_s=DEADLINE_S)
    try:
        there, missing = await _look(api, demo, plan(demo), display)
        if missing:
            demo = await _send(system, demo, missing, display)
            display.step("Waiting until they are incidents")
            there += [await _outcome(api, demo, item) for item in missing]
        display.done()
        page = await api.incidents(SHOWN)
    finally:
        await api.close()
    outcomes = Counter(delivery["outcome"] for delivery in there)
    if not page["items"]:
        raise Fatal(f"the samples became no incident ({dict(outcomes)})")
    show(page, outcomes, demo, system.home.demo, sent=len(missing))


def plan(demo: DemoTenant) -> list[Planned]:
    """List what the demo sends, firing before resolve."""
    planned = []
    for source, integration in demo.integrations.items():
        recipient = Recipient(url=demo.url, source=source, integration=integration.id, secret=integration.secret)
        planned += [Planned(recipient=recipient, sample=samples.load(source, case)) for case in samples.cases(source)]
    return planned


async def _open(system: System, display: Display) -> DemoTenant:
    """Find or make the tenant, and keep what opens it before anything hangs on it."""
    display.step("Opening the demo tenant: two integrations, an API key")
    master_key = load_master_key(system.home.master_key)
    async with as_owner(system.owner_dsn, application="tocsin demo") as connection:
        demo = await open_demo(connection, master_key, url=system.public_url, kept=read_demo(system.home))
    write_demo(system.home, demo)
    return demo


async def _look(
    api: Api, demo: DemoTenant, planned: Sequence[Planned], display: Display
) -> tuple[list[dict[str, Any]], list[Planned]]:
    """Find which samples an earlier start sent: to send those again would only open what they closed. Failed ones go again."""
    there, missing = [], []
    if demo.sent:
        display.step("Looking for what the last start sent")
    for item in planned:
        delivery = demo.sent.get(item.name)
        found = None if delivery is None else await api.outcome(delivery)
        if found is None or found["outcome"] == "failed":
            missing.append(item)
        else:
            there.append(found)
    return there, missing


async def _send(system: System, demo: DemoTenant, missing: Sequence[Planned], display: Display) -> DemoTenant:
    """Send what is missing, one by one as the order matters, and keep the delivery ids whatever happens."""
    display.step(f"Sending {len(missing)} sample webhooks, signed as each sender does it")
    sent = dict(demo.sent)
    try:
        async with open_session() as session:
            deadline = time.monotonic() + KNOWN_WITHIN_S
            for item in missing:
                sent[item.name] = await _deliver(session, item, deadline)
    finally:
        demo = demo.model_copy(update={"sent": sent})
        write_demo(system.home, demo)
    return demo


async def _deliver(session: aiohttp.ClientSession, item: Planned, deadline: float) -> str:
    """Send one sample until it is accepted; a 503 means maybe stored, and the retry is safe (P4)."""
    while True:
        receipt = await send(session, item.recipient, item.sample)
        if receipt.accepted and receipt.delivery_id is not None:
            return receipt.delivery_id
        if receipt.status not in NOT_YET or time.monotonic() > deadline:
            raise Fatal(f"{item.name} was answered {receipt.status or 'nothing'}, not 202: {receipt.detail or 'no reason given'}")
        await asyncio.sleep(0.1)


async def _outcome(api: Api, demo: DemoTenant, item: Planned) -> dict[str, Any]:
    found = await api.outcome(demo.sent[item.name])
    if found is None:
        raise Fatal(f"delivery {demo.sent[item.name]} ({item.name}) was accepted, but the API does not know it")
    if found["outcome"] == "failed":
        raise Fatal(f"{item.name} failed: {found['reason']} {found['detail'] or ''}")
    return found
