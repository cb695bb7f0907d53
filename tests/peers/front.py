"""A real nginx with the files of deploy/nginx: only what is the operator's there (`site/`) is written anew."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.instance import TooLateError, eventually
from tests.support.servers import scratch
from tocsin.servers.child import Child, Command, tail
from tocsin.servers.free_port import free_ports

CONF = Path(__file__).parents[2] / "deploy" / "nginx"
_MISSING = "nginx is not installed; run: apt-get update && apt-get install --yes --no-install-recommends nginx"
_PROCESS = "{user}worker_processes 2;\npid {directory}/nginx.pid;\nerror_log {directory}/error.log info;\ndaemon off;\n"
_TEMPORARY = ("client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A running nginx."""

    port: int
    directory: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """Give what it logged of requests."""
        return (self.directory / "access.log").read_text("utf-8")


def nginx() -> str:
    """Find nginx; a test run without it fails and says what to run."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(_MISSING, pytrace=False)
    return found


def configure(directory: Path, upstreams: Mapping[str, str], port: int) -> Path:
    """Copy the files of deploy/nginx and write `site/` for this machine; `upstreams` are the lines of each group."""
    shutil.copytree(CONF, directory, dirs_exist_ok=True)
    user = "user root;\n" if os.geteuid() == 0 else ""
    groups = [
        f"upstream tocsin_{name} {{\n{lines}\nkeepalive 64;\nkeepalive_timeout 20s;\n}}\n" for name, lines in upstreams.items()
    ]
    places = [f"{name} {directory}/{name};\n" for name in _TEMPORARY]
    site = directory / "site"
    (site / "process.conf").write_text(_PROCESS.format(user=user, directory=directory))
    (site / "http.conf").write_text("".join([*groups, *places, f"access_log {directory}/access.log tocsin;\n"]))
    (site / "listen.conf").write_text(f"listen 127.0.0.1:{port};\nserver_name tocsin.test;\n")
    return directory / "nginx.conf"


def check(conf: Path) -> str:
    """Let nginx read a configuration; give what it said, empty where it is fine."""
    argv = [nginx(), "-t", "-q", "-p", str(conf.parent), "-c", str(conf)]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stderr


@contextmanager
def run_front(**upstreams: str) -> Iterator[Front]:
    """Run nginx in front of the groups `ingest` and `query`, each given as lines `server …;`; wait with `listening`."""
    with scratch() as directory:
        (port,) = free_ports(1)
        conf = configure(directory, upstreams, port)
        argv = (nginx(), "-p", str(directory), "-c", str(conf))
        child = Child(Command(name="nginx", argv=argv, log=directory / "nginx.log", environment={}))
        try:
            yield Front(port=port, directory=directory)
        finally:
            child.kill()


async def listening(front: Front) -> Front:
    """Wait until it listens: it writes its number once it does."""

    async def numbered() -> bool:
        return (front.directory / "nginx.pid").exists()

    try:
        await eventually(numbered, what="nginx listens")
    except TooLateError as error:
        raise TooLateError(f"{error}: {tail(front.directory / 'nginx.log', 5)}") from error
    return front
