"""One behaviour suite for the log seam, run over the in-memory twin and over real Kafka."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.support.seam import Seam
from tests.support.servers import SharedKafka
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import (
    Log,
)
from tocsin_runtime.memory_log import MemoryLog


@pytest.fixture(params=["memory", "kafka"])
async def seam(request: pytest.FixtureRequest) -> AsyncIterator[Seam]:
    log: Log
    if request.param == "kafka":
        kafka: SharedKafka = request.getfixturevalue("kafka")
        log = KafkaLog(kafka.bootstrap)
    else:
        log = MemoryLog(SystemClock())
    async with AsyncExitStack() as stack:
        admin = log.admin()
        await admin.start()
        stack.push_async_callback(admin.close)
        yield Seam(log=log, admin=admin, topic=f"seam-{secrets.token_hex(6)}", stack=stack)
