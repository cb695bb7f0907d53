"""What every service's HTTP side shares: the application with its probes, its problems and its server.

`Problem`, `problem_response`, `request_id` and `HttpServer` may be imported from here.
"""

from __future__ import annotations

from aiohttp import web

from tocsin_runtime.health import Health
from tocsin_runtime.http_server import HttpServer
from tocsin_runtime.metrics import CONTENT_TYPE, Metrics
from tocsin_runtime.problem import PROBLEM_JSON, Problem, finish_headers, problem_response, problems, request_id

__all__ = ["PROBLEM_JSON", "HttpServer", "Problem", "application", "problem_response", "problems", "request_id"]

_HEALTHY = b'{"status":"healthy"}\n'
_READY = b'{"status":"ready"}\n'


def application(*, health: Health, metrics: Metrics, body_max: int = 1 << 20) -> web.Application:
    """Make an application with the probes, the metrics page and the problem middleware.

    Args:
        health: asked by `/-/healthy` and `/-/ready`.
        metrics: rendered by `/metrics`; malformed requests are counted in it.
        body_max: bytes of a body after which reading it is a 413.
    """
    app = web.Application(middlewares=[problems], client_max_size=body_max)
    app.on_response_prepare.append(finish_headers)

    async def healthy(_request: web.Request) -> web.Response:
        return web.Response(body=_HEALTHY, content_type="application/json")

    async def ready(request: web.Request) -> web.Response:
        state = health.readiness()
        if state.ready:
            return web.Response(body=_READY, content_type="application/json")
        detail = "; ".join(f"{name}: {reason}" for name, reason in state.reasons.items())
        return problem_response(request, Problem(503, detail, members={"reasons": dict(state.reasons)}))

    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    app.router.add_get("/-/healthy", healthy)
    app.router.add_get("/-/ready", ready)
    app.router.add_get("/metrics", page)
    return app
