"""One table: what each request asks for, and the one place where errors become answers, lines and counts."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from aiohttp import web

from tocsin_contracts.problem import ProblemType
from tocsin_ingest.answers import answer, malformed, not_here, problem_answer, unavailable, wrong_method
from tocsin_ingest.bodies import Bodies
from tocsin_ingest.commands.dispatch import Commands
from tocsin_ingest.commands.table import find_operation
from tocsin_ingest.domain.target import Body, Commanded, Failed, Managed, Target, Webhook, find_target
from tocsin_ingest.failed.dispatch import FailedDeliveries
from tocsin_ingest.handler import Deliveries, methods_of
from tocsin_ingest.management.dispatch import Management
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Exchange, RequestLog
from tocsin_runtime.address import Addresses
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.health import Health
from tocsin_runtime.http import Problem
from tocsin_runtime.metrics import CONTENT_TYPE, Metrics

_log = structlog.get_logger()
_OFFERED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_NO_QUERY: Mapping[str, str] = {}
_PROBES = frozenset({"/-/healthy", "/-/ready", "/metrics"})
_CLIENT_GONE = 499


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderLimits:
    """Bounds of a request before anything of it is used."""

    headers_max: int
    url_max_bytes: int


class Routes:
    """Answers every request of ingest."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        commands: Commands,
        bodies: Bodies,
        failed: FailedDeliveries | None,
        management: Management | None,
        health: Health,
        registry: Metrics,
        metrics: IngestMetrics,
        request_log: RequestLog,
        addresses: Addresses,
        clock: Clock,
        limits: HeaderLimits,
    ) -> None:
        self._deliveries = deliveries
        self._commands = commands
        self._bodies = bodies
        self._failed = failed
        self._management = management
        self._health = health
        self._registry = registry
        self._metrics = metrics
        self._request_log = request_log
        self._addresses = addresses
        self._clock = clock
        self._limits = limits
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; never raises but for a client that is gone."""
        path, _, query = request.raw_path.partition("?")
        if path in _PROBES:
            return self._probe(request, path)
        exchange = self._open(request)
        status = _CLIENT_GONE
        try:
            response = await self._answer(request, path, query, exchange)
            status = response.status
        finally:
            seconds = self._clock.monotonic() - exchange.started
            self._metrics.answered(exchange.route, status)
            self._request_log.write(exchange, at=self._clock.now(), status=status, seconds=seconds)
        return response

    async def _answer(self, request: web.BaseRequest, path: str, query: str, exchange: Exchange) -> web.StreamResponse:
        """Turn every error into a problem; the only place that does."""
        try:
            return await self._dispatch(request, path, query, exchange)
        except Problem as problem:
            return problem_answer(problem, exchange.id)
        except Recoverable as error:
            _log.warning("request.unavailable", request_id=exchange.id, reason=str(error))
            return problem_answer(unavailable("A dependency does not answer. Try again."), exchange.id)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the last wall: nothing of it may reach the caller
            _log.error("request.failed", request_id=exchange.id, route=exchange.route, exc_info=error)
            detail = "This is our fault. The request id finds it in our log."
            return problem_answer(Problem(500, detail, type=ProblemType.INTERNAL), exchange.id)

    def _dispatch(
        self, request: web.BaseRequest, path: str, query: str, exchange: Exchange
    ) -> Coroutine[Any, Any, web.StreamResponse]:
        """Check path, bounds of the header, and method, in this order, then hand over."""
        target = find_target(path)
        if target is None:
            raise not_here(path)
        exchange.route = _ROUTES[type(target)]
        self._check_header(request)
        parameters: Mapping[str, str] = request.query if query else _NO_QUERY
        match target:
            case Webhook():
                if request.method == "OPTIONS":
                    return self._deliveries.permit(request, target, parameters, exchange)
                _require(request, *methods_of(target.source))
                return self._deliveries.accept(request, target, parameters, exchange)
            case Commanded():
                operation = find_operation(request.method, target.form)
                if operation is None:
                    raise not_here(path)
                return self._commands.answer(request, operation, target, parameters, exchange)
            case Body():
                _require(request, "GET", "HEAD")
                return self._bodies.give(request, target, parameters, exchange)
            case Failed():
                _require(request, "POST")
                if self._failed is None:
                    raise unavailable("This gateway cannot reach what it would send again.")
                return self._failed.answer(request, target, parameters, exchange)
            case Managed():
                if self._management is None:
                    raise unavailable("This gateway cannot reach what it would manage.")
                return self._management.answer(request, target, parameters, exchange)

    def _check_header(self, request: web.BaseRequest) -> None:
        if len(request.raw_path) > self._limits.url_max_bytes:
            raise malformed("The URL is too long.", status=414, kind=ProblemType.TOO_LARGE)
        if len(request.raw_headers) > self._limits.headers_max:
            raise malformed("There are too many header fields.", status=431, kind=ProblemType.TOO_LARGE)

    def _open(self, request: web.BaseRequest) -> Exchange:
        """Begin what the log line will say; an id offered by a proxy or sender is kept, so that logs can be joined."""
        started = self._clock.monotonic()
        headers = request.headers
        offered = headers.get("X-Request-Id")
        if offered is None or _OFFERED_ID.fullmatch(offered) is None:
            offered = f"{self._prefix}{next(self._numbers):08x}"
        address = request.remote or ""
        if "X-Forwarded-For" in headers:
            address = self._addresses.sender(address, headers.getall("X-Forwarded-For"))
        return Exchange(id=offered, started=started, address=address)

    def _probe(self, request: web.BaseRequest, path: str) -> web.Response:
        """Answer `/-/healthy`, `/-/ready` and `/metrics`; they are never forwarded to the public."""
        if request.method not in {"GET", "HEAD"}:
            return problem_answer(wrong_method("GET"), "probe")
        if path == "/-/healthy":
            return answer(200, b'{"status":"healthy"}\n', headers={})
        if path == "/metrics":
            return answer(200, self._registry.render(), headers={}, content_type=CONTENT_TYPE)
        state = self._health.readiness()
        if state.ready:
            return answer(200, b'{"status":"ready"}\n', headers={})
        body = orjson.dumps({"status": "not ready", "reasons": dict(state.reasons)})
        return answer(503, body + b"\n", headers={"Retry-After": "1"})


_ROUTES: Mapping[type[Target], str] = {
    Webhook: "webhook",
    Commanded: "command",
    Body: "body",
    Managed: "management",
    Failed: "failed",
}


def _require(request: web.BaseRequest, *methods: str) -> None:
    """Refuse another method; overriding headers are not looked at (security S07)."""
    if request.method not in methods:
        raise wrong_method(*methods)
