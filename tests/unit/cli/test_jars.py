"""Only the bytes that the committed lock pins are ever run."""

import hashlib
from pathlib import Path

import pytest

from tocsin.servers.jars import LOCK, install, read_lock
from tocsin_runtime.errors import Fatal


def lock_of(tmp_path: Path, content: bytes) -> Path:
    lock = tmp_path / "test.lock"
    lock.write_text(f"# a comment\n{hashlib.sha256(content).hexdigest()} {len(content)} org.example:thing:1.0\n")
    return lock


def put(tmp_path: Path, content: bytes) -> Path:
    jar = tmp_path / "jars" / "thing-1.0.jar"
    jar.parent.mkdir(exist_ok=True)
    jar.write_bytes(content)
    return jar


def test_the_committed_lock_pins_every_jar_and_names_no_host() -> None:
    jars = read_lock()
    assert len({jar.filename for jar in jars}) == len(jars) > 40
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)
    assert {jar.coordinate for jar in jars} >= {
        "org.apache.kafka:kafka_2.13:4.3.0",
        "org.apache.kafka:kafka-clients:4.3.0",
        "org.slf4j:slf4j-simple:1.7.36",
    }
    assert "//" not in LOCK.read_text()


def test_a_jar_with_the_pinned_bytes_is_taken(tmp_path: Path) -> None:
    jar = put(tmp_path, b"right")
    assert install(tmp_path / "jars", lock=lock_of(tmp_path, b"right")) == (jar,)


def test_a_jar_with_other_bytes_is_refused_with_one_line(tmp_path: Path) -> None:
    put(tmp_path, b"wrong")
    with pytest.raises(Fatal, match=r"thing-1\.0\.jar is not the jar that .* pins") as refused:
        install(tmp_path / "jars", lock=lock_of(tmp_path, b"right"))
    assert "\n" not in str(refused.value)


def test_a_jar_that_changed_after_it_was_verified_is_refused(tmp_path: Path) -> None:
    lock = lock_of(tmp_path, b"right")
    put(tmp_path, b"right")
    install(tmp_path / "jars", lock=lock)
    put(tmp_path, b"wrong")
    with pytest.raises(Fatal):
        install(tmp_path / "jars", lock=lock)


def test_a_changed_lock_asks_for_a_new_verification(tmp_path: Path) -> None:
    put(tmp_path, b"right")
    install(tmp_path / "jars", lock=lock_of(tmp_path, b"right"))
    with pytest.raises(Fatal):
        install(tmp_path / "jars", lock=lock_of(tmp_path, b"other"))
