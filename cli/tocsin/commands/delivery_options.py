"""What the commands about deliveries share: where to ask, with which key, which deliveries are meant."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import typer

from tocsin.api import Api, open_api
from tocsin.demo.keeping import read_demo
from tocsin.demo.own_address import is_own
from tocsin.local.home import Home, find_home
from tocsin_runtime.errors import Fatal

T = TypeVar("T")
Url = Annotated[
    str | None,
    typer.Option("--url", envvar="TOCSIN_URL", help="The public address; else that of `tocsin demo`.", show_default=False),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="TOCSIN_API_KEY",
        help="An API key; else that of `tocsin demo`, which goes to its own address only.",
        show_default=False,
    ),
]
Delivery = Annotated[str, typer.Argument(metavar="ID", help="The delivery's id.")]
Reasons = Annotated[
    list[str] | None, typer.Option("--reason", help="Only of this reason; may be given again.", show_default=False)
]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Only of this source; may be given again.", show_default=False)
]
Integrations = Annotated[
    list[str] | None, typer.Option("--integration", help="Only of this integration's id; may be given again.", show_default=False)
]
Since = Annotated[str | None, typer.Option("--since", help="Logged at this time or later, RFC 3339.", show_default=False)]
Until = Annotated[str | None, typer.Option("--until", help="Logged before this time, RFC 3339.", show_default=False)]


def ask(url: str | None, key: str | None, work: Callable[[Api], Awaitable[T]]) -> T:
    """Do `work` with the API, and give its result.

    Raises:
        TocsinError: one line for the person.
    """
    address, proof = destination(url, key, find_home())

    async def asked() -> T:
        async with open_api(address, proof) as api:
            return await work(api)

    return asyncio.run(asked())


def destination(url: str | None, key: str | None, home: Home) -> tuple[str, str]:
    """Give the address to ask at, and the key to show there: what was said, else what `demo` kept in `home`.

    Raises:
        Fatal: one of them is missing, or the local instance's key would go to another address.
    """
    if url and key:
        return url, key
    demo = read_demo(home)
    if url and (demo is None or not is_own(demo.url, url)):
        keeps = "" if demo is None else f", and that of 'tocsin demo' goes to {demo.url} only"
        raise Fatal(f"no key for {url} was given{keeps}: say --key or TOCSIN_API_KEY; 'tocsin keys create' there makes one")
    if demo is None:
        raise Fatal("say --url (or TOCSIN_URL) and --key (or TOCSIN_API_KEY), or run 'tocsin demo' first")
    return demo.url, key or demo.api_key


def filters(
    reasons: Sequence[str] | None,
    sources: Sequence[str] | None,
    integrations: Sequence[str] | None,
    since: str | None,
    until: str | None,
) -> list[tuple[str, str]]:
    """Write which deliveries are meant as parameters of the list."""
    named = (("reason", reasons), ("source", sources), ("integration_id", integrations))
    pairs = [(name, value.replace(",", "\\,")) for name, values in named for value in values or ()]
    return [*pairs, *((name, at) for name, at in (("logged_from", since), ("logged_to", until)) if at is not None)]


def members(
    reasons: Sequence[str] | None,
    sources: Sequence[str] | None,
    integrations: Sequence[str] | None,
    since: str | None,
    until: str | None,
) -> dict[str, object]:
    """Write which deliveries are meant as members of a request's body."""
    listed = {"reason": reasons, "source": sources, "integration_id": integrations}
    times = {"logged_from": since, "logged_to": until}
    return {name: list(values) for name, values in listed.items() if values} | {
        name: at for name, at in times.items() if at is not None
    }
