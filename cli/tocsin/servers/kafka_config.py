"""The properties of a broker: one node by itself, or one of several."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LARGEST_RECORD_BYTES = 8 * 1024 * 1024
"""What the largest topic allows (`tocsin.alerts`); a broker must carry it through every buffer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """A node of the cluster: its id, and the loopback ports of its clients' and its controller's listener."""

    node_id: int
    port: int
    controller_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """Settings of one broker process.

    `flush_each_message` makes an acknowledged record survive a power cut on a single node; with replicas, or in
    tests that only kill processes, it is not needed. `session_timeout_ms` is how long a killed broker stays fenced,
    for itself too: it decides the length of a restart after kill -9.
    """

    directory: Path
    node: Voter
    voters: tuple[Voter, ...]
    flush_each_message: bool = True
    heap_mb: int = 256
    session_timeout_ms: int = 1000
    heartbeat_interval_ms: int = 200

    def properties(self) -> str:
        """Give the text of `server.properties`."""
        return "".join(f"{key}={value}\n" for key, value in self._rows().items())

    def _rows(self) -> dict[str, str]:
        rows = self._identity() | self._replication() | _SMALL | _SIZES
        rows["broker.session.timeout.ms"] = str(self.session_timeout_ms)
        rows["broker.heartbeat.interval.ms"] = str(self.heartbeat_interval_ms)
        if self.flush_each_message:
            rows["log.flush.interval.messages"] = "1"
        return rows

    def _identity(self) -> dict[str, str]:
        node = self.node
        return {
            "process.roles": "broker,controller",
            "node.id": str(node.node_id),
            "controller.quorum.voters": ",".join(f"{v.node_id}@127.0.0.1:{v.controller_port}" for v in self.voters),
            "listeners": f"PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{node.port}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.directory / "data"),
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
        }

    def _replication(self) -> dict[str, str]:
        copies, in_sync = str(len(self.voters)), str(len(self.voters) // 2 + 1)
        return {
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
        }


_SMALL = {
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    # The default of 128 MiB lies in the heap: the one setting that makes a small heap possible.
    "log.cleaner.dedupe.buffer.size": "2097152",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
}
_SIZES = {
    "message.max.bytes": str(LARGEST_RECORD_BYTES),
    "replica.fetch.max.bytes": str(LARGEST_RECORD_BYTES),
    "socket.request.max.bytes": str(4 * LARGEST_RECORD_BYTES),
}


def single_node(directory: Path, *, port: int, controller_port: int, flush_each_message: bool = True) -> BrokerSettings:
    """Give the settings of a cluster of one."""
    node = Voter(node_id=1, port=port, controller_port=controller_port)
    return BrokerSettings(directory=directory, node=node, voters=(node,), flush_each_message=flush_each_message)


def cluster(directory: Path, ports: Sequence[tuple[int, int]]) -> tuple[BrokerSettings, ...]:
    """Give the settings of a cluster with one broker for each pair (client port, controller port).

    Replication and in-sync minimum follow from the number (3 and 2 for three). The session times let a producer
    with a 5 s deadline ride through the death of one broker.
    """
    voters = tuple(
        Voter(node_id=number, port=port, controller_port=controller) for number, (port, controller) in enumerate(ports, start=1)
    )
    return tuple(
        BrokerSettings(
            directory=directory / f"node-{node.node_id}",
            node=node,
            voters=voters,
            flush_each_message=False,
            session_timeout_ms=3000,
            heartbeat_interval_ms=500,
        )
        for node in voters
    )
