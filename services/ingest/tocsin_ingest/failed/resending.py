"""Sending a failed delivery again: a new record of the log with the same bytes (DESIGN 3, "Redrive")."""

from __future__ import annotations

from collections.abc import Callable

from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.position import Position
from tocsin_control.directory import Directory
from tocsin_ingest.answers import not_found
from tocsin_ingest.domain.redrive import redriven
from tocsin_ingest.recorded import Recorded, RecordedDeliveries
from tocsin_runtime.log import Appender, Entry


class Resender:
    """Appends redrives."""

    def __init__(self, *, directory: Callable[[], Directory | None], deliveries: RecordedDeliveries, appender: Appender) -> None:
        self._directory = directory
        self._deliveries = deliveries
        self._appender = appender

    async def original(self, tenant: str, position: Position) -> Recorded:
        """Read the delivery that is to be sent again: of a redrive that failed, the one that it sent again.

        Else both could succeed, and a delivery without a sender's id would count twice.

        Raises:
            Problem: 404, 410, 503.
        """
        found = await self._deliveries.read(tenant, position)
        root = found.envelope.redrives()
        if root is None:
            return found
        if root.partition != position.partition:
            raise not_found()
        return await self._deliveries.read(tenant, root)

    async def resend(self, original: Recorded, *, request_id: str) -> Position:
        """Append the delivery once more; the fold decides whether it counts.

        Raises:
            Recoverable: maybe appended.
            AppendTooLarge: the envelope grew beyond what a record holds.
        """
        directory = self._directory()
        integration = None if directory is None else directory.integration(original.envelope.integration)
        version = None if integration is None else integration.version
        envelope = redriven(original.envelope, original.position, integration_version=version, request_id=request_id)
        entry = Entry(envelope.tenant.encode(), original.body, log_headers(Kind.DELIVERY, envelope.encode()))
        offset = await self._appender.append(original.position.partition, entry)
        return Position(original.position.partition, offset)
