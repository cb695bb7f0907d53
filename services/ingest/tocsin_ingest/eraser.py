"""Writes the record that erases a tenant, once every gateway refuses it (DESIGN 3, "Erase").

`tocsin tenants erase` takes the tenant's rows out of `control` at once: within seconds no gateway accepts anything of it. What is
left is the log's business: one record in the tenant's partition, and its position in `control` for who reads from further back.
"""

from __future__ import annotations

import asyncio

import structlog

from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.position import Position
from tocsin_contracts.tenant import TenantErased, encode_tenant_erased
from tocsin_ingest.ports import Erasures
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.log import Appender, Entry

_log = structlog.get_logger()


class Eraser:
    """Looks every few seconds whether a tenant waits to be erased."""

    def __init__(self, *, erasures: Erasures, appender: Appender, every_s: float, waited_s: float) -> None:
        """Wire it; `waited_s` is longer than any gateway takes to hear of a change."""
        self._erasures = erasures
        self._appender = appender
        self._every_s = every_s
        self._waited_s = waited_s
        self._trouble: str | None = None

    async def run(self) -> None:
        """Look until cancelled; an outage of PostgreSQL or of the log is waited out."""
        while True:
            await self.look()
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Look once."""
        try:
            await self._erasures.settle(self._waited_s, self._append)
        except Recoverable as error:
            if self._trouble is None:
                _log.warning("eraser.waiting", reason=str(error))
            self._trouble = str(error)
        else:
            self._trouble = None

    async def _append(self, partition: int, record: TenantErased) -> Position:
        entry = Entry(record.tenant.encode(), encode_tenant_erased(record), log_headers(Kind.TENANT_ERASED))
        position = Position(partition, await self._appender.append(partition, entry))
        _log.info("tenant.erased", tenant_id=record.tenant, position=str(position))
        return position
