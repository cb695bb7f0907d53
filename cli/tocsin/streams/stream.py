"""Who speaks when, and how the network disturbs it: a stream is a pure function of its `Traffic`."""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate

from tocsin.streams.catalogue import troubles
from tocsin.streams.registry import SOURCES, VOICES
from tocsin.streams.telling import Step, Telling
from tocsin.streams.trouble import Trouble, digest
from tocsin_contracts.times import MINUTE, SECOND
from tocsin_sources import registry
from tocsin_sources.samples import Sample

_MILLISECOND = 1_000
_SOON, _SOON_DELIVERIES = 5 * SECOND, 20
"""A retry leaves so much later at most, and so does what others overtake: in a dense stream, as long as 20 deliveries take."""
_LATE_FROM, _LATE_TO = (MINUTE, 100), (15 * MINUTE, 1_500)
"""How late a late delivery is: so long, in a dense stream as long as so many deliveries take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Everything that makes a stream: the same values give the same bytes in the same order, on every machine."""

    seed: int
    start_at: int
    """When the first delivery is written, µs."""
    tenants: tuple[str, ...] = ("acme",)
    sources: tuple[str, ...] = SOURCES
    troubles: int = 200
    """How many different things go wrong at a tenant's."""
    rate_per_s: float = 1.0
    """Deliveries a second of the stream's own time, all tenants together; retries come on top."""
    zipf: float = 1.1
    """The exponent of Zipf's law: how much more the most frequent troubles are told than the others."""
    resolves: float = 0.35
    """The chance that a trouble that is told again has ended."""
    retried: float = 0.05
    """The share that is sent twice, byte for byte, before anything else is said of the same trouble."""
    overtaken: float = 0.05
    """The share that leaves some seconds late, so that others' deliveries come first."""
    late: float = 0.02
    """The share that leaves minutes late, behind newer news of the same trouble; of sources alone whose times can be trusted."""

    def span(self, longest: int, deliveries: int) -> int:
        """Give `longest` (µs), or as long as so many deliveries take, if that is less: what is held back stays bounded."""
        return min(longest, round(deliveries / self.rate_per_s * SECOND))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One attempt to deliver."""

    tenant: str
    sample: Sample
    """What is sent, unsigned."""
    trouble: Trouble
    step: Step
    alerts: int
    leaves_at: int
    """When it leaves, µs; never before the one in front of it."""
    retry: bool = False
    """The same bytes left before."""
    late: bool = False


@dataclass(slots=True, kw_only=True)
class _Life:
    """What its source knows of one trouble, and what of it is on its way."""

    trouble: Trouble
    episode: int = 0
    told: int = 0
    began_at: int | None = None
    recovered: int = 0
    quiet_from: int = 0
    """Until then deliveries of it are on their way that newer ones may not overtake."""
    late_until: int = 0


@dataclass(slots=True, kw_only=True)
class _Network:
    """Deliveries that were written and have not left."""

    waiting: list[tuple[int, int, Sending]] = field(default_factory=list)
    count: int = 0

    def take(self, sending: Sending) -> None:
        """Take one until it is due."""
        heapq.heappush(self.waiting, (sending.leaves_at, self.count, sending))
        self.count += 1

    def due(self, at: int) -> Iterator[Sending]:
        """Give those that leave before `at`, in their order."""
        while self.waiting and self.waiting[0][0] <= at:
            yield heapq.heappop(self.waiting)[2]


def stream(traffic: Traffic) -> Iterator[Sending]:
    """Give deliveries in the order in which they leave, without an end; `itertools.islice` cuts it.

    Memory is bounded by the troubles. A repeat of one that goes on is a new delivery; a retry has the bytes of the one before.
    """
    draw = random.Random(f"stream {traffic.seed}")  # noqa: S311 # a seeded stream is the point
    lives = _lives(traffic, draw)
    weights = list(accumulate((place + 1) ** -traffic.zipf for place in range(len(lives))))
    network, at = _Network(), traffic.start_at // _MILLISECOND * _MILLISECOND
    for number in _forever():
        yield from network.due(at)
        (life,) = draw.choices(lives, cum_weights=weights)
        _send(network, draw, traffic, life, at, number)
        at += max(1, round(draw.expovariate(traffic.rate_per_s) * 1000)) * _MILLISECOND


def _forever() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def _lives(traffic: Traffic, draw: random.Random) -> list[_Life]:
    """List all troubles, the most frequent first: each tenant's in an order of its own, the tenants in turns."""
    orders = []
    for tenant in traffic.tenants:
        order = [_Life(trouble=trouble) for trouble in troubles(tenant, traffic.sources, traffic.troubles)]
        draw.shuffle(order)
        orders.append(order)
    return [life for rank in zip(*orders, strict=True) for life in rank]


def _send(network: _Network, draw: random.Random, traffic: Traffic, life: _Life, at: int, number: int) -> None:
    """Write the next delivery of a trouble and let the network have it."""
    telling = _telling(draw, traffic, life, at, number)
    voiced = VOICES[life.trouble.source](telling)
    chance, spread, soon = draw.random(), draw.random(), traffic.span(_SOON, _SOON_DELIVERIES)
    late = chance < traffic.late and _orders_by_time(life.trouble.source) and at >= life.late_until
    leaves_at = max(at, life.quiet_from + _MILLISECOND)
    if late:
        least, most = traffic.span(*_LATE_FROM), traffic.span(*_LATE_TO)
        leaves_at += least + _whole_ms(spread * (most - least))
        life.late_until = leaves_at
    elif chance < traffic.late + traffic.overtaken:
        leaves_at += _whole_ms(spread * soon)
    sending = Sending(
        tenant=life.trouble.tenant,
        sample=Sample(
            source=life.trouble.source,
            case=f"{number} {telling.step}",
            says=life.trouble.sentence,
            body=voiced.body,
            headers=voiced.headers,
        ),
        trouble=life.trouble,
        step=telling.step,
        alerts=voiced.alerts,
        leaves_at=leaves_at,
        late=late,
    )
    network.take(sending)
    again, retried_at = draw.random() < traffic.retried, leaves_at + _MILLISECOND + _whole_ms(draw.random() * soon)
    if again and not late and not leaves_at < life.late_until <= retried_at:
        network.take(replace(sending, leaves_at=retried_at, retry=True))
        leaves_at = retried_at
    if not late:
        life.quiet_from = leaves_at


def _telling(draw: random.Random, traffic: Traffic, life: _Life, at: int, number: int) -> Telling:
    """Let time pass at a trouble: it begins; or goes on, some of its replicas mended; or ends."""
    trouble, left, began_at = life.trouble, life.recovered, life.began_at
    ends, mended = draw.random() < traffic.resolves, draw.random() < 0.5
    if began_at is None:
        step, life.began_at, began_at = Step.BEGINS, at, at
    elif ends:
        step, life.began_at = Step.ENDS, None
    else:
        step = Step.GOES_ON
        life.recovered = min(life.recovered + mended, trouble.replicas - 1)
    telling = Telling(
        trouble=trouble,
        step=step,
        id=digest(str(traffic.seed), str(traffic.start_at), str(number)),
        episode=life.episode,
        number=life.told,
        began_at=began_at,
        at=at,
        left=left,
        recovered=trouble.replicas if step is Step.ENDS else life.recovered,
    )
    life.told += 1
    if step is Step.ENDS:
        life.episode, life.recovered = life.episode + 1, 0
    return telling


def _orders_by_time(source: str) -> bool:
    found = registry.get(source)
    return found is not None and found.trusted_time


def _whole_ms(duration: float) -> int:
    return round(duration / _MILLISECOND) * _MILLISECOND
