"""Security check list, connections (docs/reference/security-checks.md): with bounds that a test can reach."""

from __future__ import annotations

from contextlib import AsyncExitStack

from tests.support.raw import dialled, head, talk
from tests.unit.ingest.gateway import ALERTMANAGER, running

WRONG = {"Authorization": "Bearer wrong"}


async def test_s01_an_idle_connection_is_closed() -> None:
    async with running(idle_s=0.05) as gateway:
        answer = await talk(gateway.url, head("GET", "/-/healthy"))
        assert answer.status == 200  # and then the end, though nobody asked for it


async def test_s01_a_second_header_that_does_not_end_is_cut_off_too() -> None:
    async with running(idle_s=0.05) as gateway:
        answer = await talk(gateway.url, head("GET", "/-/healthy") + b"GET /-/healthy HTTP/1.1\r\nX-A:")
        assert answer.data.count(b"HTTP/1.1 200") == 1


async def test_s06_more_connections_than_the_bound_are_turned_away_and_the_others_work() -> None:
    """The bound of one address is nginx's: `tests/peers`."""
    async with running(connections_max=20) as gateway, AsyncExitStack() as held:
        lines = [await held.enter_async_context(dialled(gateway.url)) for _ in range(19)]
        for line in lines:
            await line.send(b"G")
        assert (await gateway.post()).status == 202  # the twentieth
        assert {(await talk(gateway.url, head("GET", "/-/healthy"))).status for _ in range(20)} <= {0, 503}
        assert (await gateway.post()).status == 202


async def test_s08_a_forwarded_address_counts_only_from_a_proxy_that_is_trusted() -> None:
    async with running(failures_burst=1, failures_per_min=1, proxies="192.0.2.0/24") as gateway:
        answers = [await gateway.post(ALERTMANAGER, headers=WRONG | {"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(3)]
        assert [answer.status for answer in answers] == [401, 429, 429]
        assert {line["address"] for line in gateway.log_lines()} == {"127.0.0.1"}
