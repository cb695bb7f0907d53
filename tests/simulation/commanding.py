"""People at work under load: they look at their incidents and order something, until the fold has decided it."""

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import orjson

from tests.simulation.ledger import Ledger, Ordered, Said
from tests.simulation.load import PATIENCE_S, RETRY_S, RETRY_S_MAX, Owner
from tests.simulation.orders import Order, Scene, order

LISTED = 40
AT_ONCE = 3
"""Orders about one look at the incidents: they meet at the same one."""
MOVES = 20
_UNDONE = ("merge", "split", "snooze")


class Commanding:
    """One person a tenant, at a bounded rate."""

    def __init__(
        self,
        ledger: Ledger,
        owners: Sequence[Owner],
        gateways: Callable[[], Sequence[str]],
        query: Callable[[], str],
        *,
        seed: int,
        rate_per_s: float = 24.0,
    ) -> None:
        """Order at the URLs that `gateways` gives, in turn; look at `query`."""
        self.ledger = ledger
        self._owners = owners
        self._gateways = gateways
        self._query = query
        self._seed = seed
        self._pause_s = len(owners) * AT_ONCE / rate_per_s
        self._turns = itertools.count()
        self._running = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to order, or go on."""
        self._running = True
        self._tasks = [asyncio.create_task(self._work(owner, number)) for number, owner in enumerate(self._owners)]

    async def stop(self) -> None:
        """Let every attempt under way have its answer, and order no more; what was not decided stays open."""
        self._running = False
        await asyncio.gather(*self._tasks)

    async def _work(self, owner: Owner, person: int) -> None:
        draw = random.Random(f"{self._seed}/orders/{person}/{len(self.ledger)}")
        moves: deque[tuple[str, int]] = deque(maxlen=MOVES)
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        headers = {"authorization": f"Bearer {owner.key}"}
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
            for turn in itertools.count():
                if not self._running:
                    return
                await asyncio.sleep(self._pause_s)
                scene = await self._look(session, draw, moves)
                if scene is None:
                    continue
                orders = [order(draw, scene, f"order-{len(self.ledger)}-{person}-{turn}-{place}") for place in range(AT_ONCE)]
                given = await asyncio.gather(*(self._give(session, owner, each) for each in orders))
                moves += [move for each in given if (move := _move(each)) is not None]

    async def _look(self, session: aiohttp.ClientSession, draw: random.Random, moves: Sequence[tuple[str, int]]) -> Scene | None:
        """See what there is; nothing, while reads fail or before the first incident."""
        try:
            listed = await self._read(session, f"/api/v1/incidents?limit={LISTED}")
            if not listed["items"]:
                return None
            chosen = draw.choice(listed["items"])
            whole = await self._read(session, f"/api/v1/incidents/{chosen['id']}")
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
        alerts = [alert["id"] for alert in whole["alerts"]]
        return Scene(incidents=listed["items"], chosen=whole, alerts=alerts, moves=tuple(moves))

    async def _read(self, session: aiohttp.ClientSession, path: str) -> Any:
        async with session.get(self._query() + path, raise_for_status=True) as answer:
            return await answer.json()

    async def _give(self, session: aiohttp.ClientSession, owner: Owner, wanted: Order) -> Ordered:
        ordered = await self.ledger.open(wanted, owner.tenant)
        await asyncio.gather(*(self._insist(session, ordered) for _ in range(2 if wanted.twins else 1)))
        return ordered

    async def _insist(self, session: aiohttp.ClientSession, ordered: Ordered) -> None:
        """Send with the same key until the answer is final."""
        wait = RETRY_S
        while self._running:
            said = await self._attempt(session, ordered.order)
            self.ledger.close(ordered, said)
            if said.is_final:
                return
            await asyncio.sleep(wait)
            wait = min(2 * wait, RETRY_S_MAX)

    async def _attempt(self, session: aiohttp.ClientSession, wanted: Order) -> Said:
        headers = {"idempotency-key": wanted.key, "content-type": "application/json"}
        headers |= {} if wanted.if_match is None else {"if-match": wanted.if_match}
        gateways = self._gateways()
        url = f"{gateways[next(self._turns) % len(gateways)]}/api/v1{wanted.path}"
        try:
            async with session.request(wanted.method, url, data=orjson.dumps(wanted.body), headers=headers) as answer:
                return Said(status=answer.status, body=orjson.loads(await answer.read()))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Said(status=0, body={"error": type(error).__name__})


def _move(ordered: Ordered) -> tuple[str, int] | None:
    """Give what may be undone of an order that was applied."""
    if not ordered.order.path.endswith(_UNDONE) or ordered.order.method == "DELETE":
        return None
    told = next((each.body for each in ordered.said if each.status == 200), None)
    return None if told is None or "version" not in told else (told["incident"], told["version"])
