"""The demo is honest: what a gateway refuses is told, what it takes is kept, and nobody there is an error of one line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tocsin.demo import tour
from tocsin.demo.keeping import DemoIntegration, DemoTenant, read_demo
from tocsin.demo.plan import DELIVERIES, plan
from tocsin.local.display import Display
from tocsin.local.home import Home
from tocsin.streams.registry import SOURCES
from tocsin_runtime.errors import Fatal

START = 1_772_446_530_000_000


def demo(url: str) -> DemoTenant:
    integrations = {source: DemoIntegration(id=f"I{source}", secret="s" * 32) for source in SOURCES}
    return DemoTenant(url=url, tenant="T1", api_key="k", integrations=integrations, began_at=START)


@asynccontextmanager
async def gateway(refuses: str) -> AsyncIterator[str]:
    """Take everything but what one source sends."""
    taken = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal taken
        await request.read()
        if request.match_info["source"] == refuses:
            return web.json_response({"detail": "Too large for us."}, status=413)
        taken += 1
        return web.json_response({"delivery_id": f"d{taken}"}, status=202)

    app = web.Application()
    app.router.add_post("/api/v1/webhooks/{source}/{integration}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_what_is_refused_is_told_and_the_rest_is_sent_and_kept(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    async with gateway("github") as url:
        planned = plan(demo(url))
        kept, refused = await tour._send(home, demo(url), planned, Display())
    theirs = [item.name for item in planned if item.sample.source == "github"]
    assert theirs
    assert refused == [f"{name} was answered 413, not 202: Too large for us." for name in theirs]
    assert set(kept.sent) == {item.name for item in planned} - set(theirs)
    assert len(kept.sent) == DELIVERIES - len(theirs)
    assert read_demo(home) == kept


async def test_nobody_there_ends_the_demo_and_keeps_what_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour, "KNOWN_WITHIN_S", 0.0)
    home = Home(root=tmp_path)
    async with gateway("") as url:
        pass
    with pytest.raises(Fatal, match="was answered nothing, not 202"):
        await tour._send(home, demo(url), plan(demo(url)), Display())
    assert read_demo(home) == demo(url)
