"""P8: with PostgreSQL down ingest still answers 202; with Kafka down queries still answer, and say how stale they are."""

from typing import Any

from tests.acceptance.conftest import Fragile
from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.system import System


async def test_with_postgres_down_deliveries_are_accepted_and_folded_later(fragile: Fragile) -> None:
    """Also by a gateway that starts in the outage, from its snapshot; one without a snapshot says 503, never 401."""
    system = fragile.system
    customer = await move_in(system)
    await customer.settle(alertmanager(am_alert("before")))

    await fragile.postgres.kill()
    taken = [await customer.deliver(alertmanager(am_alert(f"down-{number}"))) for number in range(10)]
    system.kill("ingest")
    system.launch("ingest", "ingest-9")  # the second one never had a snapshot
    await system.ready("ingest")
    await eventually(lambda: _answers(system, "ingest-9", 503), what="the gateway without a snapshot answers")
    taken += [await customer.deliver(alertmanager(am_alert(f"restarted-{number}"))) for number in range(10)]
    unknown = await customer.send(alertmanager(am_alert("nowhere")), gateway="ingest-9")
    forged = await system.request("POST", customer.sender.path, body=b"{}", service="ingest-9")
    read = await system.get("/api/v1/incidents", customer.key)
    assert (unknown.status, forged.status) == (503, 503)
    assert int(unknown.headers["Retry-After"]) >= 1
    assert (read.status, int(read.headers["Retry-After"]) >= 1) == (503, True)

    await fragile.postgres.start()
    await system.ready("ingest-9")
    taken.append(await customer.deliver(alertmanager(am_alert("mended")), gateway="ingest-9"))
    system.kill("ingest-9")
    await fragile.mend()
    assert {(await customer.outcome(each))["outcome"] for each in taken} == {"processed"}
    assert (await customer.incident())["alert_count"] == 22


async def test_with_kafka_down_queries_answer_and_say_how_old_they_are(fragile: Fragile) -> None:
    customer = await move_in(fragile.system)
    shown = await customer.settle(alertmanager(am_alert()))

    await fragile.kafka.kill()
    first = await customer.get("/incidents")
    stood = await eventually(lambda: _older(customer, first), what="the answers grow old")
    assert [incident["id"] for incident in stood["items"]] == shown["incident_ids"]
    for path in (f"/incidents/{shown['incident_ids'][0]}", "/alerts", f"/deliveries/{shown['id']}"):
        assert (await customer.get(path))["as_of"]["age_seconds"] > 2
    body = await fragile.system.get(shown["body_url"], customer.key)
    assert (body.status, int(body.headers["Retry-After"]) >= 1) == (503, True)  # the one read that needs the log

    await fragile.mend()
    await eventually(lambda: _fresh(customer), what="the answers are fresh again")


async def test_with_the_grouper_down_a_delivery_is_pending_and_never_unknown(fragile: Fragile) -> None:
    system = fragile.system
    customer = await move_in(system)
    await customer.settle(alertmanager(am_alert()))
    assert (await system.stop("grouper")).code == 0
    delivery = await customer.deliver(alertmanager(am_alert("b")))
    assert (await customer.get(f"/deliveries/{delivery}"))["outcome"] == "pending"
    await system.start("grouper")
    assert (await customer.outcome(delivery))["outcome"] == "processed"


async def _answers(system: System, name: str, status: int) -> bool:
    return await system.instance(name).probe("/-/ready") == status


async def _older(customer: Customer, first: Any) -> Any:
    """Give a list that shows the same position and says that it is two seconds older."""
    page = await customer.get("/incidents")
    last = page["as_of"]
    moved = last["position"] != first["as_of"]["position"]
    return page if not moved and last["age_seconds"] >= first["as_of"]["age_seconds"] + 2 else None


async def _fresh(customer: Customer) -> bool:
    return bool((await customer.get("/incidents"))["as_of"]["age_seconds"] < 2)
