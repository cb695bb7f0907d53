"""The handler on real PostgreSQL: what the fold decided is what the rows say, whatever the batches were."""

from tests.support.grouping import a_day_in_the_life, dump, handler_on
from tests.support.images import records_of
from tests.support.migrated import MigratedDatabase


async def test_rows_are_the_same_whatever_the_batch_size(migrated: MigratedDatabase) -> None:
    """P5: batches of 1, 7 and 500, each on a cold cache, leave the same rows in every table, byte for byte."""
    records = records_of(a_day_in_the_life().records)
    dumps = []
    for size in (1, 7, 500):
        connection = await migrated.grouper()  # a new one for each projection, as behind a swap
        await connection.execute(
            "DROP SCHEMA IF EXISTS proj CASCADE; DELETE FROM control.progress; DELETE FROM control.projection"
        )
        for start in range(0, len(records), size):
            handler = await handler_on(connection)  # cold each time: nothing is remembered but the rows
            await handler.handle(records[start : start + size])
        dumps.append(await dump(connection))
        await connection.close()
    assert dumps[0] == dumps[1] == dumps[2]
    assert all(rows for table, rows in dumps[0].items() if "_2" not in table), "a day in the life touches every table"


async def test_rows_say_what_the_fold_decided(migrated: MigratedDatabase) -> None:
    """Each incident's row equals the incident that the in-memory fold holds, and its facts are gapless (P3)."""
    folding = a_day_in_the_life()
    connection = await migrated.grouper()
    handler = await handler_on(connection)
    await handler.handle(records_of(folding.records))
    rows = {row["id"]: row for row in await connection.fetch("SELECT * FROM proj.incidents")}
    versions = await connection.fetch(
        'SELECT incident_id, array_agg(version ORDER BY partition, "offset", seq) AS versions FROM proj.facts GROUP BY 1'
    )
    await connection.close()
    expected = {incident.id: incident for incident in folding.incidents()}
    columns = (
        "status",
        "severity",
        "version",
        "revision",
        "alert_count",
        "firing_count",
        "event_count",
        "last_alert_at",
        "updated_at",
    )
    assert {name: [row[c] for c in columns] for name, row in rows.items()} == {
        name: [getattr(incident, c) for c in columns] for name, incident in expected.items()
    }
    assert {row["incident_id"]: row["versions"] for row in versions} == {
        name: list(range(1, incident.version + 1)) for name, incident in expected.items()
    }
