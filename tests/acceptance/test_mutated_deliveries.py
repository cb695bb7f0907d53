"""Mutated deliveries of every source through the running system: never a 5xx, and never a partition that stands still (P7)."""

import asyncio

from tests.fuzz.trial import Case, case_of
from tests.support.system import Sender, System
from tests.unit.sources.payloads import body_of, headers_of
from tocsin_control.tenants import Tenant
from tocsin_sources import registry, sns

SEED, EACH = 20_260_302, 12
ANSWERS = {202, 400, 413}
GOOD = ("alertmanager", "firing_container_restarted")


async def test_mutated_deliveries_are_answered_decided_and_hold_nothing_up(shared: System) -> None:
    """Outcomes of all, then one good delivery behind them in the same partition."""
    tenant = await shared.tenant()
    key = await shared.key(tenant)
    accepted: dict[str, str] = {}
    statuses: dict[str, int] = {}
    senders = await asyncio.gather(*(shared.integration(tenant, source) for source in registry.names()))
    for sender in senders:
        for case in _cases(sender.source):
            answer = await shared.post(sender, case.body, _headers(case))
            statuses[_name(case)] = answer.status
            if answer.status == 202:
                accepted[_name(case)] = answer.json()["delivery_id"]
    assert {name: status for name, status in statuses.items() if status not in ANSWERS} == {}
    assert len(accepted) > len(statuses) / 2

    outcome = await _good(shared, tenant, key)
    assert outcome == "processed"
    found = {name: (await shared.outcome(key, delivery)) for name, delivery in accepted.items()}
    assert {
        name for name, shown in found.items() if shown["outcome"] not in {"processed", "duplicate", "ignored", "failed"}
    } == set()
    ours = {"normalizer-error", "fold-error", "killed-normalizer"}
    assert {name: shown.get("reason") for name, shown in found.items() if shown.get("reason") in ours} == {}


async def _good(system: System, tenant: Tenant, key: str) -> str:
    sender: Sender = await system.integration(tenant, GOOD[0])
    answer = await system.post(sender, body_of(*GOOD))
    assert answer.status == 202
    return str((await system.outcome(key, answer.json()["delivery_id"]))["outcome"])


def _cases(source: str) -> list[Case]:
    """Give cases that a gateway would ask nobody about."""
    cases = [case_of(SEED, source, number) for number in range(EACH)]
    return [case for case in cases if sns.message_of(case.body) is None or source != "cloudwatch_sns"]


def _headers(case: Case) -> dict[str, str]:
    return {"content-type": case.content_type or "application/json", **headers_of(case.source, case.sample)}


def _name(case: Case) -> str:
    return f"{case.source}/{case.number} of {case.sample}"
