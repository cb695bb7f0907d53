"""Whoever is stopped while connecting to Kafka leaves no connection open: it is closed, not left to the garbage collector.

A connection that the collector has to close is a `ResourceWarning`, and here every warning fails the test.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tocsin_runtime.kafka_admin import KafkaAdmin
from tocsin_runtime.kafka_client import KafkaClient
from tocsin_runtime.kafka_group import KafkaGroupReader
from tocsin_runtime.kafka_producer import open_producer
from tocsin_runtime.log import ReadFailed

METADATA = struct.pack(">hhh", 3, 0, 0)


class SilentBroker:
    """A broker that says which requests it knows, is asked for metadata, and never answers."""

    def __init__(self) -> None:
        self.address = ""
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the first request of a connection; wait until the client leaves."""
        [size] = struct.unpack(">i", await reader.readexactly(4))
        correlation = (await reader.readexactly(size))[4:8]
        answer = correlation + struct.pack(">hi", 0, 1) + METADATA
        writer.write(struct.pack(">i", len(answer)) + answer)
        await reader.readexactly(4)
        self.asked.set()
        await reader.read()
        writer.close()
        self.left.set()


@asynccontextmanager
async def silent_broker() -> AsyncIterator[SilentBroker]:
    broker = SilentBroker()
    server = await asyncio.start_server(broker.talk, "127.0.0.1", 0)
    broker.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield broker


async def client(address: str) -> None:
    await KafkaClient(address).start()


async def admin(address: str) -> None:
    await KafkaAdmin(address).start()


async def producer(address: str) -> None:
    await open_producer(address, "t", message_bytes_max=1000)


async def member(address: str) -> None:
    reader = KafkaGroupReader(address, "t", "g")
    try:
        await reader.start()
    finally:
        await reader.close()


@pytest.mark.parametrize("start", [client, admin, producer, member])
async def test_who_is_cancelled_while_connecting_closes_the_connection(start: Callable[[str], Awaitable[None]]) -> None:
    async with silent_broker() as broker:
        starting = asyncio.ensure_future(start(broker.address))
        await broker.asked.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        await asyncio.wait_for(broker.left.wait(), 10)  # generous: it is closed at once, or never


async def test_who_waits_for_no_longer_closes_the_connection() -> None:
    async with silent_broker() as broker:
        with pytest.raises(ReadFailed, match="no answer in time"):
            await KafkaClient(broker.address, answer_s=0.2).start()
        await asyncio.wait_for(broker.left.wait(), 10)  # generous: it is closed at once, or never
