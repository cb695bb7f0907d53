"""Start everything, stay, stop everything: the body of `tocsin up` and `tocsin demo`."""

import asyncio
import fcntl
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from tocsin.local.bootstrap import prepare
from tocsin.local.display import Display
from tocsin.local.home import Home, make_home
from tocsin.local.ports import claim_ports
from tocsin.local.record import UpRecord, end_orphans, read_record, remove_record, running, write_record
from tocsin.local.supervisor import Supervisor
from tocsin.local.system import (
    Servers,
    System,
    external_system,
    forwarder_unit,
    own_servers,
    own_system,
    service_units,
)
from tocsin.local.unit import Unit
from tocsin.rebuilding import Place, rebuild_if_needed
from tocsin_control.bootstrap import Role
from tocsin_control.master_key import load_or_create_master_key
from tocsin_runtime.errors import Fatal

Work = Callable[[System, Display], Awaitable[None]]
"""What somebody wants to do with the running system; cancelled by Ctrl-C."""


def run_system(*, work: Work | None = None, external: bool = False, stay: bool = True, services: bool = True) -> int:
    """Start a whole Tocsin in the home directory, do `work`, stay until Ctrl-C or SIGTERM, stop everything.

    Args:
        work: done once everything is ready; its error ends the system and is raised.
        external: use Kafka and PostgreSQL of the environment instead of our own.
        stay: with False, stop as soon as `work` is done.
        services: with False, start our own servers only, for work on what they hold.

    Returns:
        The exit code, 0 after a clean stop.

    Raises:
        TocsinError: it cannot start (or another one runs here); nothing is left running.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        # Also where a shell had us ignore Ctrl-C, as it does for what it starts in the background.
        signal.signal(number, signal.default_int_handler)
    display = Display()
    home = make_home()
    try:
        with only_one(home):
            _end_leftovers(home, display)
            load_or_create_master_key(home.master_key)
            ports = claim_ports(home)
            # Downloads and training come before the event loop: an interrupt then simply ends them.
            servers = None if external else own_servers(home, ports, display.progress)
            if servers is not None:
                servers.prepare()
            system = external_system(home, ports) if servers is None else own_system(home, ports, servers)
            asyncio.run(Up(system, servers, display, services=services).run(work, stay=stay))
            remove_record(home)
        return 0
    finally:
        display.failed()


@contextmanager
def only_one(home: Home) -> Iterator[None]:
    """Hold the home's lock for as long as this process lives; the system frees it even after kill -9.

    Raises:
        Fatal: another `up` runs here.
    """
    with home.lock.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            record = read_record(home)
            where = f" at {record.public_url} (process {record.up.pid})" if record is not None else ""
            raise Fatal(f"a Tocsin runs here already{where}. Stop it: tocsin down") from None
        yield


class Up:
    """One run of a whole system."""

    def __init__(self, system: System, servers: Servers | None, display: Display, *, services: bool) -> None:
        self._system = system
        self._display = display
        self._supervisor = Supervisor(display.line, self._record)
        self._servers: tuple[Unit, ...] = () if servers is None else servers.units()
        self._services = service_units(system) if services else ()
        self._forwarder = forwarder_unit(system)
        self._told = asyncio.Event()

    async def run(self, work: Work | None, *, stay: bool) -> None:
        """Start, work, stay, stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._tell)
        self._record()
        try:
            if await self._unless_told(self._start()) and work is not None:
                await self._unless_told(work(self._system, self._display))
            if stay and not self._told.is_set():
                self._display.done()
                self._display.line("Ctrl-C stops everything and keeps the data.")
                await self._told.wait()
        except BaseException:
            self._display.failed()
            raise
        finally:
            await self._stop()

    async def _start(self) -> None:
        if self._servers:
            self._display.step("Starting PostgreSQL 18 and Apache Kafka 4.3")
            for unit in self._servers:
                self._supervisor.begin(unit)
            await self._supervisor.wait_ready(self._servers)
        self._display.step("Preparing database and topics")
        system = self._system
        await prepare(system.kafka, system.admin_dsn, system.database, system.passwords, system.owner_dsn)
        if not self._services:
            self._display.done()
            return
        await rebuild_if_needed(Place.at(kafka=system.kafka, dsn=system.dsns[Role.GROUPER]), self._display)
        self._display.step("Starting ingest, normalizer, grouper and query")
        for unit in (*self._services, self._forwarder):
            self._supervisor.begin(unit)
        await self._supervisor.wait_ready((*self._services, self._forwarder))
        self._display.done()
        self._display.line(f"Tocsin answers at {system.public_url}")

    async def _unless_told(self, work: Awaitable[None]) -> bool:
        """Do `work`, but drop it when told to stop; tell whether it was done."""
        task = asyncio.ensure_future(work)
        told = asyncio.ensure_future(self._told.wait())
        try:
            await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled():
            return False
        task.result()
        return True

    async def _stop(self) -> None:
        """Stop in order: who still writes first, then the address, then what they wrote to."""
        self._told.set()
        self._display.failed()  # what Ctrl-C cut short was not done
        self._display.step("Stopping")
        await self._supervisor.stop(self._services)
        await self._supervisor.stop([self._forwarder])
        for unit in self._servers:
            await self._supervisor.stop([unit])
        self._display.done()

    def _tell(self) -> None:
        if self._told.is_set():
            self._supervisor.hurry()
        self._told.set()

    def _record(self) -> None:
        record = UpRecord(
            up=running("up", os.getpid()),
            public_url=self._system.public_url,
            external=not self._servers,
            children=self._supervisor.running(),
        )
        write_record(self._system.home, record)


def _end_leftovers(home: Home, display: Display) -> None:
    """End what an `up` that was killed left running; with the lock held, whatever is recorded is a leftover."""
    record = read_record(home)
    if record is None:
        return
    found = end_orphans(record)
    if found:
        display.line(f"Ended what the last run left: {', '.join(found)}")
    remove_record(home)
