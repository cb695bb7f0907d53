"""What `rebuild` and `verify` share: where the projection is, with its servers started if nothing runs here."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tocsin.local.display import Display
from tocsin.local.home import find_home
from tocsin.local.record import read_record
from tocsin.local.system import System, find_system
from tocsin.local.up import run_system
from tocsin.rebuilding import Place
from tocsin_control.bootstrap import Role
from tocsin_runtime.errors import Fatal

T = TypeVar("T")


def at_projection(work: Callable[[Place], Awaitable[T]]) -> T:
    """Do `work` where the projection is, and give its result.

    That is `TOCSIN_POSTGRES` (the grouper's DSN) with `TOCSIN_KAFKA`; else the Tocsin of this directory. If that does not
    run, its servers are started for the work and stopped again, without the services.

    Raises:
        TocsinError: one line for the person.
        KeyboardInterrupt: stopped before the work was done.
    """
    kafka, dsn = os.environ.get("TOCSIN_KAFKA"), os.environ.get("TOCSIN_POSTGRES")
    if kafka and dsn:
        return asyncio.run(_done(work, Place.at(kafka=kafka, dsn=dsn)))
    system = find_system()
    external = bool(kafka and os.environ.get("TOCSIN_ADMIN_POSTGRES"))
    record = read_record(find_home())
    if record is not None and record.up.process() is not None:
        if record.external and not external:
            raise Fatal("this Tocsin runs with --external: name its servers again in TOCSIN_KAFKA and TOCSIN_ADMIN_POSTGRES")
        return asyncio.run(_done(work, place_of(system)))
    if external:
        return asyncio.run(_done(work, place_of(system)))
    return _on_own_servers(work)


def place_of(system: System) -> Place:
    """Give the place of a system's projection."""
    return Place.at(kafka=system.kafka, dsn=system.dsns[Role.GROUPER])


def _on_own_servers(work: Callable[[Place], Awaitable[T]]) -> T:
    results: list[T] = []

    async def keep(system: System, _display: Display) -> None:
        results.append(await work(place_of(system)))

    run_system(work=keep, stay=False, services=False)
    if not results:
        raise KeyboardInterrupt
    return results[0]


async def _done(work: Callable[[Place], Awaitable[T]], place: Place) -> T:
    return await work(place)
