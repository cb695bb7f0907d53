"""A5: the running services answer as the published document says, every operation of the gateway, through one address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from tests.simulation.redrive import poisoned
from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import CANARIES, Customer, move_in
from tests.support.published import Published
from tests.support.system import System
from tocsin_contracts.routes import Owner, allowed_methods, owner
from tocsin_ingest.commands.table import OPERATIONS, Operation

FIRING = alertmanager(am_alert("Down"))
ABSENT = "0" * 26
ELSEWHERE = {400, 403, 408, 410, 413, 415, 429, 503}
"""Failures that have tests of their own: the unit tests of ingest hold each against its status and type."""
FIELDS = (
    "assignIncident",
    "commentIncident",
    "setIncidentSeverity",
    "setIncidentTeam",
    "setIncidentCategory",
    "setIncidentRunbook",
)
"""Commands that every incident takes."""
UNREFUSED = (*FIELDS, "unlinkIncidents", "changeIncidents", "setRules")
RARE = {("createKey", 409), ("redriveDeliveries", 409), ("tryFailedDelivery", 409), *((name, 409) for name in UNREFUSED)}
"""A thousand keys, two bulks at once, a body that killed the normalizer, two incidents whose ids begin alike: likewise."""
UNFIT = b'{"no such member": 1}'


@pytest.fixture
async def published(shared: System) -> Published:
    answer = await shared.get("/api/v1/openapi.json")
    return Published(answer.json())


@dataclass(slots=True)
class Client:
    """Asks for operations by their id, as a generated client would, and holds every answer against the document."""

    system: System
    published: Published
    key: str
    values: dict[str, str] = field(default_factory=dict)
    taken_count: int = 0

    async def ask(
        self, name: str, body: object = None, *, key: str | None = None, headers: Mapping[str, str] | None = None, **values: str
    ) -> Any:
        method, path, _ = self.published.operations()[name]
        for part, value in (self.values | values).items():
            path = path.replace(f"{{{part}}}", value)
        data = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        sent = {"content-type": "application/json"} | dict(headers or {})
        asking = self.key if key is None else key
        answer = await self.system.request(method, f"/api/v1{path}", key=asking or None, headers=sent, body=data)
        self.published.check(name, answer.status, answer.headers, answer.body)
        return answer.json() if answer.body and "json" in answer.headers["Content-Type"] else None

    async def taken(self, name: str, body: object = None) -> Any:
        """Ask for a command that the fold applies; by default with the body of its example."""
        (operation,) = (each for each in OPERATIONS if each.name == name)
        said = operation.example if body is None else body
        self.taken_count += 1
        answer = await self.ask(name, said, headers={"idempotency-key": f"taken-{self.taken_count}"})
        assert (name, 200) in self.published.seen
        return answer


async def test_every_operation_of_the_gateway_answers_as_it_is_described(shared: System, published: Published) -> None:
    customer = await move_in(shared)
    client = Client(shared, published, customer.key)
    await _send_webhooks(client, customer)
    await _put_webhooks(client)
    await _send_by_token(client)
    await _manage(client)
    await _look_after_failed(client)
    await _command(client, customer)
    ours = {name for name, (method, path, _) in published.operations().items() if _owner(method, path) is Owner.INGEST}
    for name in ours:
        await _fail(client, name)
    promised = {(name, int(status)) for name in ours for status in published.operations()[name][2]["responses"]}
    missing = {each for each in promised - published.seen if each[1] not in ELSEWHERE}
    assert missing == RARE


async def _send_webhooks(client: Client, customer: Customer) -> None:
    secret = customer.sender.secret.get_secret_value()
    client.values = {"source": "alertmanager", "integration": customer.sender.id}
    said = await client.ask("deliver", FIRING, key=secret)
    await client.ask("deliverAlerts", FIRING, key=secret)
    headers = {"x-tocsin-integration": customer.sender.id}
    for name in ("deliverByName", "deliverAlertsByName"):
        await client.ask(name, FIRING, key=secret, headers=headers)
    await customer.outcome(said["delivery_id"])
    await client.ask("getDeliveryBody", id=said["delivery_id"])
    await client.ask("redriveDelivery", id=said["delivery_id"])  # 409
    await client.ask("discardDelivery", {"why": "x"}, id=said["delivery_id"])  # 409
    client.values = {"source": "fax", "integration": ABSENT}
    for name in ("deliver", "deliverAlerts", "deliverByName", "deliverAlertsByName"):
        await client.ask(name, b"{}", key="x")  # 404
        await client.ask(name, b"{}", key="x", source="alertmanager")  # 401


async def _put_webhooks(client: Client) -> None:
    """Do as Grafana does where its contact point is set to PUT."""
    made = await client.ask("createIntegration", {"source": "grafana", "name": "by put", "url_token": True})
    secret, token = made["secret"], made["url_with_token"].rsplit("/", 1)[1]
    CANARIES.update((secret, token))
    await client.system._known(lambda snapshot: made["id"] in snapshot.directory.integrations)
    known = {"source": "grafana", "integration": made["id"], "token": token}
    headers = {"x-tocsin-integration": made["id"]}
    for prefix in ("deliver", "deliverAlerts"):
        for name, key in ((f"{prefix}ByPut", secret), (f"{prefix}ByNameByPut", secret), (f"{prefix}WithTokenByPut", "")):
            await client.ask(name, b'{"alerts": []}', key=key, headers=headers, **known)
            await client.ask(name, b"{}", key=key and "x", headers=headers, **known | {"token": "x"})  # 401
            await client.ask(name, b"{}", key="x", **known | {"source": "fax"})  # 404
    await client.ask("deleteIntegration", id=made["id"])


async def _send_by_token(client: Client) -> None:
    names = ("deliverWithToken", "deliverAlertsWithToken")
    made = await client.ask("createIntegration", {"source": "alertmanager", "name": "by token", "url_token": True})
    token = made["url_with_token"].rsplit("/", 1)[1]
    CANARIES.update((made["secret"], token))
    known = {"source": "alertmanager", "integration": made["id"], "token": token}
    await client.system._known(lambda snapshot: made["id"] in snapshot.directory.integrations)
    for name in names:
        await client.ask(name, FIRING, key="", **known)
        await client.ask(name, b"{}", key="", **known | {"token": "x"})  # 401
        await client.ask(name, b"{}", key="", **known | {"source": "fax"})  # 404
    rotated = await client.ask("rotateSecret", {"url_token": True, "overlap_s": 0}, id=made["id"])
    CANARIES.add(rotated["url_with_token"].rsplit("/", 1)[1])
    await client.ask("changeIntegration", {"url_token": False}, id=made["id"])
    again = await client.ask("changeIntegration", {"url_token": True}, id=made["id"])
    CANARIES.add(again["url_with_token"].rsplit("/", 1)[1])
    await client.ask("deleteIntegration", id=made["id"])


async def _manage(client: Client) -> None:
    made = await client.ask("createIntegration", {"source": "generic", "name": "made"})
    other = await client.ask("createIntegration", {"source": "generic", "name": "other"})
    await client.ask("createIntegration", {"source": "generic", "name": "made"})  # 409
    client.values |= {"id": made["id"]}
    await client.ask("listIntegrations")
    await client.ask("getIntegration")
    await client.ask("changeIntegration", {"burst": 9}, headers={"if-match": '"v1"'})
    for name, body in (("changeIntegration", {"burst": 8}), ("deleteIntegration", None)):
        await client.ask(name, body, headers={"if-match": '"v1"'})  # 412
    await client.ask("changeIntegration", {"name": "other"})  # 409
    await client.ask("rotateSecret")
    await client.ask("rotateSecret")  # 409: two are active
    for payload in ({"title": "t", "status": "firing"}, {"nothing": "known"}):
        await client.ask("tryDelivery", {"payload": payload})
    await client.ask("deleteIntegration", id=other["id"])
    key = await client.ask("createKey", {"holder": "ci"})
    await client.ask("getKey", id=key["id"])
    await client.ask("listKeys")
    await client.ask("revokeKey", id=key["id"])
    await client.ask("listTenants")
    await client.ask("listAudit")


async def _look_after_failed(client: Client) -> None:
    customer = await poisoned(client.system, 2)
    ours = Client(client.system, client.published, customer.key)
    one, two = (await customer.get("/deliveries", outcome="failed"))["items"]
    await ours.ask("tryFailedDelivery", id=one["id"])
    sent = await ours.ask("redriveDelivery", id=one["id"])
    await customer.outcome(sent["delivery_id"])
    await ours.ask("discardDelivery", {"why": "a test"}, id=two["id"])
    await ours.ask("redriveDeliveries")


async def _command(client: Client, customer: Customer) -> None:
    """Do everything to an incident of two alerts, beside two others."""
    incident = await customer.incident()
    for name in ("other", "third"):
        await customer.settle(alertmanager(am_alert(name, name=name, service=name)))
    await customer.settle(alertmanager(am_alert("Up")))
    found = {each["service"]: each["id"] for each in await customer.incidents()}
    client.values |= {"id": incident["id"], "other": found["other"]}
    await _do(client, incident["alerts"][0]["id"], found["third"])
    await _refuse(client, incident["id"])
    for each in OPERATIONS:
        letter = each.precondition.value
        if letter:
            await client.ask(each.name, _body(each), headers={"if-match": f'"{letter}99"', "idempotency-key": f"412-{each.name}"})
        await client.ask(each.name, _body(each), headers={"prefer": "respond-async", "idempotency-key": f"202-{each.name}"})


async def _do(client: Client, alert: str, third: str) -> None:
    """Ask for every command once, so that it is taken."""
    for name in FIELDS:
        await client.taken(name)
    snoozed = await client.taken("snoozeIncident")
    await client.taken("undoIncidentAction", {"version": snoozed["version"]})
    await client.taken("snoozeIncident")
    await client.taken("unsnoozeIncident")
    await client.taken("linkIncidents", {"incident": third})
    await client.taken("unlinkIncidents")
    await client.taken("acknowledgeIncident")
    await client.taken("splitIncident", {"alerts": [alert]})
    await client.taken("mergeIncidents", {"incidents": [third]})
    await client.taken("setIncidentStatus")
    await client.taken("changeIncidents", {"incidents": [third], "action": {"kind": "acknowledge"}})
    await client.taken("setRules")


async def _refuse(client: Client, incident: str) -> None:
    """Ask for every command that can be rejected, so that it is: the incident is resolved by now, then open again."""
    for name, body in (
        ("setIncidentStatus", {"status": "OPEN"}),
        ("acknowledgeIncident", None),
        ("snoozeIncident", {"for": 60}),
        ("unsnoozeIncident", None),
        ("mergeIncidents", {"incidents": [incident]}),
        ("linkIncidents", {"incident": incident}),
        ("splitIncident", {"alerts": [ABSENT]}),
        ("undoIncidentAction", {"version": 1}),
    ):
        await client.ask(name, body, headers={"idempotency-key": f"409-{name}"})
    await client.taken("reopenIncident")
    await client.ask("reopenIncident")  # 409
    await client.ask("setIncidentStatus", {"status": "RESOLVED"}, headers={"idempotency-key": "taken-1"})  # 422


def _body(operation: Operation) -> object:
    """Give a body that the gateway takes, whatever the fold says of it."""
    fits: Mapping[str, object] = {
        "linkIncidents": {"incident": ABSENT},
        "mergeIncidents": {"incidents": [ABSENT]},
        "changeIncidents": {"incidents": [ABSENT], "action": {"kind": "reopen"}},
    }
    return fits.get(operation.name, operation.example)


async def _fail(client: Client, name: str) -> None:
    """Ask without a key, by another method, for what is not there, with what does not fit."""
    method, path, operation = client.published.operations()[name]
    if path.startswith(("/webhooks", "/alerts/webhook")):
        return
    body = UNFIT if "requestBody" in operation else None
    if "401" in operation["responses"]:
        await client.ask(name, body, key="", id=ABSENT, other=ABSENT)
    asked = path.replace("{id}", "x").replace("{other}", "y")
    other = next(each for each in ("PUT", "PATCH", "DELETE") if each not in allowed_methods(f"/api/v1{asked}"))
    wrong = await client.system.request(other, f"/api/v1{asked}", key=client.key)
    assert (wrong.status, wrong.headers["Content-Type"]) == (405, "application/problem+json")
    assert method in wrong.headers["Allow"].split(", ")
    if "404" in operation["responses"]:
        fits: Mapping[str, object] = {
            "changeIntegration": {"burst": 1},
            "rotateSecret": {},
            "tryDelivery": {"payload": {}},
            "discardDelivery": {"why": "x"},
            **{each.name: each.example for each in OPERATIONS},
            "changeIncidents": {"incidents": ["INC-0000000"], "action": {"kind": "reopen"}},
        }
        await client.ask(name, fits.get(name), id=ABSENT, headers={"idempotency-key": f"404-{name}"})
    if body is not None:
        made = (await client.ask("listIntegrations"))["items"][-1]["id"]
        await client.ask(name, body, id=made if path.startswith("/integrations") else await _some(client, path))


async def _some(client: Client, path: str) -> str:
    """Give an id that the path takes, so that the body is what does not fit."""
    kind = path.split("/")[1]
    if kind not in {"incidents", "deliveries"}:
        return ""
    shown = await client.system.get(f"/api/v1/{kind}", client.key)
    return str(shown.json()["items"][0]["id"])


def _owner(method: str, path: str) -> Owner | None:
    return owner(method, f"/api/v1{path}")
