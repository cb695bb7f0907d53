"""Asking the gateway for commands, and reading what it logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tests.unit.ingest.gateway import ACME_PARTITION, Answer, Gateway
from tocsin_contracts.command import Command, decode_command
from tocsin_contracts.envelope import Kind

ASYNC = {"Prefer": "respond-async"}


async def ask(
    gateway: Gateway,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    key: str = "writer",
) -> Answer:
    """Ask for a command and do not wait for its outcome; `None` is no body."""
    raw = None if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    sent = {"Authorization": gateway.keys[key], "Content-Type": "application/json", **ASYNC, **(headers or {})}
    return await gateway.send(method, path, data=raw, headers=sent)


def logged(gateway: Gateway, kind: Kind = Kind.COMMAND, partition: int = ACME_PARTITION) -> list[Command]:
    """Give the commands in the log."""
    return [decode_command(record.value) for record in gateway.records(partition, kind)]
