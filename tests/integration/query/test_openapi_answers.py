"""What is answered is what the OpenAPI document says: every read, every kind of answer, against the published schema.

The gateway's operations are driven through the running system: `tests/acceptance/test_openapi.py`.
"""

from datetime import timedelta
from typing import Any

import orjson
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped] # its stubs are one more package
from openapi_spec_validator import validate

from tests.integration.query.conftest import Client, Reply
from tests.support.projection_rows import START, ProjectionDatabase
from tocsin_contracts.ids import delivery_id
from tocsin_contracts.position import Position
from tocsin_query.endpoints import ENDPOINTS

WHY: dict[str, Any] = {
    "rule": "pairs",
    "rule_version": 1,
    "rules": ["pairs", "default"],
    "reason": "rule pairs: it matched",
    "key": "k",
    "key_rule": "pairs",
    "values": {"service": "api"},
    "window_s": 60,
    "threshold": {"alerts": 2, "within_s": 600, "counted": 1},
    "competing": {"incident": "C" * 26, "status": "CLOSED", "because": "over"},
}
_STATE: dict[str, Any] = {"incident": "I" * 26, "status": "OPEN", "version": 4, "revision": 2}
COMMANDS: list[tuple[str, str, dict[str, Any]]] = [
    ("set-status", "applied", _STATE),
    ("split", "applied", {**_STATE, "new": _STATE}),
    (
        "set-rules",
        "applied",
        {"version": 3, "regrouped": 1, "incidents": [{"incident": "I" * 26, "before": "a", "rule": "b", "moves": True}]},
    ),
    (
        "bulk",
        "applied",
        {
            "applied": 1,
            "rejected": 1,
            "results": [
                {"incident": "I" * 26, "status": 200, "revision": 2, "version": 4},
                {"incident": "J" * 26, "status": 409, "reason": "over"},
            ],
        },
    ),
    ("merge", "rejected", {"reason": "merged-elsewhere", "merged_into": "M" * 26, **_STATE}),
    ("undo", "rejected", {"reason": "no-such-incident"}),
    ("comment", "rejected", {"reason": "fold-error", "error": "KeyError"}),
]


async def test_every_answer_validates_against_the_published_schema(projection: ProjectionDatabase, client: Client) -> None:
    document = (await client.get("/api/v1/openapi.json", key="")).body
    validate(document)
    paths = await _seed(projection)

    seen = set()
    for path, example in paths:
        found = await client.get(f"/api/v1{example}")
        _check(document, path, found)
        seen.add((path, found.status))

    ours = [endpoint.path for endpoint in ENDPOINTS]
    for path in ours:
        refused = {
            401: await client.get("/api/v1" + path.replace("{id}", "x"), key=""),
            404: await client.get("/api/v1" + path.replace("{id}", "x" * 26) + ("?position=1:1" if "commands" in path else "")),
            422: await client.get("/api/v1" + path.replace("{id}", "x" * 26) + "?nonsense=1"),
        }
        for found in refused.values():
            _check(document, path, found)
            seen.add((path, found.status))
    promised = {(path, int(status)) for path in ours for status in document["paths"][path]["get"]["responses"]}
    elsewhere = {304, 400, 403, 429, 503}  # each has a test of its own
    assert {each for each in promised if each[1] not in elsewhere} == seen


async def test_the_document_may_be_kept(client: Client) -> None:
    found = await client.get("/api/v1/openapi.json", key="")
    again = await client.get("/api/v1/openapi.json", key="", headers={"If-None-Match": found.headers["Etag"]})

    assert found.headers["Cache-Control"] == "public, max-age=300"
    assert (again.status, again.text) == (304, "")


async def _seed(projection: ProjectionDatabase) -> list[tuple[str, str]]:
    """Make one of everything, sparse and full; give each declared path with an example of each success."""
    full: dict[str, Any] = {
        "service": "api",
        "team": "core",
        "environment": "prod",
        "link": "https://example.org/1",
        "description": "d",
    }
    async with projection.writing() as rows:
        incident = await rows.incident("acme", **full, snoozed_until=START, assignee="ann", closed_at=START, resolved_at=START)
        sparse = await rows.incident("acme")
        for twin in ("7K3QF2B" + "0" * 19, "7K3QF2B" + "1" * 19):
            await rows.incident("acme", id=twin)
        alert = await rows.alert("acme", incident_id=incident, host="h", episode_at=START, **full)
        bare = await rows.alert("acme", raw=None, opened_at=None)
        await rows.event("acme", alert, 7, incident_id=incident)
        await rows.event("acme", alert, 8, severity=None)
        waiting = await rows.alert("acme", held="g" * 64, opened_at=START + timedelta(seconds=11))
        await rows.event("acme", waiting, 11, effect="held", why=orjson.dumps(WHY).decode())
        await rows.opening("acme", incident)
        await rows.opening("acme", sparse, why=WHY, said={"service": "API"}, previous="P" * 26)
        await rows.fact("acme", incident, 2, kind="severity-raised", body='{"before":"LOW","after":"HIGH","reason":"r"}')
        await rows.fact("acme", incident, 3, kind="of-a-newer-release", body="{}")
        await rows.action("acme", incident, 2, comment="c")
        await rows.action("acme", incident, 3, kind="of-a-newer-release")
        processed = await rows.delivery("acme", 7, incident_ids=[incident])
        duplicate = await rows.delivery("acme", 8, outcome="duplicate", reason="same-content", duplicate_of=7)
        failed = await rows.delivery("acme", 9, outcome="failed", reason="not-json", detail="d", redriven_to=7, redrive_of=8)
        await rows.delivery("acme", 10, redrive_of=9)
        commands = [
            await rows.command("acme", kind, kind=kind, detail=orjson.dumps(detail).decode(), outcome=outcome)
            for kind, outcome, detail in COMMANDS
        ]
        await rows.rule_set("acme", 1, comment="first")
        await rows.folded(partition=0, source_next=20, appended_at=0)
    async with projection.owning() as rows:
        await rows.discard("acme", 9)
        await rows.rejection("acme", "wrong-secret", 3)
    pending = delivery_id("acme", Position(0, 30))
    return [
        *(("/incidents", path) for path in ("/incidents", "/incidents?limit=1", "/incidents?status=CLOSED")),
        *(("/incidents/{id}", f"/incidents/{name}") for name in (incident, sparse, "INC-7K3QF2B")),
        *(("/incidents/{id}/why", f"/incidents/{name}/why") for name in (incident, sparse, "INC-7K3QF2B")),
        *(("/alerts", path) for path in ("/alerts", "/alerts?limit=1", "/alerts?incident_id=INC-7K3QF2B")),
        *(("/alerts/{id}", f"/alerts/{name}") for name in (alert, bare, waiting)),
        *(("/alerts/{id}/why", f"/alerts/{name}/why") for name in (alert, bare, waiting)),
        *(("/rules", path) for path in ("/rules",)),
        *(("/rules/versions", path) for path in ("/rules/versions", "/rules/versions?limit=1")),
        *(("/rules/versions/{id}", f"/rules/versions/{number}") for number in (0, 1)),
        *(("/deliveries", path) for path in ("/deliveries", "/deliveries?limit=1", "/deliveries?outcome=redriven")),
        *(("/deliveries/stats", path) for path in ("/deliveries/stats", "/deliveries/stats?by=source")),
        ("/deliveries/rejected", "/deliveries/rejected"),
        *(("/deliveries/{id}", f"/deliveries/{name}") for name in (processed, duplicate, failed, pending)),
        *(("/commands/{id}", f"/commands/{name}") for name in (*commands, "pending")),
    ]


def _check(document: dict[str, Any], path: str, found: Reply) -> None:
    response = document["paths"][path]["get"]["responses"][str(found.status)]
    media = found.headers["Content-Type"].split(";")[0]
    schema = {**response["content"][media]["schema"], "components": document["components"]}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    assert not [error.message for error in validator.iter_errors(orjson.loads(found.text))], (path, found.text)
    for name in response.get("headers", {}):
        assert name.title() in found.headers, (path, name)
