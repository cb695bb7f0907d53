"""One session of aiokafka's idempotent producer, handed whole batches, and ended for certain.

What aiokafka does that this module is built around (measured, `docs/adr`):

- An idempotent send never times out and is retried for ever; a producer that is merely forgotten goes on writing.
  `close` therefore cancels its sender and every request under way.
- One refused batch desynchronises the sequence of its partition for good. Whoever sees an error closes the producer.
- A duplicate that the broker no longer remembers is reported as success at offset -1: here it is an error.
- `append(headers=…)` wants a list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from tocsin_runtime.kafka_bootstrap import closing_bootstrap
from tocsin_runtime.log import Entry
from tocsin_runtime.producer import ProducerError

OPEN_S = 5.0
REQUEST_MS = 3_000
_TROUBLE = (KafkaError, OSError, TimeoutError, AssertionError)


async def open_producer(bootstrap: str, topic: str, *, message_bytes_max: int) -> KafkaProducer:
    """Connect and wait for a producer id and the topic's leaders.

    Raises:
        ProducerError: not within `OPEN_S`, or there is no such topic.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        max_batch_size=message_bytes_max,
        max_request_size=message_bytes_max,
        linger_ms=0,
        request_timeout_ms=REQUEST_MS,
        retry_backoff_ms=50,
        metadata_max_age_ms=30_000,
    )
    session = KafkaProducer(producer, topic)
    try:
        async with asyncio.timeout(OPEN_S):
            with closing_bootstrap():
                await producer.start()
            await producer.partitions_for(topic)
    except _TROUBLE as error:
        await session.close(timeout_s=0.0)
        raise ProducerError(f"{bootstrap}, topic {topic}: {said(error)}") from error
    except asyncio.CancelledError:
        await session.close(timeout_s=0.0)
        raise
    return session


class KafkaProducer:
    """A `Producer` on one topic."""

    def __init__(self, producer: Any, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._partitions: dict[int, TopicPartition] = {}
        self._pending: set[asyncio.Future[int]] = set()
        self._requests = _follow_requests(producer)
        self._closed = False

    def lane(self, partition: int) -> int:
        """Name the broker that leads `partition`, -1 while unknown."""
        known = self._partitions.get(partition)
        if known is None:
            known = self._partitions[partition] = TopicPartition(self._topic, partition)
        leader = self._producer.client.cluster.leader_for_partition(known)
        return -1 if leader is None else int(leader)

    async def send(self, partition: int, entries: Sequence[Entry]) -> asyncio.Future[int]:
        """Hand over one batch; see `Producer.send`."""
        if self._closed:
            raise ProducerError("the producer is closed")
        try:
            await self._find(partition)
            batch = self._producer.create_batch()
            for entry in entries:
                if batch.append(timestamp=None, key=entry.key, value=entry.value, headers=list(entry.headers)) is None:
                    raise ProducerError("the batch is larger than the producer takes")
            batch.close()
            stored = await self._producer.send_batch(batch, self._topic, partition=partition)
        except (*_TROUBLE, TypeError, ValueError) as error:
            raise ProducerError(said(error)) from error
        result: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pending.add(result)
        result.add_done_callback(self._pending.discard)
        stored.add_done_callback(partial(_hand_on, result))
        return result

    async def close(self, *, timeout_s: float) -> None:
        """Let batches under way end within the bound, then drop them; see `Producer.close`."""
        self._closed = True
        if self._pending and timeout_s > 0:
            await asyncio.wait(set(self._pending), timeout=timeout_s)
        if not self._pending and await _finished(self._producer.stop(), 2.0):
            return
        for result in list(self._pending):
            if not result.done():
                result.set_exception(ProducerError("the producer was closed before the broker answered"))
        await self._abandon()

    async def _find(self, partition: int) -> None:
        """Make sure that `partition` is known; one that was just added is not, until metadata is asked anew."""
        cluster = self._producer.client.cluster
        if partition in (cluster.partitions_for_topic(self._topic) or ()):
            return
        async with asyncio.timeout(REQUEST_MS / 1000):
            await self._producer.client.force_metadata_update()
        if partition not in (cluster.partitions_for_topic(self._topic) or ()):
            raise ProducerError(f"there is no partition {partition} of {self._topic}")

    async def _abandon(self) -> None:
        """Stop all that still runs in the client, so that no batch of it is ever sent again."""
        sender = self._producer._sender  # noqa: SLF001 - no public call ends a retrying sender
        tasks = {*self._requests, *([sender.sender_task] if sender.sender_task else [])}
        for _ in range(3):  # the sender awaits its requests when cancelled, and must be told again
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=0.5)
            tasks = {task for task in tasks if not task.done()}
            if not tasks:
                break
        self._producer._closed = True  # noqa: SLF001 - else it complains about being left open
        await _finished(self._producer.client.close(), 1.0)


def said(error: BaseException) -> str:
    """Put a client error in one line."""
    text = str(error).strip() or type(error).__name__
    return "no answer in time" if isinstance(error, TimeoutError) else text.splitlines()[0][:300]


def _hand_on(result: asyncio.Future[int], stored: asyncio.Future[Any]) -> None:
    if stored.cancelled():
        if not result.done():
            result.set_exception(ProducerError("the batch was dropped"))
        return
    error = stored.exception()
    if result.done():
        return
    if error is not None:
        result.set_exception(ProducerError(f"{type(error).__name__}: {said(error)}"))
    elif stored.result() is None or stored.result().offset < 0:
        result.set_exception(ProducerError("stored, but the broker no longer knows at which offset"))
    else:
        result.set_result(stored.result().offset)


def _follow_requests(producer: Any) -> set[asyncio.Task[Any]]:
    """Keep the set of produce requests under way: aiokafka keeps them where nobody can cancel them."""
    requests: set[asyncio.Task[Any]] = set()
    sender = producer._sender  # noqa: SLF001 - see above
    send: Callable[[Any, Any], Awaitable[None]] = sender._send_produce_req  # noqa: SLF001

    async def followed(node_id: Any, batches: Any) -> None:
        task = asyncio.current_task()
        if task is not None:
            requests.add(task)
            task.add_done_callback(requests.discard)
        await send(node_id, batches)

    sender._send_produce_req = followed  # noqa: SLF001
    return requests


async def _finished(work: Any, timeout_s: float) -> bool:
    """Run `work` within the bound; say whether it ended well. Its errors are those of a connection being closed."""
    try:
        async with asyncio.timeout(timeout_s):
            await work
    except _TROUBLE:
        return False
    return True
