"""The local instance's key and secrets go to its own address only, however another address is given."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.command_line import Said, tocsin
from tocsin.demo.keeping import DemoIntegration, DemoTenant, write_demo
from tocsin.local.home import Home
from tocsin.streams.registry import SOURCES

KEY = "tocsin_0123456789_of_the_demo"
SECRET = "of-the-demo-0123456789abcdef0123"
INCIDENT = "INC-7K3QF2B"
ASKING = (
    ("deliveries", "stats"),
    ("deliveries", "ls"),
    ("deliveries", "show", "0" * 26),
    ("deliveries", "try", "0" * 26),
    ("deliveries", "redrive", "0" * 26),
    ("deliveries", "redrive", "--all"),
    ("deliveries", "discard", "0" * 26, "--why", "noise"),
    ("deliveries", "rejected"),
    ("incidents", "ls"),
    ("incidents", "show", INCIDENT),
    ("incidents", "why", INCIDENT),
    ("incidents", "ack", INCIDENT),
    ("incidents", "assign", INCIDENT, "ada"),
    ("incidents", "merge", INCIDENT, "INC-0000000"),
    ("rules", "diff", "rules.yaml"),
    ("rules", "apply", "rules.yaml"),
    ("rules", "show"),
)
"""Every command that shows a key, one of each form."""
SENDING = (("send", "sentry"), ("send", "alertmanager"), ("send", "stream", "--count", "3"))


class Server:
    """Remembers what it was sent, and answers nothing of use."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(f"{request.path_qs} {dict(request.headers)} {await request.text()}")
        return web.json_response({}, status=418)


@pytest.fixture
async def servers() -> AsyncIterator[tuple[Server, Server]]:
    """Give the local instance, and somebody else's server."""
    both, runners = (Server(), Server()), []
    for server in both:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        runners.append(runner)
    yield both
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def own(servers: tuple[Server, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Be in a directory where `tocsin demo` ran; nothing is said by the environment."""
    for name in ("TOCSIN_URL", "TOCSIN_API_KEY", "TOCSIN_SECRET", "TOCSIN_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text("version: 1\n")
    home = Home(root=tmp_path / ".tocsin")
    home.root.mkdir(mode=0o700)
    integrations = {source: DemoIntegration(id=f"I{source}", secret=SECRET) for source in SOURCES}
    write_demo(home, DemoTenant(url=servers[0].url, tenant="T1", api_key=KEY, integrations=integrations))
    return servers[0]


@pytest.fixture
def other(servers: tuple[Server, Server]) -> Server:
    return servers[1]


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
async def test_another_address_gets_no_key_of_the_local_instance(
    command: tuple[str, ...], own: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_option = await tocsin(*command, "--url", other.url)
    monkeypatch.setenv("TOCSIN_URL", other.url)
    by_environment = await tocsin(*command)

    for said in (by_option, by_environment):
        assert (said.code, said.out) == (1, "")
        assert said.err == (
            f"tocsin: no key for {other.url} was given, and that of 'tocsin demo' goes to {own.url} only: "
            "say --key or TOCSIN_API_KEY; 'tocsin keys create' there makes one\n"
        )
    assert (own.seen, other.seen) == ([], [])


@pytest.mark.parametrize("command", SENDING, ids=" ".join)
async def test_another_address_gets_no_secret_of_the_local_instance(command: tuple[str, ...], own: Server, other: Server) -> None:
    """Alertmanager's bearer token is the secret itself; a signature, too, is proof for who holds it."""
    said = await tocsin(*command, "--url", other.url)

    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert "--secret (or TOCSIN_SECRET)" in said.err
    assert (own.seen, other.seen) == ([], [])


async def test_what_proves_nothing_may_go_anywhere(own: Server, other: Server) -> None:
    for command in SENDING:
        await tocsin(*command, "--url", other.url, "--no-sign")
    assert len(other.seen) == 5
    assert not [line for line in other.seen if SECRET in line or KEY in line]


@pytest.mark.parametrize("way", ["option", "environment"])
async def test_a_key_that_was_given_goes_where_it_was_told(
    way: str, own: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "option":
        await tocsin("rules", "show", "--url", other.url, "--key", "tocsin_theirs")
    else:
        monkeypatch.setenv("TOCSIN_URL", other.url)
        monkeypatch.setenv("TOCSIN_API_KEY", "tocsin_theirs")
        await tocsin("rules", "show")
    assert own.seen == []
    assert ["Bearer tocsin_theirs" in line for line in other.seen] == [True]


async def test_the_own_address_gets_its_key_in_every_spelling(own: Server) -> None:
    port = own.url.rsplit(":", 1)[1]
    for said in ((), ("--url", own.url), ("--url", own.url + "/"), ("--url", f"HTTP://LocalHost:{port}")):
        await tocsin("rules", "show", *said)
        await tocsin("send", "alertmanager", *said)
    assert [f"Bearer {KEY}" in line for line in own.seen] == [True, False] * 4
    assert [f"Bearer {SECRET}" in line for line in own.seen] == [False, True] * 4


async def test_without_a_demo_an_address_needs_a_key(own: Server, other: Server, tmp_path: Path) -> None:
    (tmp_path / ".tocsin" / "demo.json").unlink()
    said: Said = await tocsin("rules", "show", "--url", other.url)
    assert said.err.startswith(f"tocsin: no key for {other.url} was given: say --key")
    assert "TOCSIN_URL" in (await tocsin("rules", "show", "--key", "x")).err
    assert (own.seen, other.seen) == ([], [])
