"""Three brokers, copies on each: the death of a leader costs waiting, and nothing else."""

import asyncio
import secrets

from tests.integration.runtime.traffic import PARTITIONS, Traffic, stored
from tocsin.servers.kafka import Cluster
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import TopicSpec


async def test_the_death_of_a_leader_loses_and_doubles_nothing(kafka_cluster: Cluster) -> None:
    log = KafkaLog(kafka_cluster.bootstrap)
    topic = f"cluster-{secrets.token_hex(4)}"
    admin = log.admin()
    await admin.start()
    copies = {"min.insync.replicas": "2"}
    await admin.ensure_topics([TopicSpec(name=topic, partitions=PARTITIONS, replication=3, config=copies)])
    appender = log.appender(topic)
    await appender.start()
    traffic = Traffic(appender)
    traffic.start()
    await traffic.until_acked(300)
    await asyncio.to_thread(kafka_cluster.brokers[0].kill)
    await traffic.until_acked(3_000)
    await traffic.stop()
    await appender.close()
    await admin.close()
    traffic.assert_kept(await stored(kafka_cluster.bootstrap, topic))
