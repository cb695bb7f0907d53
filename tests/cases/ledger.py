"""The ledger of the case corpus: which cases there are, and the hash of each, by FOLD_VERSION. Only added to.

A case that somebody edits by hand, or drops, no longer agrees with it. Cases stay for good: one that a version knew must be
there in all later ones, recorded under each.
"""

import hashlib
from pathlib import Path

import orjson

from tests.cases.case import FOLDER, read_case
from tocsin_grouper.domain.fold import FOLD_VERSION

PATH = FOLDER / "ledger" / "cases.json"
Ledger = dict[str, dict[str, str]]


def read() -> Ledger:
    """Read the ledger: FOLD_VERSION → name of a case → SHA-256 of its file."""
    found: Ledger = orjson.loads(PATH.read_bytes()) if PATH.exists() else {}
    return found


def write(ledger: Ledger) -> None:
    """Write the ledger, a line a case."""
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_bytes(orjson.dumps(ledger, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))


def with_all(*, again: bool = False) -> Ledger:
    """Add the cases of this FOLD_VERSION that the ledger does not have yet; `again` takes all anew."""
    ledger = read()
    known = {} if again else ledger.get(str(FOLD_VERSION), {})
    ledger[str(FOLD_VERSION)] = recorded(FOLDER) | known
    return ledger


def recorded(folder: Path) -> dict[str, str]:
    """Hash the cases of this FOLD_VERSION in a folder."""
    paths = sorted(folder.glob("*.json"))
    return {path.stem: _hash(path) for path in paths if read_case(path)["fold_version"] == FOLD_VERSION}


def faults(ledger: Ledger, folder: Path) -> list[str]:
    """Say what was edited, dropped or never entered."""
    found, listed = recorded(folder), ledger.get(str(FOLD_VERSION), {})
    told = [f"{name}: its file is gone" for name in sorted({name for names in ledger.values() for name in names} - found.keys())]
    told += [f"{name}: not in the ledger" for name in sorted(found.keys() - listed.keys())]
    return told + [
        f"{name}: its file was changed" for name, digest in sorted(listed.items()) if found.get(name, digest) != digest
    ]


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
