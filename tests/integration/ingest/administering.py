"""What an administrator asks, in few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.integration.ingest.managing import Gateway, World
from tests.unit.ingest.gateway import Answer
from tocsin_ingest.management.dispatch import OPERATIONS, Operation

INTEGRATIONS = "/api/v1/integrations"
KEYS = "/api/v1/keys"
PAGER = {"source": "alertmanager", "name": "pager"}
TABLES = ("integrations", "integration_versions", "secrets", "url_tokens", "api_keys", "audit")


async def made(gateway: Gateway, admin: str, **changes: object) -> dict[str, Any]:
    answer = await gateway.call("POST", INTEGRATIONS, {**PAGER, **changes}, key=admin)
    assert answer.status == 201, answer.body
    return answer.json


def of_one() -> list[Operation]:
    return [operation for operation in OPERATIONS if operation.one and operation.kind == "integrations"]


async def ask(gateway: Gateway, operation: Operation, named: str, key: str) -> Answer:
    """Ask for an operation with a body that it takes."""
    bodies: Mapping[str, object] = {
        "createIntegration": {"source": "sentry", "name": f"made with {key[:9]}"},
        "changeIntegration": {"burst": 77},
        "tryDelivery": {"payload": {}},
        "createKey": {"holder": "x"},
    }
    return await gateway.call(operation.method, operation.path.replace("{id}", named), bodies.get(operation.name), key=key)


async def everything(world: World) -> str:
    return repr(
        [[dict(row) for row in await world.owner.fetch(f"SELECT * FROM control.{table} ORDER BY 1, 2")] for table in TABLES]
    )
