"""The master key's file as it changes: keys added, used and dropped whole, and seen at the next look."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tocsin_control.errors import MasterKeyUnfit, SecretUnreadable
from tocsin_control.master_key import KEYS_MAX, create_master_key, load_master_key
from tocsin_control.master_key_file import MasterKeyFile, add_key, drop_keys, use_key
from tocsin_control.sealing import seal, sealed_under, unseal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "master.key"
    create_master_key(made)
    return made


def test_a_rotation_from_one_key_to_the_next(path: Path) -> None:
    """Whoever follows the file opens what lies under either key at every step, and seals under the one that is in use."""
    followed = MasterKeyFile(path)
    old = followed.current
    before = seal(followed, b"secret", "test")

    new = add_key(path)
    assert (followed.current, set(followed.keys)) == (old, {old, new})
    use_key(path, new)
    after = seal(followed, b"secret", "test")
    assert (sealed_under(before), sealed_under(after)) == (old, new)
    assert [unseal(followed, sealed, "test") for sealed in (before, after)] == [b"secret"] * 2
    drop_keys(path, [old])
    assert set(followed.keys) == {new}
    with pytest.raises(SecretUnreadable, match=f"under master key {old}"):
        unseal(followed, before, "test")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["master.key"]


def test_comments_stay_and_using_the_key_in_use_changes_nothing(path: Path) -> None:
    use_key(path, load_master_key(path).current)
    lines = path.read_text().splitlines()
    new = add_key(path)
    use_key(path, new)

    assert path.read_text().splitlines()[0] == lines[0]
    assert path.read_text().splitlines()[2:] == lines[1:]


def test_a_file_that_breaks_changes_nothing_and_is_said_once(path: Path) -> None:
    followed = MasterKeyFile(path)
    current = followed.current
    with capture_logs() as lines:
        path.write_text("nothing of a key\n")
        assert [followed.current for _ in range(3)] == [current] * 3
        path.unlink()
        assert followed.current == current
    assert [line["event"] for line in lines] == ["master_key.unreadable"] * 2


def test_what_cannot_be_is_refused_in_one_line(path: Path) -> None:
    current = load_master_key(path).current
    with pytest.raises(MasterKeyUnfit, match="holds no key 00000000"):
        use_key(path, "00000000")
    with pytest.raises(MasterKeyUnfit, match="cannot be dropped"):
        drop_keys(path, [current])
    for _ in range(KEYS_MAX - 1):
        add_key(path)
    with pytest.raises(MasterKeyUnfit, match="retire"):
        add_key(path)
    assert len(load_master_key(path).keys) == KEYS_MAX


def test_a_file_that_cannot_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    """Its name leaves no room for that of the file beside it, which is written first: nobody may, not even root."""
    path = tmp_path / ("k" * 250)
    create_master_key(path)
    before = path.read_bytes()
    with pytest.raises(MasterKeyUnfit, match="cannot write"):
        add_key(path)
    assert path.read_bytes() == before
