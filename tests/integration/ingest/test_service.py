"""Ingest as it is built for production: on a real Kafka and PostgreSQL, and with either of them away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.support.migrated import MigratedDatabase
from tests.support.servers import OwnKafka
from tocsin_contracts.envelope import Kind, kind_of
from tocsin_contracts.ids import parse_delivery_id
from tocsin_contracts.topics import LOG, TOPIC_CONFIGS
from tocsin_control.bootstrap import Role
from tocsin_control.integrations import create_integration
from tocsin_control.keys import create_key
from tocsin_control.master_key import create_master_key
from tocsin_control.principal import Scope
from tocsin_control.tenants import create_tenant
from tocsin_ingest.service import Ingest, build
from tocsin_ingest.settings import IngestSettings
from tocsin_runtime.errors import Fatal
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import TopicSpec
from tocsin_runtime.postgres import close, connect

BODY = orjson.dumps({"version": "4", "alerts": []})
NOWHERE = "127.0.0.1:1"
NO_POSTGRES = f"postgresql://tocsin_ingest:x@{NOWHERE}/x"


@dataclass(frozen=True, slots=True)
class Known:
    """A tenant with an integration and a key, and the settings of an ingest that knows them."""

    tenant: str
    path: str
    bearer: dict[str, str]
    key: dict[str, str]
    settings: dict[str, Any]


@pytest.fixture
async def known(migrated: MigratedDatabase, own_kafka: OwnKafka, tmp_path: Path) -> Known:
    admin = KafkaLog(own_kafka.bootstrap).admin()
    await admin.start()
    await admin.ensure_topics([TopicSpec(name=LOG, partitions=2, config=TOPIC_CONFIGS[LOG])])
    await admin.close()
    master_key = create_master_key(tmp_path / "master.key")
    owner = await connect(migrated.dsn_of(Role.OWNER), application="test")
    try:
        tenant = await create_tenant(owner, name="acme", partitions=2)
        made = await create_integration(owner, master_key, tenant=tenant.id, source="alertmanager", name="pager")
        scopes = (Scope.DELIVERIES_READ, Scope.INCIDENTS_WRITE)
        key = await create_key(owner, tenant=tenant.id, actor_name="Ada", scopes=scopes)
    finally:
        await close(owner)
    return Known(
        tenant.id,
        made.integration.path,
        {"Authorization": f"Bearer {made.secret.get_secret_value()}"},
        {"Authorization": f"Bearer {key.text.get_secret_value()}"},
        {
            "port": 0,
            "kafka": own_kafka.bootstrap,
            "postgres": migrated.dsn_of(Role.INGEST),
            "master_key_file": tmp_path / "master.key",
            "snapshot": tmp_path / "snapshot",
            "append_deadline_s": 1.0,
        },
    )


@asynccontextmanager
async def running(known: Known, **changes: Any) -> AsyncIterator[tuple[Ingest, aiohttp.ClientSession]]:
    ingest = build(IngestSettings.model_validate(known.settings | changes))
    await ingest.start()
    try:
        async with aiohttp.ClientSession(ingest.listener.url) as session:
            yield ingest, session
    finally:
        await ingest.stop()


async def post(session: aiohttp.ClientSession, known: Known) -> tuple[int, dict[str, Any]]:
    async with session.post(known.path, data=BODY, headers=known.bearer) as answer:
        return answer.status, orjson.loads(await answer.read())


async def accepted(session: aiohttp.ClientSession, known: Known) -> dict[str, Any]:
    """Send until it is accepted: a fresh broker may refuse a first moment."""
    refused: dict[str, Any] = {}
    for _ in range(20):
        status, body = await post(session, known)
        if status == 202:
            return body
        refused = body
    raise AssertionError(f"never accepted: {refused}")


async def test_a_delivery_lies_in_the_log_and_its_body_comes_back(known: Known) -> None:
    async with running(known) as (_, session):
        body = await accepted(session, known)
        position = parse_delivery_id(known.tenant, body["delivery_id"])
        async with session.get(f"/api/v1/deliveries/{body['delivery_id']}/body", headers=known.key) as answer:
            assert (answer.status, await answer.read()) == (200, BODY)
    reader = KafkaLog(known.settings["kafka"]).reader()
    await reader.start()
    [record] = await reader.read(LOG, position.partition, position.offset, max_records=1)
    await reader.close()
    assert (record.value, record.key) == (BODY, known.tenant.encode())


async def test_many_at_once_lie_in_the_log_once_each(known: Known) -> None:
    async with running(known) as (_, session):
        await accepted(session, known)
        answers = await asyncio.gather(*(post(session, known) for _ in range(200)))
    ids = {body["delivery_id"] for status, body in answers if status == 202}
    assert len(ids) == 200


async def test_every_partition_is_ticked(known: Known) -> None:
    async with running(known) as (ingest, _):
        await ingest.ticker.tick()
        assert ingest.ticker.fault() is None
        reader = KafkaLog(known.settings["kafka"]).reader()
        await reader.start()
        for partition in range(2):
            last = await reader.last(LOG, partition)
            assert last is not None
            assert kind_of(last.headers) == Kind.TICK
        await reader.close()


async def test_with_postgres_down_a_start_from_the_snapshot_accepts(known: Known) -> None:
    """P8."""
    async with running(known) as (_, session):
        await accepted(session, known)
    async with running(known, postgres=NO_POSTGRES) as (_, session):
        await accepted(session, known)
        path = f"/incidents/{'0' * 26}/status"
        async with session.patch(path, json={"status": "RESOLVED"}, headers=known.key) as answer:
            assert answer.status == 202


async def test_with_neither_postgres_nor_a_snapshot_it_is_503_and_never_401(known: Known, tmp_path: Path) -> None:
    async with running(known, postgres=NO_POSTGRES, snapshot=tmp_path / "none") as (_, session):
        status, body = await post(session, known)
        assert (status, body["type"]) == (503, "https://tocsin.dev/problems/unavailable")
        async with session.get("/-/ready") as answer:
            assert answer.status == 503


async def test_with_kafka_down_it_starts_and_answers_503(known: Known) -> None:
    async with running(known, kafka=NOWHERE, append_deadline_s=0.2) as (_, session):
        assert (await post(session, known))[0] == 503
        async with session.get("/-/ready") as answer:
            assert answer.status == 503
        async with session.get("/-/healthy") as answer:
            assert answer.status == 200


async def test_a_master_key_is_asked_for_in_one_line(known: Known) -> None:
    with pytest.raises(Fatal, match="TOCSIN_MASTER_KEY_FILE"):
        build(IngestSettings.model_validate(known.settings | {"master_key_file": None}))


async def test_a_taken_port_is_said_in_one_line(known: Known) -> None:
    async with running(known) as (ingest, _):
        with pytest.raises(Fatal, match=f"cannot listen on 127.0.0.1:{ingest.listener.port}"):
            async with running(known, port=ingest.listener.port):
                pass
