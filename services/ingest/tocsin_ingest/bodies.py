"""Bodies of deliveries, by position: they lie in the log and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from aiohttp import web

from tocsin_contracts.delivery import DeliveryEnvelope, delivery_envelope
from tocsin_contracts.envelope import Kind, kind_of
from tocsin_contracts.ids import parse_delivery_id
from tocsin_contracts.position import Position
from tocsin_contracts.problem import ProblemType
from tocsin_contracts.topics import LOG
from tocsin_control.directory import Directory
from tocsin_control.principal import Scope
from tocsin_ingest.answers import answer, not_found, unavailable
from tocsin_ingest.caller import Callers
from tocsin_ingest.domain.buckets import Quota, policy
from tocsin_ingest.domain.target import Body
from tocsin_ingest.limits import Limits
from tocsin_ingest.ports import Bodies as BodyReader
from tocsin_ingest.ports import Exchange
from tocsin_runtime.errors import Invalid, Recoverable
from tocsin_runtime.http import Problem
from tocsin_runtime.log import Record

_BINARY = "application/octet-stream"


class Bodies:
    """Answers `GET /deliveries/{id}/body`."""

    def __init__(
        self,
        *,
        callers: Callers,
        directory: Callable[[], Directory | None],
        reader: BodyReader,
        limits: Limits,
        quota: Quota,
        at_once_max: int,
        deadline_s: float,
    ) -> None:
        self._callers = callers
        self._directory = directory
        self._reader = reader
        self._limits = limits
        self._quota = quota
        self._at_once = asyncio.Semaphore(at_once_max)
        self._deadline_s = deadline_s

    async def give(self, request: web.BaseRequest, target: Body, query: Mapping[str, str], exchange: Exchange) -> web.Response:
        """Answer with the bytes as the log holds them, decoded once, under the sender's content type.

        Raises:
            Problem: 404 for another tenant's, an unknown one, or what is no delivery; 410 once retention took it.
        """
        principal = await self._callers.identify(request, query, Scope.DELIVERIES_READ, exchange)
        self._limits.count((policy("bodies", principal.tenant, self._quota),))
        position = self._place(principal.tenant, target.delivery)
        try:
            async with asyncio.timeout(self._deadline_s), self._at_once:
                record = await self._read(position)
        except (TimeoutError, Recoverable) as error:
            raise unavailable("The log does not answer. Try again.") from error
        envelope = _delivery_of(principal.tenant, position, record)
        exchange.size = len(record.value)
        return answer(200, record.value, content_type=_content_type(envelope.content_type), headers=_headers(target, envelope))

    def _place(self, tenant: str, delivery: str) -> Position:
        """Find the position that an id names; an id of another tenant names nothing."""
        try:
            position = parse_delivery_id(tenant, delivery)
        except ValueError:
            raise not_found() from None
        directory = self._directory()
        entry = None if directory is None else directory.tenant(tenant)
        if entry is None or entry.partition != position.partition:
            raise not_found()
        return position

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


def _delivery_of(tenant: str, position: Position, record: Record) -> DeliveryEnvelope:
    """Read whose record it is; the id's hash is 40 bits, the record's own word is the wall."""
    if record.offset != position.offset or kind_of(record.headers) != Kind.DELIVERY:
        raise not_found()
    envelope = delivery_envelope(record.headers)
    if envelope.tenant != tenant:
        raise not_found()
    return envelope


def _content_type(recorded: str) -> str:
    """Give the sender's content type where it is one line of printable ASCII; a download whatever it says."""
    return recorded if recorded and recorded.isascii() and recorded.isprintable() else _BINARY


def _headers(target: Body, envelope: DeliveryEnvelope) -> dict[str, str]:
    name = target.delivery.upper()
    return {
        "Content-Disposition": f'attachment; filename="{name}.body"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
        "X-Tocsin-Source": envelope.source,
        "X-Tocsin-Received-Encoding": envelope.encoding or "identity",
    }
