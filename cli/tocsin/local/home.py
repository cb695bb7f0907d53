"""The directory `.tocsin`: where one local Tocsin keeps everything."""

import os
from dataclasses import dataclass
from pathlib import Path

from tocsin_runtime.errors import Fatal


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The directory and the names in it."""

    root: Path

    @property
    def ports(self) -> Path:
        """Ports, chosen once."""
        return self.root / "ports.json"

    @property
    def lock(self) -> Path:
        """Held by the one `up` that runs here."""
        return self.root / "up.lock"

    @property
    def record(self) -> Path:
        """Who runs: process ids and start times."""
        return self.root / "up.json"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "logs"

    @property
    def kafka(self) -> Path:
        """Kafka's data, configuration and log."""
        return self.root / "kafka"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data and log."""
        return self.root / "postgres"

    @property
    def master_key(self) -> Path:
        """The key that encrypts secrets (0600)."""
        return self.root / "master.key"

    @property
    def snapshot(self) -> Path:
        """The gateway's encrypted snapshot."""
        return self.root / "snapshot"

    @property
    def roles(self) -> Path:
        """Passwords of the PostgreSQL roles (0600)."""
        return self.root / "roles.json"

    @property
    def demo(self) -> Path:
        """What `demo` created: keys and secrets (0600)."""
        return self.root / "demo.json"


def find_home() -> Home:
    """Give `TOCSIN_HOME`, else `.tocsin` in the working directory; it need not exist."""
    return Home(root=Path(os.environ.get("TOCSIN_HOME") or ".tocsin").resolve())


def make_home() -> Home:
    """Give the home and make its directory, closed to others (bodies and logs lie in it) and ignored by git.

    Raises:
        Fatal: it cannot be made; names it.
    """
    home = find_home()
    try:
        home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (home.logs, home.kafka):
            directory.mkdir(mode=0o700, exist_ok=True)
        ignore = home.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise Fatal(f"cannot write to {home.root}: {error.strerror}. TOCSIN_HOME may name another directory") from error
    return home
