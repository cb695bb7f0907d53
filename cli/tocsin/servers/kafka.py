"""Apache Kafka as a child process: format once, start, wait until it serves, stop, kill, start again."""

import secrets
import shutil
import signal
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

from tocsin.servers.cache import write_atomically
from tocsin.servers.child import Child
from tocsin.servers.kafka_config import BrokerSettings
from tocsin.servers.kafka_probe import group_coordinator_ready
from tocsin.servers.kafka_runtime import KafkaRuntime
from tocsin.servers.readiness import wait_until
from tocsin_runtime.errors import Fatal

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
FORMAT_TIMEOUT_S = 60.0


class Broker:
    """One Kafka node with its own directory. `start` it from the main thread (see `Child`)."""

    def __init__(self, settings: BrokerSettings, runtime: KafkaRuntime, *, cluster_id: str | None = None) -> None:
        self.settings = settings
        self._runtime = runtime
        self._cluster_id = cluster_id
        self._child: Child | None = None

    @property
    def bootstrap(self) -> str:
        """Give host:port for clients."""
        return f"127.0.0.1:{self.settings.node.port}"

    @property
    def child(self) -> Child | None:
        """Give the running process, if it was started."""
        return self._child

    @property
    def log(self) -> Path:
        """Give the path of the broker's log."""
        return self.settings.directory / "kafka.log"

    def start(self, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start it and wait until it serves groups; nothing happens if it runs."""
        self.spawn()
        self.wait_ready(timeout_s)

    def spawn(self) -> Child:
        """Start the process, after `prepare`; returns before it serves. Nothing happens if it runs."""
        if self._child is None or not self._child.alive:
            config = self.prepare()
            self._child = Child(self._runtime.command("kafka.Kafka", [str(config)], log=self.log, name="kafka"))
        return self._child

    def serves(self) -> bool:
        """Tell whether it answers as group coordinator now."""
        return group_coordinator_ready("127.0.0.1", self.settings.node.port)

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the node answers as group coordinator.

        Raises:
            Fatal: the process ended, or did not serve in time; the message has its last words.
        """
        child = self._child
        if child is None:
            raise Fatal("Kafka was not started")
        wait_until(self.serves, child, what="Kafka", timeout_s=timeout_s)

    def stop(self) -> None:
        """Stop it cleanly: leaders handed over, logs flushed; kill it if that takes too long."""
        if self._child is not None:
            self._child.stop(timeout_s=STOP_TIMEOUT_S)
            self._child = None

    def ask_to_stop(self) -> None:
        """Begin a clean stop without waiting for its end."""
        if self._child is not None:
            self._child.send(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def restart(self) -> None:
        """Stop it cleanly if it runs, then start it on the same data and port."""
        self.stop()
        self.start()

    def prepare(self) -> Path:
        """Write `server.properties` and format the directory if it is new; give the file's path."""
        self.settings.directory.mkdir(parents=True, exist_ok=True)
        config = self.settings.directory / "server.properties"
        write_atomically(config, self.settings.properties())
        if not (self.settings.directory / "data" / "meta.properties").exists():
            self._format(config)
        return config

    def _format(self, config: Path) -> None:
        # A format that was cut short leaves a directory without meta.properties and, so, without any record.
        shutil.rmtree(self.settings.directory / "data", ignore_errors=True)
        cluster_id = self._cluster_id or new_cluster_id()
        arguments = ["format", "-t", cluster_id, "-c", str(config)]
        log = self.settings.directory / "format.log"
        child = Child(self._runtime.command("kafka.tools.StorageTool", arguments, log=log, name="kafka-format"))
        if not child.wait(FORMAT_TIMEOUT_S) or child.exit_code != 0:
            child.kill()
            raise Fatal(f"Kafka's directory could not be formatted: {child.tail()}. Log: {log}")


class Cluster:
    """Several brokers as one Kafka; for tests of what survives the death of one."""

    def __init__(self, settings: Sequence[BrokerSettings], runtime: KafkaRuntime, *, cluster_id: str) -> None:
        self.brokers = tuple(Broker(one, runtime, cluster_id=cluster_id) for one in settings)

    @property
    def bootstrap(self) -> str:
        """Give host:port of every broker, separated by commas."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> None:
        """Start every broker, then wait until each serves."""
        for broker in self.brokers:
            broker.spawn()
        for broker in self.brokers:
            broker.wait_ready()

    def stop(self) -> None:
        """Stop every broker, all at once: one after the other, the last would wait for a quorum that is gone."""
        for broker in self.brokers:
            broker.ask_to_stop()
        for broker in self.brokers:
            broker.stop()

    def kill(self) -> None:
        """Kill every broker."""
        for broker in self.brokers:
            broker.kill()


def new_cluster_id() -> str:
    """Make an id in Kafka's form: 16 random bytes in URL-safe base64 that does not begin with a dash."""
    return "T" + urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")[1:]
