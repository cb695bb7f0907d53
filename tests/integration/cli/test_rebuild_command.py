"""`tocsin rebuild` by hand: without --yes it loses nothing, says what would be lost, and ends with 2."""

import asyncio
import os
import sys
from dataclasses import dataclass

import orjson

from tests.support.grouping import a_day_in_the_life, dump, handler_on
from tests.support.images import entry_of, records_of
from tests.support.migrated import MigratedDatabase
from tests.support.servers import OwnKafka
from tocsin_contracts.topics import ALERTS
from tocsin_control.bootstrap import Role
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import TopicSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int | None
    out: str
    err: str


async def tocsin(*arguments: str, kafka: str, dsn: str) -> Ended:
    environment = {**os.environ, "TOCSIN_KAFKA": kafka, "TOCSIN_POSTGRES": dsn}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tocsin",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(code=process.returncode, out=out.decode(), err=err.decode())


async def test_a_rebuild_that_would_lose_incidents_ends_with_2_and_changes_nothing(
    migrated: MigratedDatabase, own_kafka: OwnKafka
) -> None:
    """Retention has taken the first image: what it opened cannot be made again, so a person decides by --yes."""
    folding = a_day_in_the_life()
    log = KafkaLog(own_kafka.bootstrap)
    admin, writer = log.admin(), log.writer(ALERTS)
    await admin.start()
    await admin.ensure_topics([TopicSpec(name=ALERTS, partitions=1, config={})])
    await writer.start()
    await writer.write(0, [entry_of(record) for record in folding.records])
    await writer.close()
    await admin.truncate(ALERTS, 0, 1)
    await admin.close()
    connection = await migrated.grouper()
    await (await handler_on(connection)).handle(records_of(folding.records))
    before = await dump(connection)

    place = {"kafka": own_kafka.bootstrap, "dsn": migrated.dsn_of(Role.GROUPER)}
    first = folding.incidents()[0].id
    refused = await tocsin("rebuild", **place)
    assert (refused.code, refused.out) == (2, "")
    assert first in refused.err
    assert "tocsin rebuild --yes" in refused.err
    as_json = await tocsin("rebuild", "--json", **place)
    assert as_json.code == 2
    answer = orjson.loads(as_json.out)
    assert not answer["rebuilt"]
    assert first in answer["would_lose"]["examples"]
    assert await dump(connection) == before

    agreed = await tocsin("rebuild", "--yes", **place)
    assert agreed.code == 0, agreed.err
    await connection.close()
    connection = await migrated.grouper()  # a new one behind a swap
    assert await connection.fetchval("SELECT count(*) FROM proj.incidents WHERE id = $1", first) == 0
    await connection.close()
