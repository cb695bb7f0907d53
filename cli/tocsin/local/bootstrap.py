"""From empty servers to ones that the services can use: database, roles, migrations, topics."""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from tocsin_contracts.topics import ALERTS, DEFAULT_PARTITIONS, LOG, TOPIC_CONFIGS
from tocsin_control.bootstrap import ensure_database, ensure_roles, migrate_control
from tocsin_control.tenants import record_partitions, recorded_partitions
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import TopicSpec
from tocsin_runtime.postgres import close, connect

DATABASE = "tocsin"


async def prepare(kafka: str, admin_dsn: str, database: str, passwords: Mapping[str, str], owner_dsn: str) -> None:
    """Make what is missing of database, roles, `control` and topics; safe to run again.

    Raises:
        Recoverable: a server does not answer.
        Fatal: one refuses us.
    """
    await ensure_database(admin_dsn, database)
    await ensure_roles(admin_dsn, database, passwords)
    await migrate_control(owner_dsn)
    connection = await connect(owner_dsn, application="tocsin up")
    try:
        wanted = await recorded_partitions(connection) or DEFAULT_PARTITIONS
        there = await prepare_topics(kafka, wanted)
        if there != await recorded_partitions(connection):
            await record_partitions(connection, there)
    finally:
        await close(connection)


async def prepare_topics(kafka: str, partitions: int) -> int:
    """Make the topics with their settings and at least so many partitions; give how many both have.

    `alerts` comes first: what the log gets must have a place.
    """
    admin = KafkaLog(kafka).admin()
    try:
        await admin.start()
        await admin.ensure_topics([topic_spec(ALERTS, partitions), topic_spec(LOG, partitions)])
        return min((await admin.describe(ALERTS)).partitions, (await admin.describe(LOG)).partitions)
    finally:
        await admin.close()


def topic_spec(topic: str, partitions: int) -> TopicSpec:
    """Describe `topic` as it should be."""
    return TopicSpec(name=topic, partitions=partitions, config=TOPIC_CONFIGS[topic])


def database_of(dsn: str) -> str:
    """Give the database that `dsn` names, or ours if it names none."""
    return unquote(urlsplit(dsn).path.lstrip("/")) or DATABASE
