"""P2: every delivery answered 202 ends in exactly one outcome, shown at `GET /deliveries/{id}`."""

from tests.support.system import System
from tocsin_sources import samples


async def test_what_was_answered_202_becomes_an_incident_and_an_outcome(system: System) -> None:
    tenant = await system.tenant()
    sender, key = await system.integration(tenant), await system.key(tenant)
    sample = samples.load("alertmanager", "mixed_group_firing_and_resolved")
    answer = await system.post(sender, sample.body)
    assert answer.status == 202, answer.body
    shown = await system.outcome(key, answer.json()["delivery_id"])
    assert shown["outcome"] == "processed"
    page = (await system.get("/api/v1/incidents", key)).json()
    assert len(page["items"]) == 1
    assert all(table.equal for table in await system.verify())
