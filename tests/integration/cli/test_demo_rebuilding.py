"""Before `up` starts the grouper, the projection is this release's: left alone, made, or made anew; never at a loss."""

import io

import pytest
from rich.console import Console

from tests.support.folding import Folding
from tests.support.grouping import a_day_in_the_life, dump, handler_on
from tests.support.images import entry_of, records_of
from tests.support.migrated import MigratedDatabase
from tocsin.local.display import Display
from tocsin.rebuilding import Place, find_difference, rebuild_if_needed
from tocsin_contracts.topics import ALERTS
from tocsin_grouper.adapters import guard, schema
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.memory_log import MemoryLog

OTHER_FOLD = "UPDATE control.projection SET fold_version = 0 WHERE generation = 'live'"


def place_of(folding: Folding, migrated: MigratedDatabase) -> tuple[Place, MemoryLog]:
    log = MemoryLog(ManualClock(), {ALERTS: 1})
    log.store(ALERTS, 0, [entry_of(record) for record in folding.records])
    return Place(log=log, connect=migrated.grouper), log


def display() -> tuple[Display, io.StringIO]:
    out = io.StringIO()
    return Display(Console(file=out, width=200)), out


async def test_an_empty_database_gets_a_projection_and_nothing_is_said(migrated: MigratedDatabase) -> None:
    place, _ = place_of(Folding(), migrated)
    shown, out = display()
    await rebuild_if_needed(place, shown)
    await rebuild_if_needed(place, shown)
    assert out.getvalue() == ""
    connection = await migrated.grouper()
    assert await schema.exists(connection)
    await connection.close()


async def test_a_projection_of_another_fold_is_made_anew_with_the_same_rows(migrated: MigratedDatabase) -> None:
    folding = a_day_in_the_life()
    place, _ = place_of(folding, migrated)
    connection = await migrated.grouper()
    await (await handler_on(connection)).handle(records_of(folding.records))
    before = await dump(connection)
    await connection.execute(OTHER_FOLD)
    shown, out = display()
    await rebuild_if_needed(place, shown)
    assert await dump(connection) == before
    assert await find_difference(place) is None
    assert f"Rebuilt from {len(folding.records)} records: {len(folding.incidents())} incidents" in out.getvalue()
    await connection.close()


async def test_a_rebuild_that_would_lose_incidents_stops_and_names_the_command(migrated: MigratedDatabase) -> None:
    """Retention has taken the first images: what they opened cannot be made again, so a person decides."""
    folding = a_day_in_the_life()
    place, log = place_of(folding, migrated)
    connection = await migrated.grouper()
    await (await handler_on(connection)).handle(records_of(folding.records))
    await connection.execute(OTHER_FOLD)
    await log.admin().truncate(ALERTS, 0, 1)
    before = await dump(connection)
    with pytest.raises(Fatal, match="tocsin rebuild --yes"):
        await rebuild_if_needed(place, display()[0])
    assert await dump(connection) == before
    with pytest.raises(guard.ProjectionDiffers):
        await guard.ensure(connection)
    await connection.close()
