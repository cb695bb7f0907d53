"""A disabled tenant's deliveries and commands are 403, and nobody but its owner learns of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.unit.ingest.gateway import ACME, ACME_PARTITION, Gateway, directory, key, running, tenant
from tocsin_contracts.envelope import Kind
from tocsin_control.principal import Scope

STATUS = "/api/v1/incidents/0123456789ABCDEFGHJKMNPQRS/status"
WRITER, WRITERS_ENTRY = key(ACME, Scope.INCIDENTS_WRITE)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    disabled = replace(tenant(ACME, ACME_PARTITION), enabled=False)
    async with running(directory(keys=(WRITERS_ENTRY,), tenants=(disabled,))) as gateway:
        yield gateway


async def test_its_deliveries_are_403_for_who_proves_himself_and_401_for_others(gateway: Gateway) -> None:
    answer = await gateway.post()
    assert (answer.status, answer.json["detail"]) == (403, "This tenant is disabled.")
    assert (await gateway.post(headers={"Authorization": "Bearer wrong"})).status == 401
    assert gateway.deliveries() == []


async def test_its_commands_are_403_and_never_reach_the_log(gateway: Gateway) -> None:
    headers = {"Authorization": f"Bearer {WRITER.get_secret_value()}"}
    answer = await gateway.send("PATCH", STATUS, json={"status": "RESOLVED"}, headers=headers)

    assert answer.status == 403
    assert gateway.records(ACME_PARTITION, Kind.COMMAND) == []


async def test_it_works_again_once_it_is_enabled(gateway: Gateway) -> None:
    gateway.control.put(directory(keys=(WRITERS_ENTRY,)))

    assert (await gateway.post()).status == 202
