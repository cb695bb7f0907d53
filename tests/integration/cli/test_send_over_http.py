"""`send_all` over real HTTP: at most so many at a time, whole and signed, and every end is a receipt."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tocsin.sending import NO_ANSWER, Receipt, Recipient, chosen, send_all
from tocsin_sources import registry, samples
from tocsin_sources.signature import Accepted, SignedRequest, authenticate

SECRET = "0123456789abcdef0123456789abcdef"
Answer = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def serving(answer: Answer, source: str = "sentry") -> AsyncIterator[Recipient]:
    app = web.Application()
    app.router.add_post("/api/v1/webhooks/{source}/{integration}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        yield Recipient(url=f"http://127.0.0.1:{port}", source=source, integration="I1", secret=SECRET)
    finally:
        await runner.cleanup()


async def send(recipient: Recipient, case: str | None, count: int, concurrency: int = 1) -> list[Receipt]:
    receipts: list[Receipt] = []
    wanted = ((recipient, sample) for sample in chosen(recipient.source, case, count))
    await send_all(wanted, concurrency=concurrency, rate_per_s=None, told=receipts.append)
    return receipts


async def test_bodies_arrive_in_order_byte_for_byte_and_signed() -> None:
    source = registry.get("sentry")
    assert source is not None
    bodies: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert isinstance(authenticate(source.schemes, SignedRequest(headers=headers, body=body), [SECRET.encode()]), Accepted)
        bodies.append(body)
        return web.json_response({"delivery_id": f"d{len(bodies)}"}, status=202)

    async with serving(answer) as recipient:
        receipts = await send(recipient, "all", 1)
    assert bodies == [samples.load("sentry", case).body for case in samples.cases("sentry")]
    assert [one.delivery_id for one in receipts] == [f"d{number}" for number in range(1, len(bodies) + 1)]


async def test_never_more_go_at_a_time_than_was_asked() -> None:
    """The server holds every request until four are there: more than four would be seen, fewer would hang."""
    under_way = 0
    most = 0
    full = asyncio.Barrier(4)

    async def answer(_request: web.Request) -> web.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await full.wait()
        under_way -= 1
        return web.json_response({"delivery_id": "d"}, status=202)

    async with serving(answer) as recipient:
        receipts = await send(recipient, None, 40, concurrency=4)
    assert most == 4
    assert sum(one.accepted for one in receipts) == 40


async def test_a_refusal_keeps_its_status_and_its_reason() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"title": "Too many", "detail": "Slow down."}, status=429)

    async with serving(answer) as recipient:
        (receipt,) = await send(recipient, None, 1)
    assert (receipt.status, receipt.detail, receipt.accepted) == (429, "Slow down.", False)


async def test_nobody_listening_is_a_receipt_too() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    async with serving(answer) as recipient:
        pass
    (receipt,) = await send(recipient, None, 1)
    assert receipt.status == NO_ANSWER
    assert receipt.detail
