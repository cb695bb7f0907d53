"""The log on Apache Kafka, by aiokafka."""

from __future__ import annotations

from tocsin_runtime.clock import Clock, SystemClock
from tocsin_runtime.group_commit import GroupCommit
from tocsin_runtime.kafka_admin import KafkaAdmin
from tocsin_runtime.kafka_group import SESSION_S, KafkaGroupReader
from tocsin_runtime.kafka_producer import open_producer
from tocsin_runtime.kafka_reader import KafkaReader
from tocsin_runtime.log import DEFAULT_APPEND_LIMITS, DEFAULT_WRITE_LIMITS, AppendLimits, WriteLimits
from tocsin_runtime.ordered_writer import OrderedWriter
from tocsin_runtime.producer import Producer


class KafkaLog:
    """A `Log` on the cluster behind `bootstrap` ("host:port,host:port")."""

    def __init__(self, bootstrap: str, *, clock: Clock | None = None, session_s: float = SESSION_S) -> None:
        """Name the cluster; its groups miss a dead member after `session_s`."""
        self.bootstrap = bootstrap
        self._clock = clock or SystemClock()
        self._session_s = session_s

    def appender(self, topic: str, limits: AppendLimits = DEFAULT_APPEND_LIMITS) -> GroupCommit:
        """Make an appender for the gateway."""

        async def opened() -> Producer:
            return await open_producer(self.bootstrap, topic, message_bytes_max=limits.message_bytes_max)

        return GroupCommit(opened, clock=self._clock, limits=limits)

    def writer(self, topic: str, limits: WriteLimits = DEFAULT_WRITE_LIMITS) -> OrderedWriter:
        """Make a writer for a map from one topic to another."""

        async def opened() -> Producer:
            return await open_producer(self.bootstrap, topic, message_bytes_max=limits.message_bytes_max)

        return OrderedWriter(opened, limits=limits)

    def group_reader(self, topic: str, group: str) -> KafkaGroupReader:
        """Make a member of `group` on `topic`."""
        return KafkaGroupReader(self.bootstrap, topic, group, session_s=self._session_s)

    def reader(self) -> KafkaReader:
        """Make a reader without a group."""
        return KafkaReader(self.bootstrap)

    def admin(self) -> KafkaAdmin:
        """Make an admin."""
        return KafkaAdmin(self.bootstrap)
