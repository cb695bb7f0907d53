"""P3: per tenant, records apply in log order; an incident's version is gapless 1..n."""

import asyncio
from itertools import pairwise

from tests.support.bodies import LATER, alertmanager, am_alert
from tests.support.customer import move_in
from tests.support.system import System
from tocsin_contracts.ids import parse_delivery_id


async def test_what_one_sender_sends_after_an_answer_applies_after_it(shared: System) -> None:
    """Each firing is sent behind the 202 of the one before; others send all the while. The last word stands.

    Twelve openings in a row would be flapping, which is another story: a rule switches it off.
    """
    slow, noisy = await move_in(shared), await move_in(shared)
    calm = {"version": 1, "rules": [{"name": "every-one-counts", "flapping": None}]}
    assert (await slow.command("PUT", "/rules", {"document": calm}, prefer="wait=20")).status == 200
    sent: list[str] = []

    async def speak() -> None:
        for number in range(25):
            ends = LATER if number % 2 else None
            starts = f"2026-03-02T10:{20 + number // 2:02}:00Z"
            sent.append(await slow.deliver(alertmanager(am_alert(starts=starts, ends=ends, turn=str(number)))))

    async def shout(voice: int) -> None:
        for number in range(10):
            await noisy.deliver(alertmanager(am_alert(f"{voice}-{number}")))

    await asyncio.gather(speak(), *(shout(voice) for voice in range(8)))
    await slow.outcome(sent[-1])

    positions = [parse_delivery_id(slow.tenant.id, delivery) for delivery in sent]
    assert positions == sorted(positions)
    outcomes = [await slow.outcome(delivery) for delivery in sent]
    effects = [event["effect"] for each in outcomes for event in each["events"]]
    assert effects == ["opened", *["resolved", "opened"] * 12]


async def test_versions_are_gapless_whoever_sends_at_the_same_time(shared: System) -> None:
    """Two gateways, sixteen senders, one group: many records change one incident, some at the same moment."""
    await shared.start("ingest-2")
    customer = await move_in(shared)

    async def send(voice: int) -> list[str]:
        gateway = "ingest" if voice % 2 else "ingest-2"
        return [await customer.deliver(alertmanager(am_alert(f"{voice}-{turn}")), gateway=gateway) for turn in range(6)]

    sent = [delivery for each in await asyncio.gather(*(send(voice) for voice in range(16))) for delivery in each]
    outcomes = [await customer.outcome(delivery) for delivery in sent]
    await shared.stop("ingest-2")

    assert {each["outcome"] for each in outcomes} == {"processed"}
    incident = await customer.incident()
    assert (incident["alert_count"], incident["event_count"]) == (96, 96)
    facts = await customer.facts()
    assert [fact.version for fact in facts] == list(range(1, len(facts) + 1))
    assert incident["version"] == len(facts)
    places = [(fact.position, fact.seq) for fact in facts]
    assert all(earlier < later for earlier, later in pairwise(places))
