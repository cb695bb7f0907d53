"""The gateway's floor, `python -m bench.bare PORT application|server`: read the body, answer 202, keep nothing.

`application` is aiohttp as everybody uses it, with its router; `server` is its low-level server without one.
"""

import asyncio
import sys

import uvloop
from aiohttp import web

ANSWER = b'{"delivery_id":"0000000000000000","status":"accepted"}'


async def answer(request: web.BaseRequest) -> web.Response:
    """Answer as the gateway does, having done nothing."""
    await request.read()
    return web.Response(status=202, body=ANSWER, content_type="application/json")


async def serve(port: int, kind: str) -> None:
    """Listen until killed."""
    runner: web.BaseRunner
    if kind == "server":
        runner = web.ServerRunner(web.Server(answer, access_log=None))
    else:
        application = web.Application()
        application.router.add_post("/api/v1/webhooks/{source}/{integration}", answer)
        runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
