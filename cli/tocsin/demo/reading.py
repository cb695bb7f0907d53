"""Reads Tocsin's API as any client does: with a key, by HTTP, through the public address."""

import asyncio
import time
from typing import Any

import aiohttp
import orjson

from tocsin_runtime.errors import Fatal, Recoverable

OK, NOT_FOUND = 200, 404
TRY_AGAIN = frozenset({429, 502, 503, 504})
PAUSE_S, PAUSE_MAX_S = 0.05, 0.5
REQUEST_TIMEOUT_S = 5.0


class Api:
    """The read API of one tenant. What is away for a moment is asked again, until `deadline_s` after the start."""

    def __init__(self, url: str, key: str, *, deadline_s: float) -> None:
        self._url = url
        self._deadline = time.monotonic() + deadline_s
        self._deadline_s = deadline_s
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {key}"}, timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def outcome(self, delivery: str) -> dict[str, Any] | None:
        """Give a delivery once it is folded; None where no such delivery is known.

        Raises:
            Recoverable: it is pending still when the time is over.
            Fatal: the API refuses us.
        """
        pause_s = PAUSE_S
        while True:
            found = await self._get(f"/api/v1/deliveries/{delivery}")
            if found is None or found["outcome"] != "pending":
                return found
            await self._rest(pause_s, f"delivery {delivery} is not folded after {self._deadline_s:.0f} s")
            pause_s = min(PAUSE_MAX_S, pause_s * 1.5)

    async def incidents(self, limit: int) -> dict[str, Any]:
        """Give the first page of incidents, newest first."""
        found = await self._get(f"/api/v1/incidents?limit={limit}")
        if found is None:
            raise Fatal(f"{self._url} answers 404 for its own list of incidents: is it Tocsin's address?")
        return found

    async def _get(self, path: str) -> dict[str, Any] | None:
        while True:
            status, body = await self._ask(path)
            if status == OK:
                answer: dict[str, Any] = orjson.loads(body)
                return answer
            if status == NOT_FOUND:
                return None
            if status and status not in TRY_AGAIN:
                raise Fatal(f"GET {self._url}{path} was answered {status}: {body[:200].decode('utf-8', 'replace')}")
            await self._rest(PAUSE_MAX_S, f"{self._url} does not answer reads (last status {status})")

    async def _ask(self, path: str) -> tuple[int, bytes]:
        try:
            async with self._session.get(self._url + path) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return 0, b""

    async def _rest(self, pause_s: float, why: str) -> None:
        if time.monotonic() + pause_s > self._deadline:
            raise Recoverable(why)
        await asyncio.sleep(pause_s)
