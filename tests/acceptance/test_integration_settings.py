"""What an integration's settings say holds through the running system: default labels, the form in which its sender signs."""

from typing import Any

import orjson

from tests.support.system import Answer, Sender, System
from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.integrations import Terms
from tocsin_control.signature_style import SignatureStyle
from tocsin_runtime.clock import SystemClock

SECOND = 1_000_000
SLACK = SignatureStyle(header="X-Slack-Signature", format="v0=hex", signs="v0:time:body", time_header="X-Slack-Request-Timestamp")
BODY = orjson.dumps({"identity": "disk", "title": "Disk full", "status": "firing", "labels": {"region": "us"}})


async def test_default_labels_reach_the_alert_and_the_senders_own_win(shared: System) -> None:
    tenant = await shared.tenant()
    settings = IntegrationSettings(default_labels={"region": "eu", "cluster": "a", "team": "web"})
    sender = await shared.integration(tenant, "generic", terms=Terms(settings=settings))
    key = await shared.key(tenant)

    shown = await _settled(shared, key, await shared.post(sender, BODY))
    assert shown["outcome"] == "processed"

    (alert,) = (await shared.get("/api/v1/alerts", key)).json()["items"]
    whole = (await shared.get(f"/api/v1/alerts/{alert['id']}", key)).json()
    assert whole["labels"] == {"region": "us", "cluster": "a", "team": "web"}
    assert whole["team"] == "web"


async def test_a_sender_that_signs_a_time_is_believed_for_as_long_as_its_integration_says(shared: System) -> None:
    """Slack's form at a `generic` integration; its secret as a bearer, which the source would take, proves nothing then."""
    tenant = await shared.tenant()
    sender = await shared.integration(tenant, "generic", terms=Terms(signature_style=SLACK))
    key = await shared.key(tenant)

    answers = [await _signed(shared, sender, off_s) for off_s in (0, -301, 301)]
    assert [answer.status for answer in answers] == [202, 401, 401]
    assert (await shared.post(sender, BODY)).status == 401
    assert (await _settled(shared, key, answers[0]))["outcome"] == "processed"


async def _signed(system: System, sender: Sender, off_s: int) -> Answer:
    proof = SLACK.scheme().sign(BODY, sender.secret.get_secret_value().encode(), SystemClock().now() + off_s * SECOND)
    return await system.request("POST", sender.path, headers={"content-type": "application/json", **proof}, body=BODY)


async def _settled(system: System, key: str, answer: Answer) -> Any:
    assert answer.status == 202, answer.body
    return await system.outcome(key, answer.json()["delivery_id"])
