"""P5: what is rebuilt from the recorded images is byte for byte what the live path wrote; and nobody notices the swap."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from itertools import count
from typing import Any

from tests.support.bodies import (
    LATER,
    alertmanager,
    am_alert,
    am_many,
    hook,
    sentry_event,
    sentry_issue,
    sentry_plugin,
    watchdog,
)
from tests.support.customer import Customer, move_in
from tests.support.system import System

_TAMPER = "UPDATE proj.alerts SET title = $2 WHERE tenant_id = $1 AND identity = 'issue:5'"


async def test_a_rebuild_says_the_same_in_every_table(shared: System) -> None:
    """A bit of everything, then the comparison; a single changed letter is noticed."""
    prometheus, sentry = await move_in(shared), await move_in(shared, "sentry")
    await _a_bit_of_everything(prometheus, sentry)
    await _rules_and_deeds(await move_in(shared))
    await shared.caught_up()

    compared = await shared.verify()
    assert {table.table for table in compared if not table.equal} == set()
    assert {table.table for table in compared if table.live.rows == 0} <= {"erased"}  # nobody was erased here

    async with shared.db() as connection:
        await connection.execute(_TAMPER, sentry.tenant.id, "tampered")
        assert {table.table for table in await shared.verify() if not table.equal} == {"alerts"}
        await connection.execute(_TAMPER, sentry.tenant.id, "TimeoutError: upstream")
    assert {table.table for table in await shared.verify() if not table.equal} == set()


async def test_a_rebuild_under_load_and_reads_fails_nobody(shared: System) -> None:
    """The grouper folds on, senders send, readers read: no read fails or shows half of it, no delivery is lost."""
    senders = [await move_in(shared) for _ in range(3)]
    for customer in senders:
        await customer.settle(am_many(20))
    epochs = await _epochs(shared)
    done = asyncio.Event()
    statuses: Counter[int] = Counter()
    sent: dict[str, list[str]] = {customer.key: [] for customer in senders}

    async def read(customer: Customer) -> None:
        while not done.is_set():
            page = await shared.get("/api/v1/incidents", customer.key)
            statuses[page.status] += 1
            incident = await shared.get(f"/api/v1/incidents/{page.json()['items'][0]['id']}", customer.key)
            statuses[incident.status] += 1
            assert incident.json()["alert_count"] >= 20

    async def send(customer: Customer) -> None:
        number = 100
        while not done.is_set():
            sent[customer.key].append(await customer.deliver(alertmanager(am_alert(f"pod-{number}", name="PodDown"))))
            number += 1

    async def rebuild() -> None:
        try:
            await shared.rebuild()
        finally:
            done.set()

    await asyncio.gather(rebuild(), *(read(customer) for customer in senders), *(send(customer) for customer in senders))

    assert set(statuses) == {200}
    assert statuses[200] >= 20
    assert all(after > before for before, after in zip(epochs, await _epochs(shared), strict=True))
    for customer in senders:
        outcomes = [(await customer.outcome(delivery))["outcome"] for delivery in sent[customer.key]]
        assert outcomes == ["processed"] * len(outcomes)
        assert (await customer.incident())["alert_count"] == 20 + len(outcomes)
    await shared.caught_up()
    assert {table.table for table in await shared.verify() if not table.equal} == set()
    async with shared.db() as connection:
        left = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proj_%'")
    assert left == []


async def _a_bit_of_everything(prometheus: Customer, sentry: Customer) -> None:
    """Let every table get rows: repeats, failures, ends, commands, timers, refusals come by themselves."""
    await prometheus.settle(am_many(30))
    await prometheus.settle(am_many(30))
    await prometheus.settle(b'{"text": "another template"}')
    await prometheus.settle(b'{"alerts": []}')
    await prometheus.settle(alertmanager(am_alert("pod-3", name="PodDown", ends=LATER)))
    await prometheus.settle(alertmanager(am_alert("x", name="Other")))
    await sentry.settle(sentry_event(), hook("event_alert"))
    await sentry.settle(sentry_issue("resolved"), hook("issue", 1_772_450_000))
    await sentry.settle(sentry_plugin())
    incident = (await prometheus.incidents())[0]["id"]
    for status in ("ACKNOWLEDGED", "OPEN", "RESOLVED", "CLOSED"):
        await prometheus.set_status(incident, status)


_RULES: Mapping[str, Any] = {
    "version": 1,
    "services": {"chk": "checkout"},
    "classification": [{"name": "db", "matchers": 'alertname=~"Db.*"', "team": "dba", "category": "data"}],
    "rules": [
        {"name": "pairs", "matchers": 'alertname="Rare"', "threshold": {"alerts": 3, "within": "10m"}},
        {"name": "again", "matchers": 'alertname="Flaps"', "refire": "reopen", "flapping": {"times": 2, "within": "10m"}},
        {"name": "quiet", "matchers": 'alertname="Quiet"', "resolve": {"after": "1s"}},
        {"name": "each", "matchers": 'alertname="Each"', "group_by": ["labels.instance"], "group_window": "30m"},
    ],
    "escalation": [{"name": "storm", "at_least": "CRITICAL", "spike": {"events": 4, "within": "5m"}}],
    "heartbeats": [{"name": "watchdog", "matchers": 'alertname="Watchdog"', "every": "1s"}],
}


async def _rules_and_deeds(customer: Customer) -> None:
    """Let rules hold, reopen, mark, wait and expect; let people merge, split, undo and change the rules meanwhile."""

    async def do(method: str, path: str, body: object, status: int = 200) -> Any:
        answer = await customer.command(method, path, body, idempotency_key=f"p5-{next(keys)}", prefer="wait=20")
        assert answer.status == status, (path, answer.body)
        return answer.json()

    keys = count()
    await do("PUT", "/rules", {"document": _RULES})
    await customer.settle(watchdog())
    for name, instances in (("Rare", "ab"), ("Each", "abcd"), ("DbSlow", "abcde"), ("Quiet", "a")):
        for instance in instances:
            await customer.settle(alertmanager(am_alert(f"{name}-{instance}", name=name, severity="warning", service="chk")))
    await customer.settle(alertmanager(am_alert("Quiet-a", name="Quiet", ends=LATER)))
    for hour in ("10", "11", "12"):
        starts = f"2026-03-02T{hour}:00:00Z"
        await customer.settle(alertmanager(am_alert("f", name="Flaps", starts=starts)))
        await customer.settle(alertmanager(am_alert("f", name="Flaps", starts=starts, ends=f"2026-03-02T{hour}:10:00Z")))

    one, two, three, four = [each["id"] for each in await customer.incidents() if each["title"].startswith("Each")]
    (data,) = [each["id"] for each in await customer.incidents() if each["title"].startswith("DbSlow")]
    merged = await do("POST", f"/incidents/{one}/merge", {"incidents": [two]})
    await do("POST", f"/incidents/{one}/undo", {"version": merged["version"]})
    await do("POST", f"/incidents/{three}/merge", {"incidents": [four], "comment": "the same"})
    alerts = [alert["id"] for alert in (await customer.get(f"/incidents/{data}"))["alerts"]]
    parted = await do("POST", f"/incidents/{data}/split", {"alerts": alerts[:1]})
    await do("POST", f"/incidents/{data}/undo", {"version": parted["version"]})
    await do("POST", f"/incidents/{data}/split", {"alerts": alerts[1:3]})
    await do("PUT", f"/incidents/{data}/snooze", {"for": "1h"})
    await do("PUT", f"/incidents/{data}/severity", {"severity": "LOW"})
    await do("POST", f"/incidents/{data}/links", {"incident": one})
    await do("POST", f"/incidents/{data}/comments", {"text": "Looks like the disk."})
    await do("POST", "/incidents/bulk", {"incidents": [one, data, four], "action": {"kind": "assign", "assignee": "ada"}})
    await do("POST", "/incidents/bulk", {"incidents": [one, data, four], "action": {"kind": "set-status", "status": "RESOLVED"}})
    await do("POST", f"/incidents/{one}/reopen", {})
    await do("POST", f"/incidents/{two}/reopen", {}, status=409)
    changed = await do("PUT", "/rules", {"document": {"version": 1, "rules": [{"name": "all", "group_by": ["service"]}]}})
    assert changed["regrouped"] > 0
    await customer.settle(alertmanager(am_alert("Rare-c", name="Rare", service="checkout")))


async def _epochs(system: System) -> list[int]:
    async with system.db() as connection:
        rows = await connection.fetch("SELECT epoch FROM control.progress WHERE generation = 'live' ORDER BY partition")
    return [row["epoch"] for row in rows]
