"""Migration files are found in order, or refused."""

import sys
from pathlib import Path

import pytest

from tocsin_runtime.errors import Fatal
from tocsin_runtime.migrate import find


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    name = f"migrations_of_{tmp_path.name.replace('-', '_')}"
    root = tmp_path / name
    (root / "sql" / "migrations").mkdir(parents=True)
    (root / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return root


def put(package: Path, *names: str) -> None:
    for name in names:
        (package / "sql" / "migrations" / name).write_text(f"SELECT '{name}'")


def test_files_are_read_in_order_with_their_checksum(package: Path) -> None:
    put(package, "0002_second.sql", "0001_first.sql")
    first, second = find(package.name)
    assert (first.number, first.name, second.number, second.name) == (1, "first", 2, "second")
    assert len(first.checksum) == 64
    assert first.checksum != second.checksum


@pytest.mark.parametrize("names", [("0001_a.sql", "0003_c.sql"), ("0001_a.sql", "0001_b.sql"), ("1_a.sql",)])
def test_gaps_doubles_and_strange_names_are_refused(package: Path, names: tuple[str, ...]) -> None:
    put(package, *names)
    with pytest.raises(Fatal):
        find(package.name)
