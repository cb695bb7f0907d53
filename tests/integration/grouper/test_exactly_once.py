"""Exactly once comes from PostgreSQL: what the grouper accepts, what it refuses, and who may write (DESIGN 3)."""

import pytest

from tests.support.folding import Folding, firing
from tests.support.grouping import a_day_in_the_life, dump, handler_on
from tests.support.images import records_of
from tests.support.migrated import MigratedDatabase
from tocsin_contracts.envelope import SourceStamp, image_headers
from tocsin_contracts.position import Position
from tocsin_runtime.errors import Fatal
from tocsin_runtime.fence import Fenced
from tocsin_runtime.log import Record


async def test_a_lower_offset_is_a_repeat_whatever_release_wrote_it(migrated: MigratedDatabase) -> None:
    """First write wins: the same log record imaged again by another release, with another content, changes nothing."""
    folding = Folding()
    folding.deliver(firing("a"))
    first = records_of(folding.records)
    other = Folding()
    other.deliver(firing("b", title="as another release would map it"))
    repeat = records_of(other.records, first=1)[0]
    repeat = repeat._replace(headers=image_headers("delivery", SourceStamp(Position(0, 0), repeat.appended_at_ms, "2")))
    folding.wait(1).deliver(firing("c", problem="Disk"))
    last = records_of(folding.records[1:], first=2)
    connection = await migrated.grouper()
    handler = await handler_on(connection)
    changes = await handler.handle([*first, repeat, *last])
    assert changes.records == 2
    assert handler.claim.next == 3
    assert handler.claim.source_next == 2
    titles = await connection.fetch("SELECT title FROM proj.incidents ORDER BY title")
    assert [row["title"] for row in titles] == ["Alert a", "Alert c"]
    await connection.close()


async def test_a_gap_is_fatal_and_writes_nothing(migrated: MigratedDatabase) -> None:
    """A missing record is never skipped: the grouper stops and says what to do."""
    folding = a_day_in_the_life()
    records = records_of(folding.records)
    connection = await migrated.grouper()
    handler = await handler_on(connection)
    await handler.handle(records[:3])
    before = await dump(connection)
    with pytest.raises(Fatal, match=r"jump from 3 to 4.*rebuild"):
        await handler.handle(records[4:6])
    with pytest.raises(Fatal, match="jump from 3 to 5"):
        await handler.handle([records[2], records[5]])
    assert await dump(connection) == before
    await connection.close()


async def test_the_first_image_of_an_empty_projection_must_be_the_first_record(migrated: MigratedDatabase) -> None:
    """A projection that starts in the middle of the log would silently lack what came before."""
    folding = a_day_in_the_life()
    connection = await migrated.grouper()
    handler = await handler_on(connection)
    with pytest.raises(Fatal, match="jump from 0 to 2"):
        await handler.handle(records_of(folding.records)[2:4])
    await connection.close()


@pytest.mark.parametrize("kind", ["tenant-erased", "something-newer", ""])
async def test_an_unknown_record_type_is_fatal(migrated: MigratedDatabase, kind: str) -> None:
    """Consumers are upgraded first: a record that this release does not know is never passed over."""
    connection = await migrated.grouper()
    handler = await handler_on(connection)
    headers = image_headers(kind, SourceStamp(Position(0, 0), 1, "9"))
    with pytest.raises(Fatal, match="upgrade"):
        await handler.handle([Record(0, 0, 1, None, b"{}", headers)])
    await connection.close()


async def test_of_two_owners_one_writes_each_record_once(migrated: MigratedDatabase) -> None:
    """The one that claimed before is fenced at its next batch, whatever it holds in memory; no row is written twice."""
    folding = a_day_in_the_life()
    records = records_of(folding.records)
    one, two = await migrated.grouper(), await migrated.grouper()
    first = await handler_on(one)
    await first.handle(records[:5])
    second = await handler_on(two)
    with pytest.raises(Fenced):
        await first.handle(records[5:9])
    await second.handle(records[5:9])
    third = await handler_on(one)
    with pytest.raises(Fenced):
        await second.handle(records[9:12])
    await third.handle(records[9:])
    rows = await one.fetch('SELECT "offset" FROM proj.deliveries ORDER BY 1')
    offsets = [row["offset"] for row in rows]
    assert len(offsets) == len(set(offsets))
    expected = {incident.id: incident.version for incident in folding.incidents()}
    found = await one.fetch("SELECT id, version FROM proj.incidents")
    assert {row["id"]: row["version"] for row in found} == expected
    await one.close()
    await two.close()


async def test_a_batch_is_written_whole_or_not_at_all(migrated: MigratedDatabase) -> None:
    """Rows and progress commit together: a batch whose last statement fails leaves neither."""
    folding = a_day_in_the_life()
    records = records_of(folding.records)
    connection = await migrated.grouper()
    handler = await handler_on(connection)
    await handler.handle(records[:4])
    before = await dump(connection)
    await connection.execute("ALTER TABLE proj.partitions ADD CONSTRAINT broken CHECK (last_offset < 6) NOT VALID")
    with pytest.raises(Exception, match="broken"):
        await handler.handle(records[4:])
    assert await dump(connection) == before
    assert await connection.fetchval("SELECT source_next FROM control.progress") == 4
    await connection.close()
