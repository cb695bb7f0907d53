"""The gateway's snapshot file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.control.entries import directory, integration, key, tenant
from tocsin_control.directory import SecretEntry, directory_of
from tocsin_control.errors import SnapshotBroken, SnapshotMissing, SnapshotTooOld
from tocsin_control.master_key import generate_master_key
from tocsin_control.sealing import seal
from tocsin_control.signature_style import SignatureStyle
from tocsin_control.snapshot import AGE_MAX_S, Snapshot, age_s, read_snapshot, write_snapshot
from tocsin_runtime.clock import ManualClock

KEY = generate_master_key()
CLOCK = ManualClock()
SNAPSHOT = Snapshot(directory=directory(), confirmed_at=CLOCK.now())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "snapshot"


def test_a_snapshot_is_read_back_whole(path: Path) -> None:
    old_and_new = (
        SecretEntry(slot=2, version=5, value=b"\x00\xff", not_after=None),
        SecretEntry(slot=1, version=4, value=b"old", not_after=99),
    )
    style = SignatureStyle(header="X-Sig", format="sha256=hex")
    full = integration(
        "full",
        secrets=old_and_new,
        signature_style=style,
        enabled=False,
        secrets_unreadable=1,
        sns_topics=("a",),
        url_tokens=old_and_new,
    )
    content = directory_of(
        9,
        [tenant(), tenant("b", 3, enabled=False)],
        [full, integration()],
        [key(), key("abcdefghij", "b", 5)],
        worker_rate_per_min=7,
    )
    snapshot = Snapshot(directory=content, confirmed_at=CLOCK.now())

    write_snapshot(path, KEY, snapshot)

    assert read_snapshot(path, KEY, CLOCK) == snapshot


def test_only_its_owner_reads_it_and_nothing_in_it_is_readable(path: Path) -> None:
    write_snapshot(path, KEY, SNAPSHOT)

    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_bytes()
    assert b"canary" not in content
    assert b"acme" not in content
    assert [entry.name for entry in path.parent.iterdir()] == ["snapshot"]


def test_seven_days_are_trusted_and_no_second_more(path: Path) -> None:
    clock = ManualClock()
    write_snapshot(path, KEY, Snapshot(directory=directory(), confirmed_at=clock.now()))

    clock.advance(AGE_MAX_S)
    assert age_s(read_snapshot(path, KEY, clock), clock.now()) == 7 * 86_400

    clock.advance(1)
    with pytest.raises(SnapshotTooOld, match=r"7\.0 days old"):
        read_snapshot(path, KEY, clock)


def test_touching_the_file_makes_it_no_younger(path: Path) -> None:
    """The age lies inside the seal."""
    clock = ManualClock()
    write_snapshot(path, KEY, Snapshot(directory=directory(), confirmed_at=clock.now()))
    clock.advance(AGE_MAX_S + 1)
    path.touch()

    with pytest.raises(SnapshotTooOld):
        read_snapshot(path, KEY, clock)


def test_a_clock_that_stepped_back_does_not_refuse_it(path: Path) -> None:
    clock = ManualClock()
    write_snapshot(path, KEY, Snapshot(directory=directory(), confirmed_at=clock.now()))
    clock.step(-3_600)

    assert age_s(read_snapshot(path, KEY, clock), clock.now()) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_a_changed_or_cut_snapshot_is_refused(path: Path, data: st.DataObject) -> None:
    write_snapshot(path, KEY, SNAPSHOT)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(min_value=0, max_value=len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:at]
    else:
        content[at] ^= data.draw(st.integers(min_value=1, max_value=255))
    path.write_bytes(content)

    with pytest.raises(SnapshotBroken):
        read_snapshot(path, KEY, CLOCK)


def test_another_master_key_or_another_format_is_refused_and_a_missing_file_said(path: Path) -> None:
    with pytest.raises(SnapshotMissing):
        read_snapshot(path, KEY, CLOCK)
    write_snapshot(path, KEY, SNAPSHOT)
    with pytest.raises(SnapshotBroken):
        read_snapshot(path, generate_master_key(), CLOCK)
    path.write_bytes(seal(KEY, b'{"format": 999}', "snapshot"))
    with pytest.raises(SnapshotBroken, match="format 999"):
        read_snapshot(path, KEY, CLOCK)


def test_a_write_that_fails_leaves_the_one_before(path: Path) -> None:
    write_snapshot(path, KEY, SNAPSHOT)
    blocked = path.parent / "blocked"
    blocked.mkdir()
    (blocked / "inside").touch()

    with pytest.raises(OSError, match="blocked"):  # a folder that is not empty cannot be replaced by a file
        write_snapshot(blocked, KEY, Snapshot(directory=directory(8), confirmed_at=CLOCK.now()))

    assert read_snapshot(path, KEY, CLOCK) == SNAPSHOT
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["blocked", "snapshot"]
