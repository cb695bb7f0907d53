"""Deliveries as the log recorded them: found by id or position, each the caller's own or nobody's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from tocsin_contracts.delivery import DeliveryEnvelope, delivery_envelope
from tocsin_contracts.envelope import Kind, kind_of
from tocsin_contracts.ids import parse_delivery_id
from tocsin_contracts.position import Position
from tocsin_contracts.problem import ProblemType
from tocsin_contracts.topics import LOG
from tocsin_control.directory import Directory
from tocsin_ingest.answers import not_found, unavailable
from tocsin_ingest.ports import Bodies
from tocsin_runtime.errors import Invalid, Recoverable
from tocsin_runtime.http import Problem
from tocsin_runtime.log import Record


class Recorded(NamedTuple):
    """One delivery of the log."""

    position: Position
    body: bytes
    envelope: DeliveryEnvelope


class RecordedDeliveries:
    """Reads deliveries of the log, a bounded number at the same time."""

    def __init__(self, *, directory: Callable[[], Directory | None], reader: Bodies, at_once_max: int, deadline_s: float) -> None:
        self._directory = directory
        self._reader = reader
        self._at_once = asyncio.Semaphore(at_once_max)
        self._deadline_s = deadline_s

    def place(self, tenant: str, delivery: str) -> Position:
        """Find the position that an id names; an id of another tenant names nothing.

        Raises:
            Problem: 404.
        """
        try:
            position = parse_delivery_id(tenant, delivery)
        except ValueError:
            raise not_found() from None
        directory = self._directory()
        entry = None if directory is None else directory.tenant(tenant)
        if entry is None or entry.partition != position.partition:
            raise not_found()
        return position

    async def read(self, tenant: str, position: Position) -> Recorded:
        """Read one delivery.

        Raises:
            Problem: 404 for another tenant's, an unknown one, or what is no delivery; 410 once retention took it; 503.
        """
        try:
            async with asyncio.timeout(self._deadline_s), self._at_once:
                record = await self._read(position)
        except (TimeoutError, Recoverable) as error:
            raise unavailable("The log does not answer. Try again.") from error
        return recorded(tenant, position, record)

    async def _read(self, position: Position) -> Record:
        try:
            records = await self._reader.read(LOG, position.partition, position.offset, max_records=1)
        except Invalid:
            bounds = await self._reader.bounds(LOG, position.partition)
            if position.offset < bounds.earliest:
                detail = "The log no longer holds this body: its retention has passed."
                raise Problem(410, detail, type=ProblemType.GONE) from None
            raise not_found() from None
        if not records or records[0].offset != position.offset:
            raise not_found()
        return records[0]


def recorded(tenant: str, position: Position, record: Record) -> Recorded:
    """Read whose record it is; the id's hash is 40 bits, the record's own word is the wall.

    Raises:
        Problem: 404.
    """
    if record.offset != position.offset or kind_of(record.headers) != Kind.DELIVERY:
        raise not_found()
    try:
        envelope = delivery_envelope(record.headers)
    except ValueError:
        raise not_found() from None
    if envelope.tenant != tenant:
        raise not_found()
    return Recorded(position, record.value, envelope)
