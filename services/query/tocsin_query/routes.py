"""HTTP: declared endpoints become routes; authentication, the tenant's turn, headers, one log line a request."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from tocsin_control.errors import Forbidden
from tocsin_control.principal import Principal, Scope
from tocsin_query.caller import Callers
from tocsin_query.domain.freshness import Freshness
from tocsin_query.endpoints import ENDPOINTS, Ask, Endpoint
from tocsin_query.handler import Reader
from tocsin_query.lookup import Answer
from tocsin_query.metrics import QueryMetrics
from tocsin_query.problems import explain
from tocsin_query.publishing import OPENAPI_PATH, published
from tocsin_query.turnstile import Turnstile
from tocsin_runtime.clock import Clock
from tocsin_runtime.http import request_id

_PRINCIPAL = web.RequestKey("tocsin_query_principal", Principal)
_QUIET = ("/-/", "/metrics")
_log = structlog.get_logger()
_Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The read API over whatever answers and authenticates."""

    reader: Reader
    callers: Callers
    turnstile: Turnstile
    clock: Clock
    metrics: QueryMetrics
    version: str

    def attach(self, app: web.Application) -> None:
        """Add every route and the middlewares to an application made by `tocsin_runtime.http.application`."""
        for endpoint in ENDPOINTS:
            for place in endpoint.places:
                app.router.add_get(place, self._route(endpoint), allow_head=True)
        app.router.add_get(OPENAPI_PATH, self._document(), allow_head=True)
        app.middlewares.insert(0, self._observe)
        app.middlewares.append(_explain)

    def _route(self, endpoint: Endpoint) -> _Next:
        async def answer(request: web.Request) -> web.StreamResponse:
            principal = request[_PRINCIPAL] = await self.callers.identify(request)
            _require_any(principal, endpoint.scopes)
            ask = Ask(tenant=principal.tenant, id=request.match_info.get("id", ""), query=tuple(request.query.items()))
            async with self.turnstile.passing(principal.tenant):
                found = await endpoint.answer(self.reader, ask)
            return self._response(request, found)

        return answer

    def _response(self, request: web.Request, answer: Answer) -> web.Response:
        age_s = answer.freshness.age_s(self.clock.now())
        headers = _freshness_headers(answer.freshness, age_s)
        headers |= {"Cache-Control": "no-store", "Vary": "Authorization"}
        if answer.canonical is not None:
            headers["Content-Location"] = answer.canonical
        if answer.etag is not None:
            headers |= {"ETag": answer.etag, "Cache-Control": "private, no-cache"}
            if _known(request, answer.etag.removeprefix("W/").strip('"')):
                return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        cursor = answer.body.get("next_cursor")
        if isinstance(cursor, str):
            url = request.rel_url.without_query_params("offset").update_query(cursor=cursor)
            headers["Link"] = f'<{url}>; rel="next"'
        if answer.status == HTTPStatus.ACCEPTED or answer.body.get("outcome") == "pending":
            headers["Retry-After"] = "1"
        as_of = {"position": _text(answer.freshness.position), "clock": answer.freshness.clock, "age_seconds": age_s}
        body = orjson.dumps({**answer.body, "as_of": as_of}, option=orjson.OPT_UTC_Z)
        return web.Response(status=answer.status, body=body, content_type="application/json", headers=headers)

    def _document(self) -> _Next:
        body = orjson.dumps(published(ENDPOINTS, version=self.version))
        etag = blake2b(body, digest_size=8).hexdigest()

        async def answer(request: web.Request) -> web.StreamResponse:
            headers = {"Cache-Control": "public, max-age=300", "ETag": f'"{etag}"'}
            if _known(request, etag):
                return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
            return web.Response(body=body, content_type="application/json", headers=headers)

        return answer

    @property
    def _observe(self) -> Middleware:
        @web.middleware
        async def observe(request: web.Request, handler: _Next) -> web.StreamResponse:
            started = self.clock.monotonic()
            response = await handler(request)
            if not request.path.startswith(_QUIET):
                self._record(request, response, self.clock.monotonic() - started)
            return response

        return observe

    def _record(self, request: web.Request, response: web.StreamResponse, seconds: float) -> None:
        resource = request.match_info.route.resource
        route = "none" if resource is None else resource.canonical
        self.metrics.requests.labels(route, request.method if resource else "any", response.status).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        principal = request.get(_PRINCIPAL)
        _log.info(
            "request.answered",
            request_id=request_id(request),
            method=request.method,
            route=route,
            status=response.status,
            ms=round(seconds * 1000, 2),
            tenant_id=None if principal is None else principal.tenant,
            key_id=None if principal is None else principal.key_id,
        )


@web.middleware
async def _explain(request: web.Request, handler: _Next) -> web.StreamResponse:
    """Raise what the handler raised as a problem, where it is one."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception as error:
        problem = explain(error)
        if problem is None:
            raise
        raise problem from error


def _require_any(principal: Principal, scopes: Sequence[Scope]) -> None:
    if not any(principal.allows(scope) for scope in scopes):
        raise Forbidden(scopes[0])


def _known(request: web.Request, tag: str) -> bool:
    """Tell whether If-None-Match lists the tag; weak comparison, as RFC 9110 asks for reads."""
    return any(each.value in {tag, "*"} for each in request.if_none_match or ())


def _freshness_headers(freshness: Freshness, age_s: float | None) -> dict[str, str]:
    named: Iterable[tuple[str, object]] = (("Tocsin-Position", freshness.position), ("Tocsin-Age", age_s))
    return {name: str(value) for name, value in named if value is not None}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
