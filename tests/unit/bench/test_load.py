"""The load's client, against a server that answers as the gateway does."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from bench import bare, load, traffic


async def _put(order: dict[str, Any]) -> dict[str, Any]:
    return await load.run(order)


async def test_every_request_is_sent_once_and_its_answer_counted(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    async def keep(request: web.BaseRequest) -> web.Response:
        bodies.append(await request.read())
        return await bare.answer(request)

    runner = web.ServerRunner(web.Server(keep))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    wanted = list(traffic.stream(50))
    requests = [load.request(url, "/api/v1/webhooks/alertmanager/i", {"X-Test": "1"}, body) for body in wanted]
    load.order(tmp_path / "order", url=url, requests=requests, connections=4, seconds=None)

    async with asyncio.timeout(30):
        answer = await _put(orjson.loads((tmp_path / "order").read_bytes()))
    await runner.cleanup()

    assert sorted(bodies) == sorted(wanted)
    assert answer["sent"] == answer["answered"] == answer["accepted"] == 50
    assert answer["statuses"] == {"202": 50}
