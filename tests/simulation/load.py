"""Senders at work: several at once over kept connections, at a bounded rate, until told to stop."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp
import orjson

from tests.simulation.deliveries import Kind, Story, Told, story
from tests.simulation.journal import Fate, Journal
from tests.support.system import Sender

PATIENCE_S = 12.0
RETRY_S, RETRY_S_MAX = 0.05, 0.5
WRONG = b"not the secret of anybody at all, 32+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A tenant with its senders by source, and a key to read with."""

    tenant: str
    key: str = field(repr=False)
    senders: Mapping[str, Sender]


class Load:
    """Tells stories one after the other, `workers` at a time."""

    def __init__(
        self,
        journal: Journal,
        owners: Sequence[Owner],
        gateways: Callable[[], Sequence[str]],
        *,
        seed: int,
        rate_per_s: float = 80.0,
        workers: int = 12,
    ) -> None:
        """Send to the URLs that `gateways` gives, in turn."""
        self.journal = journal
        self.owners = owners
        self._gateways = gateways
        self._seed = seed
        self._pause_s = 1.0 / rate_per_s
        self._workers = workers
        self._numbers = itertools.count()
        self._turns = itertools.count()
        self._next_at = 0.0
        self._running = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to send, or go on."""
        self._running = True
        self._tasks = [asyncio.create_task(self._work(), name=f"sender {number}") for number in range(self._workers)]

    async def stop(self) -> None:
        """Let every attempt under way have its answer, and send no more; what was not told stays untold."""
        self._running = False
        await asyncio.gather(*self._tasks)

    def owner(self, number: int) -> Owner:
        """Give who tells story `number`."""
        return self.owners[number % len(self.owners)]

    async def _work(self) -> None:
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while self._running:
                await self._tell(session, story(self._seed, next(self._numbers)))

    async def _tell(self, session: aiohttp.ClientSession, telling: Story) -> None:
        owner = self.owner(telling.number)
        for told in telling.told:
            if told.twins:
                await asyncio.gather(*(self._deliver(session, told, owner) for _ in range(2)))
            else:
                await self._deliver(session, told, owner)

    async def _deliver(self, session: aiohttp.ClientSession, told: Told, owner: Owner) -> None:
        """Send until it is answered 202 or refused, if its sender tries again."""
        wait = RETRY_S
        while self._running:
            await self._turn()
            status = await self._attempt(session, told, owner)
            if 0 < status < 500 or not told.retried:
                return
            await asyncio.sleep(wait)
            wait = min(2 * wait, RETRY_S_MAX)

    async def _attempt(self, session: aiohttp.ClientSession, told: Told, owner: Owner) -> int:
        """Make one attempt; give the status, 0 for no answer."""
        sender = owner.senders[told.source]
        headers = sender.signed(told.body, told.headers)
        if told.kind is Kind.FORGED:
            headers |= {name: "Bearer " + WRONG.decode() for name in headers if name.lower() == "authorization"}
            headers |= {name: "0" * 64 for name in headers if name.lower() == "sentry-hook-signature"}
        gateways = self._gateways()
        url = gateways[next(self._turns) % len(gateways)] + sender.path
        sent, place = await self.journal.open(told, owner.tenant)
        fate, status, delivery = Fate.UNKNOWN, 0, None
        try:
            async with session.post(url, data=told.body, headers=headers) as answer:
                said, status = await answer.read(), answer.status
            if status == 202:
                fate, delivery = Fate.OK, orjson.loads(said)["delivery_id"]
            elif status < 500:
                fate = Fate.FAIL
        except aiohttp.ClientConnectorError:
            fate = Fate.FAIL  # nobody listened: nothing was sent
        except (aiohttp.ClientError, TimeoutError, OSError):
            fate = Fate.UNKNOWN
        self.journal.close(sent, place, fate, status, delivery)
        return status

    async def _turn(self) -> None:
        """Wait for this sender's place in the bounded rate."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._next_at = max(self._next_at, now) + self._pause_s
        await asyncio.sleep(self._next_at - self._pause_s - now)
