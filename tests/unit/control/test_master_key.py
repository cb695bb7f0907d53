"""The master key's file."""

import base64
import os
from pathlib import Path

import pytest

from tocsin_control.errors import MasterKeyUnfit
from tocsin_control.master_key import create_master_key, generate_master_key, load_master_key, load_or_create_master_key


def test_a_created_key_is_readable_by_its_owner_only_and_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "master.key"
    old = os.umask(0)
    try:
        created = create_master_key(path)
    finally:
        os.umask(old)

    assert path.stat().st_mode & 0o777 == 0o600
    assert load_master_key(path) == created
    assert load_or_create_master_key(path) == created


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o666])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    create_master_key(path)
    path.chmod(mode)

    with pytest.raises(MasterKeyUnfit, match="chmod 600"):
        load_master_key(path)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    before = create_master_key(path)

    with pytest.raises(MasterKeyUnfit, match="never overwritten"):
        create_master_key(path)
    assert load_master_key(path) == before


def test_the_first_line_seals_and_every_line_opens(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    new, old = os.urandom(32), os.urandom(32)
    path.write_text(f"# new\n{base64.b64encode(new).decode()}\n\n{base64.b64encode(old).decode()}  # old\n")
    path.chmod(0o600)

    key = load_master_key(path)

    assert key.keys[key.current] == new
    assert set(key.keys.values()) == {new, old}


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"c2hvcnQ=\n", b"not base64!\n", b"\xff\xfe\n", b"A" * 5000])
def test_what_is_no_key_is_refused_in_one_line_that_does_not_repeat_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(MasterKeyUnfit, match="must hold") as caught:
        load_master_key(path)
    assert "\n" not in str(caught.value)
    assert "c2hvcnQ" not in str(caught.value)


def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyUnfit, match="no master key file"):
        load_master_key(tmp_path / "none")
    with pytest.raises(MasterKeyUnfit, match="cannot read"):
        load_master_key(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(MasterKeyUnfit, match="not a regular file"):
        load_master_key(tmp_path / "pipe")


def test_the_bytes_never_show_in_repr() -> None:
    key = generate_master_key()

    (secret,) = key.keys.values()
    assert repr(secret) not in repr(key)
    assert key.current in repr(key)
