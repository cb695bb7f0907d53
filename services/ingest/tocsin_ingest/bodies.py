"""Bodies of deliveries, by position: they lie in the log and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from tocsin_contracts.delivery import DeliveryEnvelope
from tocsin_control.principal import Scope
from tocsin_ingest.answers import answer
from tocsin_ingest.caller import Callers
from tocsin_ingest.domain.target import Body
from tocsin_ingest.ports import Exchange
from tocsin_ingest.recorded import RecordedDeliveries
from tocsin_runtime.buckets import Quota, policy
from tocsin_runtime.limits import Limits

_BINARY = "application/octet-stream"


class Bodies:
    """Answers `GET /deliveries/{id}/body`."""

    def __init__(self, *, callers: Callers, deliveries: RecordedDeliveries, limits: Limits, quota: Quota) -> None:
        self._callers = callers
        self._deliveries = deliveries
        self._limits = limits
        self._quota = quota

    async def give(self, request: web.BaseRequest, target: Body, query: Mapping[str, str], exchange: Exchange) -> web.Response:
        """Answer with the bytes as the log holds them, decoded once, under the sender's content type.

        Raises:
            Problem: 404 for another tenant's, an unknown one, or what is no delivery; 410 once retention took it.
        """
        principal = await self._callers.identify(request, query, Scope.DELIVERIES_READ, exchange)
        self._limits.count((policy("bodies", principal.tenant, self._quota),))
        position = self._deliveries.place(principal.tenant, target.delivery)
        found = await self._deliveries.read(principal.tenant, position)
        exchange.size = len(found.body)
        headers = _headers(target, found.envelope)
        return answer(200, found.body, content_type=_content_type(found.envelope.content_type), headers=headers)


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
