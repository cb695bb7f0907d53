"""The process itself: `python -m tocsin_normalizer` on real Kafka and PostgreSQL, told to stop, and killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.support.migrated import MigratedDatabase
from tests.support.servers import OwnKafka
from tocsin.servers.free_port import free_ports
from tocsin_contracts.delivery import DeliveryEnvelope
from tocsin_contracts.envelope import Kind, log_headers, source_of
from tocsin_contracts.image import Image, decode_image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.topics import ALERTS, LOG, TOPIC_CONFIGS
from tocsin_control.bootstrap import Role
from tocsin_control.integrations import Terms, create_integration
from tocsin_control.master_key import generate_master_key
from tocsin_control.tenants import create_tenant
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import BatchWriter, Entry, LogReader, TopicSpec
from tocsin_runtime.postgres import connect

BODY = Path("tests/payloads/alertmanager/firing_container_restarted.json").read_bytes()


class Process:
    """A normalizer in a process of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {**environment, "TOCSIN_NORMALIZER_PORT": str(port)}
        self.child: asyncio.subprocess.Process | None = None

    async def start(self) -> asyncio.subprocess.Process:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tocsin_normalizer", env={**inherited, **self._environment}, stderr=asyncio.subprocess.DEVNULL
        )
        return self.child

    async def get(self, path: str) -> tuple[int, str]:
        """Ask a probe; 0 while nobody listens."""
        try:
            async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientError:
            return 0, ""

    async def end(self) -> None:
        if self.child is not None and self.child.returncode is None:
            self.child.kill()
            await self.child.wait()


class Pipe:
    """Both topics, and one integration's deliveries into them."""

    def __init__(self, writer: BatchWriter, reader: LogReader, environment: dict[str, str], integration: str) -> None:
        self.writer = writer
        self.reader = reader
        self.environment = environment
        self.integration = integration

    async def put(self, count: int = 1) -> None:
        envelope = DeliveryEnvelope(
            tenant="t",
            integration=self.integration,
            source="alertmanager",
            integration_version=1,
            request_id="r",
            received_at=1_700_000_000_000_000,
        )
        entry = Entry(b"t", BODY, log_headers(Kind.DELIVERY, envelope.encode()))
        await self.writer.write(0, [entry] * count)

    async def until(self, last: int) -> tuple[list[int], Image]:
        """Wait until the output ends with the image of offset `last`; give all source offsets, and that image."""
        while True:
            try:
                record = await self.reader.last(ALERTS, 0)
            except Recoverable:
                record = None
            if record is not None and source_of(record.headers).position.offset == last:
                records = [r async for part in self.reader.scan(ALERTS, 0, 0, record.offset + 1) for r in part]
                return [source_of(r.headers).position.offset for r in records], decode_image(record.value)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        process = Process(self.environment)
        await process.start()
        try:
            yield process
        finally:
            await process.end()


@pytest.fixture
async def pipe(own_kafka: OwnKafka, migrated: MigratedDatabase) -> AsyncIterator[Pipe]:
    log = KafkaLog(own_kafka.bootstrap)
    admin, writer, reader = log.admin(), log.writer(LOG), log.reader()
    await admin.start()
    for topic in (LOG, ALERTS):
        await admin.delete_topic(topic)
    await admin.ensure_topics([TopicSpec(name=topic, partitions=1, config=TOPIC_CONFIGS[topic]) for topic in (LOG, ALERTS)])
    await writer.start()
    await reader.start()
    owner = await connect(migrated.dsn_of(Role.OWNER), application="test")
    try:
        tenant = await create_tenant(owner, name="t")
        key = generate_master_key()
        terms = Terms(settings=IntegrationSettings(dedup_window_s=77))
        made = await create_integration(owner, key, tenant=tenant.id, source="alertmanager", name="am", terms=terms)
    finally:
        await owner.close()
    environment = {
        "TOCSIN_KAFKA": own_kafka.bootstrap,
        "TOCSIN_POSTGRES": migrated.dsn_of(Role.NORMALIZER),
        "TOCSIN_NORMALIZER_CLAIM_WAIT_S_MAX": "0.1",
    }
    yield Pipe(writer, reader, environment, made.integration.id)
    for part in (admin, writer, reader):
        await part.close()


async def test_a_delivery_becomes_an_image_with_its_integrations_settings_and_sigterm_ends_cleanly(pipe: Pipe) -> None:
    await pipe.put()
    async with pipe.running() as process:
        sources, image = await pipe.until(0)
        assert sources == [0]
        assert (image.mapped, image.settings.dedup_window_s) == (Mapped.NORMALIZED, 77)
        while (await process.get("/-/ready"))[0] != 200:
            assert process.child is not None
            assert process.child.returncode is None
        page = (await process.get("/metrics"))[1]
        assert 'tocsin_normalizer_records_total{outcome="normalized",reason="",source="alertmanager"} 1.0' in page
        assert process.child is not None
        process.child.send_signal(signal.SIGTERM)
        assert await process.child.wait() == 0


async def test_a_process_that_is_killed_goes_on_behind_what_it_wrote(pipe: Pipe) -> None:
    highest = -1
    for _ in range(2):
        await pipe.put(200)
        async with pipe.running() as process:
            while (await pipe.reader.bounds(ALERTS, 0)).next <= highest + 1:
                pass
            assert process.child is not None
            process.child.kill()
            await process.child.wait()
        highest += 200
    async with pipe.running():
        sources, image = await pipe.until(399)
    seen = -1
    for offset in sources:
        assert offset <= seen + 1
        seen = max(seen, offset)
    assert image.mapped is Mapped.NORMALIZED


async def test_a_map_that_never_ends_is_ended_from_outside_the_loop() -> None:
    code = "from tocsin_normalizer.adapters.dead_man import DeadManSwitch\nwith DeadManSwitch(0.1).armed():\n    while True: pass"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE)
    _, said = await child.communicate()
    assert child.returncode == 1
    assert b"Timeout" in said


async def test_an_unknown_setting_is_one_line_and_an_exit_code() -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tocsin_normalizer",
        env={**os.environ, "TOCSIN_NORMALIZER_PROT": "1"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await child.communicate()
    assert child.returncode == 1
    assert said.decode().count("\n") == 1
    assert "TOCSIN_NORMALIZER_PROT" in said.decode()
