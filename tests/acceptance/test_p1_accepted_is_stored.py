"""P1: 202 only once the broker acknowledged with acks=all; otherwise 503 with Retry-After within 5 s, never a hang.

A 503 means *maybe stored*: the retry is safe, whatever the broker did with the first (P4).
"""

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.acceptance.conftest import Fragile
from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.freezing import freeze
from tests.support.instance import eventually
from tests.support.servers import SharedKafka, SharedPostgres
from tests.support.system import Answer, System, run_system
from tocsin.servers.kafka import Cluster
from tocsin_contracts.problem import ProblemType
from tocsin_contracts.topics import LOG

PROMISED_MS = 5_000
AT_ONCE = 24


async def test_what_was_answered_202_lies_in_the_log(shared: System) -> None:
    """The body is read back from the log by the id of the answer, before anybody has folded it."""
    customer = await move_in(shared)
    body = alertmanager(am_alert())
    answer = await customer.send(body)
    assert answer.status == 202
    assert answer.headers["Location"] == f"/api/v1/deliveries/{answer.json()['delivery_id']}"
    stored = await shared.get(f"{answer.headers['Location']}/body", customer.key)
    assert (stored.status, stored.body) == (200, body)


@pytest.mark.parametrize("fault", ["frozen", "killed"])
async def test_a_broker_that_does_not_answer_is_a_503_in_time_and_the_retry_counts_once(fragile: Fragile, fault: str) -> None:
    customer = await move_in(fragile.system)
    bodies = [alertmanager(am_alert(str(number))) for number in range(AT_ONCE)]
    if fault == "frozen":
        fragile.freeze_kafka()
    else:
        await fragile.kafka.kill()
    answers = await asyncio.gather(*(customer.send(body) for body in bodies))
    gateway = fragile.system.instance("ingest")
    pid = gateway.pid
    await eventually(lambda: _is(gateway.probe("/-/ready"), 503), what="the gateway says that it is not ready")
    assert await gateway.probe("/-/healthy") == 200  # nobody restarts it: it recovers by itself
    await fragile.mend()
    assert gateway.pid == pid

    assert [answer.status for answer in answers] == [503] * AT_ONCE
    for answer in answers:
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == ProblemType.UNAVAILABLE
    # As the gateway measured it itself: what a slow machine adds on the way is not its doing.
    took = await _answered_in(fragile.system, answers)
    assert len(took) == AT_ONCE
    assert max(took) <= PROMISED_MS

    retries = [await _until_taken(customer, body) for body in bodies]
    await fragile.system.caught_up()
    incident = await customer.incident()
    assert (incident["alert_count"], incident["event_count"]) == (AT_ONCE, AT_ONCE)
    counted = await _deliveries(customer)
    assert [each for each in counted if each != "duplicate"] == ["processed"] * AT_ONCE
    assert len(counted) >= len(retries)


@pytest.fixture
def copied(kafka_cluster: Cluster, postgres: SharedPostgres) -> Iterator[System]:
    """A gateway on three brokers, each record on all of them."""
    with run_system(SharedKafka(bootstrap=kafka_cluster.bootstrap), postgres, start=False) as system:
        yield system


async def test_a_record_that_only_its_leader_has_is_not_accepted(copied: System, kafka_cluster: Cluster) -> None:
    """What only acks=all notices: the leader takes the record, its two followers hang."""
    await copied.start("ingest")
    customer = await move_in(copied)
    body = alertmanager(am_alert())
    await customer.deliver(body)
    leader = await _leader(copied.kafka, customer.tenant.partition)
    followers = [broker.child for broker in kafka_cluster.brokers if broker.settings.node.node_id != leader and broker.child]
    for child in followers:
        freeze(child.pid)
    alone = await customer.send(body)
    for child in followers:
        child.send(signal.SIGCONT)
    assert (len(followers), alone.status) == (2, 503)
    assert await _until_taken(customer, body)


async def _answered_in(system: System, answers: list[Answer]) -> list[float]:
    """Read from the gateway's log how long these answers took, ms."""
    wanted = {answer.json()["instance"].rsplit(":", 1)[1] for answer in answers}

    async def logged() -> list[float] | None:
        lines = [orjson.loads(line) for line in system.instance("ingest").log.read_bytes().splitlines() if line.endswith(b"}")]
        took = [line["duration_ms"] for line in lines if line.get("request_id") in wanted and line["event"] == "request"]
        return took if len(took) >= len(wanted) else None

    return await eventually(logged, what="the gateway's log tells of every request")


async def _leader(kafka: str, partition: int) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        (topic,) = await admin.describe_topics([LOG])
    finally:
        await admin.close()
    return next(int(each["leader"]) for each in topic["partitions"] if each["partition"] == partition)


async def _until_taken(customer: Customer, body: bytes) -> str:
    """Retry as senders do, for as long as the answer is 503."""

    async def accepted() -> str | None:
        answer = await customer.send(body)
        assert answer.status in {202, 503}
        return str(answer.json()["delivery_id"]) if answer.status == 202 else None

    return await eventually(accepted, what="the retry is accepted")


async def _deliveries(customer: Customer) -> list[str]:
    async with customer.system.db() as connection:
        rows = await connection.fetch("SELECT outcome FROM proj.deliveries WHERE tenant_id = $1", customer.tenant.id)
    return [row["outcome"] for row in rows]


async def _is(probe: Any, status: int) -> bool:
    return bool(await probe == status)
