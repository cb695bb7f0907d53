"""PostgreSQL as a child process: initialise once, start, wait until it serves, stop, kill, start again."""

import os
import secrets
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from tocsin.servers.cache import write_atomically
from tocsin.servers.child import Child, Command, tail
from tocsin.servers.leftover import wait_gone
from tocsin.servers.postgres_account import INSTALLED, give, server_account
from tocsin.servers.readiness import wait_until
from tocsin_runtime.errors import Fatal

BINARIES = INSTALLED / "bin"
SUPERUSER = "postgres"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
INIT_TIMEOUT_S = 120.0
LEFTOVER_ATTEMPTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    """Settings of one server.

    `durable` off skips fsync: a killed process loses nothing, a power cut may lose all; for tests only.
    """

    directory: Path
    port: int
    shared_buffers_mb: int = 128
    max_connections: int = 100
    durable: bool = True

    def options(self) -> dict[str, str]:
        """Give the server's options by name."""
        rows = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "max_connections": str(self.max_connections),
            "shared_buffers": f"{self.shared_buffers_mb}MB",
            "max_wal_size": "1GB",
            # A batch writes more than the default's 4 MB: its backend would write the log itself (12 % of its CPU, measured).
            "wal_buffers": "16MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            "log_checkpoints": "off",
            "jit": "off",
        }
        if not self.durable:
            rows |= {"fsync": "off", "full_page_writes": "off"}
        return rows


class Postgres:
    """One PostgreSQL server with its own directory. `start` it from the main thread (see `Child`).

    It listens on the loopback address alone and asks for a password (SCRAM), which lies in `password`, readable by
    the owner only.
    """

    def __init__(self, settings: PostgresSettings) -> None:
        self.settings = settings
        self._child: Child | None = None

    @property
    def child(self) -> Child | None:
        """Give the running process, if it was started."""
        return self._child

    @property
    def data(self) -> Path:
        """Give the data directory."""
        return self.settings.directory / "data"

    @property
    def log(self) -> Path:
        """Give the path of the server's log."""
        return self.settings.directory / "postgres.log"

    @property
    def password(self) -> str:
        """Give the superuser's password; made at the first start, `Fatal` before it."""
        try:
            return (self.settings.directory / "password").read_text().strip()
        except FileNotFoundError:
            raise Fatal(f"PostgreSQL was never started in {self.settings.directory}. Start it: tocsin up") from None

    def dsn(self, database: str = SUPERUSER) -> str:
        """Give the superuser's DSN of `database`."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.settings.port}/{database}"

    def start(self, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start it and wait until it takes connections; nothing happens if it runs."""
        self.spawn()
        self.wait_ready(timeout_s)

    def prepare(self) -> None:
        """Make the data directory the first time; stop a server that a dead `up` left running on it."""
        account = server_account()
        self.settings.directory.mkdir(parents=True, exist_ok=True)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(account)
        end_leftover(self.data)
        give(self.data, account)

    def spawn(self) -> Child:
        """Start the process, after `prepare`; returns before it serves. Nothing happens if it runs."""
        if self._child is None or not self._child.alive:
            self.prepare()
            self._child = Child(self._command(server_account()))
        return self._child

    def serves(self) -> bool:
        """Tell whether it takes connections now."""
        return self._child is not None and self._child.alive and _serves(self.data, self._child.pid)

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until it takes connections.

        Raises:
            Fatal: the process ended, or did not serve in time; the message has its last words.
        """
        child = self._child
        if child is None:
            raise Fatal("PostgreSQL was not started")
        wait_until(self.serves, child, what="PostgreSQL", timeout_s=timeout_s)

    def stop(self) -> None:
        """Stop it fast: sessions are cut, nothing committed is lost; at once if that takes too long."""
        if self._child is not None:
            self._child.send(signal.SIGINT)
            if not self._child.wait(STOP_TIMEOUT_S):
                self.kill()
            self._child = None

    def kill(self) -> None:
        """End it at once without a checkpoint (an immediate shutdown); the next start recovers from its log."""
        if self._child is not None:
            # SIGQUIT takes the backends along; after SIGKILL they would linger and block the next start.
            self._child.stop(signal.SIGQUIT, timeout_s=5)
            self._child = None

    def restart(self) -> None:
        """Stop it if it runs, then start it on the same data and port."""
        self.stop()
        self.start()

    def _command(self, account: str | None) -> Command:
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self.settings.options().items()]
        return Command(
            name="postgres",
            argv=[str(BINARIES / "postgres"), "-D", str(self.data), *options],
            log=self.log,
            environment=_environment(),
            cwd=self.data,
            user=account,
            orphan_signal=signal.SIGINT,
        )

    def _initialise(self, account: str | None) -> None:
        """Make the data directory; a half-made one of an interrupted attempt is made anew."""
        draft = self.data.with_name("data.new")
        _remove(draft)
        draft.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        secret = draft.with_name("password.new")
        write_atomically(secret, password, mode=0o600)
        give(draft, account)
        give(secret, account)
        try:
            _initdb(draft, secret, account, sync=self.settings.durable, log=self.settings.directory / "initdb.log")
        finally:
            secret.unlink(missing_ok=True)
        write_atomically(self.settings.directory / "password", password, mode=0o600)
        draft.replace(self.data)


def end_leftover(data: Path) -> None:
    """Stop a server that still runs on `data`, and remove a pid file whose process is another program now.

    Raises:
        Fatal: the server that runs there does not end.
    """
    pid = _postmaster_pid(data)
    if pid is None:
        return
    try:
        process = psutil.Process(pid)
        ours = process.name() == "postgres" and str(data) in process.cmdline()
    except psutil.Error:
        return  # dead: PostgreSQL itself replaces the file
    if not ours:
        (data / "postmaster.pid").unlink(missing_ok=True)
        return
    for number in (signal.SIGINT, signal.SIGQUIT):
        process.send_signal(number)
        if not wait_gone([process], STOP_TIMEOUT_S):
            return
    raise Fatal(f"a PostgreSQL (process {pid}) still runs on {data} and does not stop. End it, then start again")


def _postmaster_pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _serves(data: Path, pid: int) -> bool:
    """Tell whether the pid file says `ready`, and says so of process `pid`, not of one that crashed."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return int(lines[0]) == pid and lines[7].strip() == "ready"
    except (OSError, IndexError, ValueError):
        return False


def _initdb(data: Path, secret: Path, account: str | None, *, sync: bool, log: Path) -> None:
    """Run initdb; collation and encoding are the built-in ones, so order is the same on every machine."""
    argv = [str(BINARIES / "initdb"), "-D", str(data), "-U", SUPERUSER, f"--pwfile={secret}"]
    argv += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    argv += ["--locale=C", "--data-checksums", *([] if sync else ["--no-sync"])]
    child = Child(Command(name="initdb", argv=argv, log=log, environment=_environment(), cwd=data, user=account))
    if not child.wait(INIT_TIMEOUT_S) or child.exit_code != 0:
        child.kill()
        raise Fatal(f"PostgreSQL's directory could not be made: {tail(log)}. Log: {log}")


def _environment() -> dict[str, str]:
    """Give the little that the server may see of ours: no PG* variable, no foreign library path."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _remove(directory: Path) -> None:
    if directory.exists():
        subprocess.run(["/bin/rm", "-rf", str(directory)], check=True)
