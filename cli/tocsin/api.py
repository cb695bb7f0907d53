"""Tocsin's own API, as the commands ask it: JSON in and out, every refusal one line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from tocsin.harmless import harmless
from tocsin_contracts.ids import short_code
from tocsin_runtime.errors import Fatal, Invalid, Recoverable

TIMEOUT_S = 90.0
"""A bulk redrive works for up to a minute before it answers."""
Pairs = Sequence[tuple[str, str]]


class Api:
    """One address with one key. Every method raises `TocsinError` with a line for the person."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def get(self, path: str, query: Pairs = ()) -> dict[str, Any]:
        """Read a path below `/api/v1`."""
        return await self._ask("GET", path, query, None)

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Ask for something below `/api/v1`.

        Raises:
            Recoverable: nobody answers, or not now: asking again is safe.
            Invalid: it is refused.
        """
        return await self._ask("POST", path, (), orjson.dumps(body or {}))

    async def put(self, path: str, body: Mapping[str, object], *, if_match: str, key: str) -> dict[str, Any]:
        """Put something in the place of what is there, if that is still what it was.

        Args:
            path: below `/api/v1`.
            body: what shall be there.
            if_match: the version that was read, such as `v7`.
            key: the Idempotency-Key: asking again with it does nothing twice.

        Raises:
            Recoverable: nobody answers, or not now: asking again is safe.
            Invalid: it is refused, or somebody else changed it.
        """
        headers = {"If-Match": f'"{if_match}"', "Idempotency-Key": key}
        return await self._ask("PUT", path, (), orjson.dumps(body), headers)

    async def command(
        self, method: str, path: str, body: Mapping[str, object], *, key: str, if_match: str | None = None
    ) -> dict[str, Any]:
        """Ask for a command, and give what was decided.

        Args:
            method: of the command.
            path: below `/api/v1`.
            body: of the command; nothing is sent where it is empty and the method is DELETE.
            key: the Idempotency-Key: asking again with it does nothing twice.
            if_match: the revision that was read, such as `r7`.

        Raises:
            Recoverable: nobody answers, or not now: asking again with the same key is safe.
            Invalid: it is rejected.
        """
        headers = {"Idempotency-Key": key} | ({} if if_match is None else {"If-Match": f'"{if_match}"'})
        sent = None if method == "DELETE" and not body else orjson.dumps(body)
        return await self._ask(method, path, (), sent, headers)

    async def _ask(
        self, method: str, path: str, query: Pairs, body: bytes | None, extra: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        headers = {**({} if body is None else {"Content-Type": "application/json"}), **(extra or {})}
        try:
            async with self._session.request(
                method, f"{self._url}/api/v1{path}", params=list(query), data=body, headers=headers
            ) as response:
                status, text = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Recoverable(f"nobody answers at {self._url} ({why}); 'tocsin status' tells what runs here") from error
        answer = _read(text)
        if status >= 400:
            raise _refusal(status, answer)
        return answer


@asynccontextmanager
async def open_api(url: str, key: str) -> AsyncIterator[Api]:
    """Give an API that asks at `url` with an API key."""
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
        yield Api(session, url.rstrip("/"))


def _read(text: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise Fatal(f"this is no answer of Tocsin: {text[:100].decode('utf-8', 'replace')!r}")
    return answer


def _helpful(answer: Mapping[str, Any]) -> Iterator[str]:
    """Say what a problem names besides: what a person would have to look up to go on."""
    if isinstance(answer.get("allowed"), list):
        yield f"Allowed: {', '.join(answer['allowed']) or 'nothing'}."
    if answer.get("merged_into"):
        yield f"Merged into: {short_code(str(answer['merged_into']))}."
    if answer.get("reason") == "no-such-incident" and answer.get("incident"):
        yield f"Not there: {answer['incident']}."
    if answer.get("choices"):
        yield "It may be: " + "; ".join(f"{each['id']} {each['title']}" for each in answer["choices"]) + "."


def _refusal(status: int, answer: Mapping[str, Any]) -> Recoverable | Invalid:
    """Turn a problem into one line; what is refused by a busy or waking server may be asked again."""
    said = str(answer.get("detail") or answer.get("title") or f"status {status}")
    for fault in answer.get("errors") or ():
        name = fault.get("parameter") or fault.get("pointer") or ""
        said += f" {name}: {str(fault.get('detail') or fault.get('code')).removesuffix('.')}."
    said += "".join(f" {each}" for each in _helpful(answer))
    if status in {429, 502, 503, 504} or str(answer.get("type", "")).endswith("/busy"):
        return Recoverable(said)
    if status == 401:
        said = "this API key opens nothing here: say --key or TOCSIN_API_KEY; 'tocsin keys create' makes one"
    if status == 403 and answer.get("scope"):
        made = f"'tocsin keys create HOLDER --tenant TENANT --scope {answer['scope']}'"
        said = f"{said.removesuffix('.')}: say --key or TOCSIN_API_KEY; {made} makes one"
    return Invalid(f"status-{status}", harmless(said))
