"""Kafka's jars: exactly those of the committed lock, checked by us before anything runs them.

`jgo` downloads each locked coordinate but does not refuse changed bytes, so every jar is hashed here against
`kafka.lock`. A stamp of sizes and times spares the hashing at later starts. `python -m tocsin.servers.jars`
resolves the coordinates of `WANTED` anew and prints a lock.
"""

import hashlib
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests
from jgo.maven import MavenContext, PythonResolver

from tocsin.servers.cache import exclusive, write_atomically
from tocsin_runtime.errors import Fatal, Recoverable

LOCK = Path(__file__).with_name("kafka.lock")
# slf4j-simple and nothing more: with log4j's binding its dependency management pulls kafka-clients down to 3.9.
WANTED = ("org.apache.kafka:kafka_2.13:4.3.0", "org.slf4j:slf4j-simple:1.7.36")
DOWNLOADS_AT_ONCE = 8
HTTP_TIMEOUT_S = 60


class Progress(Protocol):
    """Hears what takes long, so that somebody can show it."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """Take note that `done` of `total` (bytes, or steps) of `step` are through."""


def silent(step: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One locked jar: where Maven has it, how long it is, what its bytes hash to."""

    sha256: str
    size: int
    coordinate: str

    @property
    def filename(self) -> str:
        """Give the name under which the jar is kept."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(path: Path = LOCK) -> tuple[Jar, ...]:
    """Read the lock: `sha256 size group:artifact:version` a line, in class path order."""
    rows = (line.split() for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return tuple(Jar(sha256=sha256, size=int(size), coordinate=coordinate) for sha256, size, coordinate in rows)


def install(directory: Path, progress: Progress = silent, lock: Path = LOCK) -> tuple[Path, ...]:
    """Put the locked jars into `directory` and give their paths in class path order.

    Safe when several processes start at once: one downloads, the others wait. Jars that are there are verified
    (by stamp, else by hash); missing ones are downloaded.

    Raises:
        Fatal: a jar's bytes are not those of the lock.
        Recoverable: a jar cannot be downloaded.
    """
    jars = read_lock(lock)
    paths = tuple(directory / jar.filename for jar in jars)
    with exclusive(directory.with_name(f"{directory.name}.lock")):
        directory.mkdir(exist_ok=True)
        missing = [jar for jar in jars if not (directory / jar.filename).exists()]
        if missing:
            _download(missing, directory, progress)
        if _stamp_text(jars, paths) != _stamp(directory):
            verify(jars, directory)
            write_atomically(directory / "verified.json", _stamp_text(jars, paths))
    return paths


def verify(jars: Iterable[Jar], directory: Path) -> None:
    """Hash every jar in `directory` against the lock; raise `Fatal` that names the first one that differs."""
    for jar in jars:
        path = directory / jar.filename
        if _sha256(path) != jar.sha256:
            raise Fatal(
                f"{path} is not the jar that {LOCK.name} pins (its SHA-256 differs); it will not be run. "
                f"Delete the file and start again; if it differs again, the download source is not to be trusted"
            )


def _download(jars: Sequence[Jar], directory: Path, progress: Progress) -> None:
    """Fetch `jars` into a scratch place first, so that `directory` never holds half a jar."""
    total, done = sum(jar.size for jar in jars), 0
    step = f"Downloading Apache Kafka ({len(jars)} jars)"
    progress(step, 0, total)
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch, ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(scratch), timeout=HTTP_TIMEOUT_S)
        for jar, path in zip(jars, pool.map(lambda jar: _fetch(context, jar), jars), strict=True):
            verify_bytes(jar, path)
            shutil.move(path, directory / jar.filename)
            done += jar.size
            progress(step, done, total)


def verify_bytes(jar: Jar, path: Path) -> None:
    """Refuse a fresh download whose bytes are not the locked ones."""
    if _sha256(path) != jar.sha256:
        raise Fatal(
            f"downloaded {jar.coordinate}, but its SHA-256 is not the one in {LOCK.name}: refused. "
            f"Check what answers for Maven Central on this network"
        )


def _fetch(context: MavenContext, jar: Jar) -> Path:
    try:
        return Path(context.create_dependency(jar.coordinate).artifact.resolve())
    except (requests.RequestException, OSError, RuntimeError) as error:
        reason = type(error).__name__ if isinstance(error, requests.RequestException) else "not found or not writable"
        raise Recoverable(
            f"cannot download {jar.coordinate} from Maven Central ({reason}). Check the network, "
            f"then start again; what arrived is kept"
        ) from error


def _stamp_text(jars: Sequence[Jar], paths: Sequence[Path]) -> str:
    """Describe the files as they are now, so that a changed lock or file asks for a new verification."""
    rows = [
        [jar.sha256, path.name, (stat := path.stat()).st_size, stat.st_mtime_ns, stat.st_ino]
        for jar, path in zip(jars, paths, strict=True)
    ]
    return json.dumps(rows)


def _stamp(directory: Path) -> str:
    path = directory / "verified.json"
    return path.read_text() if path.exists() else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve_lock(wanted: Sequence[str] = WANTED) -> str:
    """Resolve `wanted` and all they need at run time, and give a lock's text."""
    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(repo_cache=Path(scratch), timeout=HTTP_TIMEOUT_S)
        named, needed = context.resolver.resolve([context.create_dependency(coordinate) for coordinate in wanted])
        artifacts = [one.artifact for one in (*named, *(d for d in needed if d.scope in {"compile", "runtime"}))]
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            paths = [Path(path) for path in pool.map(lambda artifact: artifact.resolve(), artifacts)]
        rows = [
            f"{_sha256(path)} {path.stat().st_size} {artifact.groupId}:{artifact.artifactId}:{artifact.version}"
            for artifact, path in zip(artifacts, paths, strict=True)
        ]
    head = f"# {' + '.join(wanted)}: SHA-256, bytes, coordinate. Made by `python -m tocsin.servers.jars`."
    return "\n".join((head, *rows)) + "\n"


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.stdout.write(resolve_lock())
