"""Making and describing topics on Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.structs import TopicPartition

from tocsin_runtime.errors import Fatal, Invalid
from tocsin_runtime.kafka_bootstrap import closing_bootstrap
from tocsin_runtime.kafka_client import KafkaClient
from tocsin_runtime.kafka_producer import said
from tocsin_runtime.kafka_wire import TopicIdRequest, topic_id_text
from tocsin_runtime.log import ReadFailed, TopicInfo, TopicSpec

T = TypeVar("T")

ANSWER_S = 15.0
LOOKS_MAX = 100
LOOK_S = 0.1
_TOPIC_OWN = 1  # DescribeConfigs: a setting made on the topic itself


class KafkaAdmin:
    """A `LogAdmin` on Kafka."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client = KafkaClient(bootstrap)
        self._admin: Any = None
        self._made: set[str] = set()

    async def start(self) -> None:
        """Connect; raises `ReadFailed` where that fails, and may be called again."""
        await self._client.start()
        if self._admin is not None:
            return
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=10_000, retry_backoff_ms=100)
        await self._ask("connect", admin.start())
        self._admin = admin

    async def ensure_topics(self, specs: Sequence[TopicSpec]) -> None:
        """Make what is missing; see `LogAdmin`."""
        for spec in specs:
            info = await self._find(spec.name)
            if info is None:
                await self._create(spec)
                continue
            if info.partitions < spec.partitions:
                wanted = {spec.name: NewPartitions(spec.partitions)}
                await self._ask(f"add partitions to {spec.name}", self._admin.create_partitions(wanted))
            await self._configure(spec)
        for spec in specs:
            await self._wait_ready(spec)
            self._made.add(spec.name)

    async def describe(self, topic: str) -> TopicInfo:
        """Describe `topic`; `topic_id` is Kafka's own (KIP-516), so a topic made anew has another one."""
        for _ in range(LOOKS_MAX if topic in self._made else 1):  # another broker may not have heard of it yet
            info = await self._find(topic)
            if info is not None:
                return info
            await asyncio.sleep(LOOK_S)
        raise Invalid("no-such-topic", f"there is no topic {topic}")

    async def truncate(self, topic: str, partition: int, before: int) -> None:
        """Delete the records below `before`; see `LogAdmin`."""
        wanted = {TopicPartition(topic, partition): RecordsToDelete(before)}
        await self._ask(f"truncate {topic}", self._admin.delete_records(wanted))

    async def delete_topic(self, topic: str) -> None:
        """Delete `topic`; see `LogAdmin`."""
        answer = await self._ask(f"delete {topic}", self._admin.delete_topics([topic]))
        self._made.discard(topic)
        for _name, code in answer.topic_error_codes:
            _check(f"delete {topic}", code, None, passed=UnknownTopicOrPartitionError)
        for _ in range(LOOKS_MAX):
            if await self._find(topic) is None:
                return
            await asyncio.sleep(LOOK_S)
        raise ReadFailed(f"Kafka has not deleted {topic} yet")

    async def close(self) -> None:
        """Disconnect. Never raises."""
        admin, self._admin = self._admin, None
        await self._client.close()
        if admin is not None:
            try:
                async with asyncio.timeout(1.0):
                    await admin.close()
            except (KafkaError, OSError, TimeoutError):
                return

    async def _find(self, topic: str) -> TopicInfo | None:
        answer = await self._client.to_any(TopicIdRequest(topic))
        code, _name, topic_id, _internal, partitions, *_ = answer.topics[0]
        trouble = for_code(code)
        if trouble is UnknownTopicOrPartitionError:
            return None
        if trouble.errno and trouble is not LeaderNotAvailableError:
            raise ReadFailed(f"{topic}: {said(trouble())}")
        return TopicInfo(topic_id=topic_id_text(topic_id), partitions=len(partitions))

    async def _create(self, spec: TopicSpec) -> None:
        topic = NewTopic(spec.name, spec.partitions, 1, topic_configs=dict(spec.config))
        topic.replication_factor = spec.replication  # -1 is the broker's default; the constructor does not know that
        answer = await self._ask(f"create {spec.name}", self._admin.create_topics([topic]))
        for _name, code, message in answer.topic_errors:
            _check(f"create {spec.name}", code, message, passed=TopicAlreadyExistsError)

    async def _configure(self, spec: TopicSpec) -> None:
        """Set what differs; the request replaces all settings of the topic, so the others go along unchanged."""
        present = await self._settings(spec.name)
        if all(present.get(name) == value for name, value in spec.config.items()):
            return
        merged = {**present, **spec.config}
        resource = ConfigResource(ConfigResourceType.TOPIC, spec.name, merged)
        answers = await self._ask(f"configure {spec.name}", self._admin.alter_configs([resource]))
        for code, message, *_ in answers[0].resources:
            _check(f"configure {spec.name}", code, message)

    async def _settings(self, topic: str) -> Mapping[str, str]:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        answers = await self._ask(f"describe {topic}", self._admin.describe_configs([resource]))
        code, message, _kind, _name, entries = answers[0].resources[0][:5]
        _check(f"describe {topic}", code, message)
        return {entry[0]: entry[1] for entry in entries if entry[3] == _TOPIC_OWN}

    async def _wait_ready(self, spec: TopicSpec) -> None:
        """Wait until every partition has a leader that the brokers know of."""
        for _ in range(LOOKS_MAX):
            answer = await self._client.to_any(TopicIdRequest(spec.name))
            partitions = answer.topics[0][4]
            if len(partitions) >= spec.partitions and all(p[0] == 0 and p[2] >= 0 for p in partitions):
                return
            await asyncio.sleep(LOOK_S)
        raise ReadFailed(f"not every partition of {spec.name} has a leader")

    async def _ask(self, what: str, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(ANSWER_S):
                with closing_bootstrap():
                    return await work
        except (KafkaError, OSError, TimeoutError) as error:
            raise ReadFailed(f"Kafka at {self._bootstrap} did not {what}: {said(error)}") from error


def _check(what: str, code: int, message: str | None, *, passed: type[KafkaError] | None = None) -> None:
    """Raise what an answer's error code means: `Fatal` where the broker refuses for good."""
    trouble = for_code(code)
    if trouble.errno == 0 or trouble is passed:
        return
    text = f"Kafka refused to {what}: {message or trouble.__name__}"
    raise ReadFailed(text) if trouble.retriable else Fatal(text)
