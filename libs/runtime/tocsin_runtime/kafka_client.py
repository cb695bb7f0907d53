"""A plain client: single requests to the right broker, tried again while leaders move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code

from tocsin_runtime.kafka_bootstrap import closing_bootstrap
from tocsin_runtime.kafka_producer import said
from tocsin_runtime.log import ReadFailed

REQUEST_MS = 5_000
RETRY_S = 0.1


class KafkaClient:
    """Requests by topic and partition. Every call answers or raises `ReadFailed` in bounded time."""

    def __init__(self, bootstrap: str, *, answer_s: float = 5.0) -> None:
        self._bootstrap = bootstrap
        self._answer_s = answer_s
        self._client: Any = None

    async def start(self) -> None:
        """Connect; raises `ReadFailed`. Connected already, it stays so."""
        if self._client is not None:
            return
        client = AIOKafkaClient(
            bootstrap_servers=self._bootstrap,
            request_timeout_ms=REQUEST_MS,
            retry_backoff_ms=50,
            metadata_max_age_ms=30_000,
        )
        try:
            async with asyncio.timeout(self._answer_s):
                with closing_bootstrap():
                    await client.bootstrap()
        except (KafkaError, OSError, TimeoutError) as error:
            await _close(client)
            raise ReadFailed(f"cannot reach Kafka at {self._bootstrap}: {said(error)}") from error
        self._client = client

    async def close(self) -> None:
        """Disconnect. Never raises."""
        client, self._client = self._client, None
        if client is not None:
            await _close(client)

    async def to_leader(self, topic: str, partition: int, request: Any) -> Any:
        """Send `request` to the leader of the partition and give its one partition's answer, error code checked.

        The answer must have the shape `topics: [(topic, [(partition, error_code, …)])]`.

        Raises:
            ReadFailed: no answer in time. `KafkaError`: the broker's own, where trying again is useless.
        """
        async with self._bounded(f"{topic} partition {partition}"):
            while True:
                leader = await self._leader(topic, partition)
                try:
                    answer = await self._client.send(leader, request)
                except KafkaError as error:
                    await self._refresh(error)
                    continue
                part = answer.topics[0][1][0]
                trouble = for_code(part[1])
                if trouble.errno == 0:
                    return part
                if not (trouble.retriable or trouble.invalid_metadata):
                    raise trouble(f"{topic} partition {partition}")
                await self._refresh(trouble())

    async def to_any(self, request: Any) -> Any:
        """Send `request` to some broker. Raises `ReadFailed`."""
        async with self._bounded("metadata"):
            while True:
                try:
                    return await self._client.send(self._client.get_random_node(), request)
                except KafkaError as error:
                    await self._refresh(error)

    async def _leader(self, topic: str, partition: int) -> int:
        wanted = TopicPartition(topic, partition)
        while True:
            leader = self._client.cluster.leader_for_partition(wanted)
            if leader is not None and leader != -1:
                return int(leader)
            self._client.add_topic(topic)
            await self._refresh(None)

    async def _refresh(self, _error: KafkaError | None) -> None:
        await self._client.force_metadata_update()
        await asyncio.sleep(RETRY_S)

    @asynccontextmanager
    async def _bounded(self, what: str) -> AsyncIterator[None]:
        if self._client is None:
            raise ReadFailed("the reader is not started, or closed")
        try:
            async with asyncio.timeout(self._answer_s):
                yield
        except TimeoutError:
            raise ReadFailed(f"{what}: Kafka gave no answer within {self._answer_s:g} s") from None


async def _close(client: Any) -> None:
    try:
        async with asyncio.timeout(1.0):
            await client.close()
    except (KafkaError, OSError, TimeoutError):
        return
