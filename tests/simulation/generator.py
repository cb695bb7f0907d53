"""Streams of the log as a busy day makes them: pure and seeded, so that a failure can be had again by its seed.

Tenants with two integrations each; senders of three kinds (Alertmanager: starts and ends it can be trusted with, no id;
Sentry: an id for each delivery, no start; StatusCake: neither). Alerts repeat by Zipf's law, flap, resolve, come twice, late
and out of order; people send commands; gateways tick and tell whom they refused; time has gaps and steps.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from pydantic import TypeAdapter

from tests.simulation import people
from tests.support.folding import START, Folding
from tocsin_contracts import ids
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.command import Actor, Body, Command
from tocsin_contracts.image import Image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import Position
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_contracts.tick import Refused, Tick
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.fold import LogRecord

TENANTS = ("acme", "globex", "initech")
TICK_S = 15
ALERTS = 30
PROBLEMS = 6
BODIES: TypeAdapter[Body] = TypeAdapter(Body)


class Sender(Enum):
    """How much a source tells about its deliveries and times."""

    ALERTMANAGER = auto()
    SENTRY = auto()
    STATUSCAKE = auto()


SENDERS = {"one": Sender.ALERTMANAGER, "two": Sender.SENTRY, "three": Sender.STATUSCAKE}
"""The integrations of every tenant: the same names, so that a key without its tenant would be seen."""


@dataclass(slots=True)
class Problem:
    """One alert at its source: what is really the case there."""

    tenant: str
    integration: str
    number: int
    started_at: int | None = None
    said: int = 0


@dataclass(slots=True)
class World:
    """Everything outside Tocsin, and the log it writes."""

    rng: random.Random
    now: int = START
    next_tick_at: int = START
    records: list[LogRecord] = field(default_factory=list)
    alerts: list[Problem] = field(default_factory=list)
    held: list[Image] = field(default_factory=list)
    sent: list[Image] = field(default_factory=list)
    failed: list[tuple[Position, Image]] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    folding: Folding = field(default_factory=Folding)
    """What people see who send commands: the records so far, folded."""

    def append(self, payload: Image | Command | Tick) -> Position:
        """Append a record at the present time."""
        position = Position(0, len(self.records))
        at = self.now // 1000 * 1000  # the broker's clock has milliseconds
        record = LogRecord(position=position, appended_at=at, release="1", payload=payload)
        self.records.append(record)
        self.folding.now = at
        self.folding.fold_record(record)
        return position

    def chance(self, of_a_hundred: float) -> bool:
        return self.rng.random() * 100 < of_a_hundred


def stream(seed: int, count: int) -> list[LogRecord]:
    """Generate the first records of one partition's log."""
    rng = random.Random(seed)
    world = World(rng=rng)
    for tenant in TENANTS:
        for integration in SENDERS:
            world.alerts += [Problem(tenant, integration, number) for number in range(ALERTS)]
    rng.shuffle(world.alerts)
    while len(world.records) < count:
        _live(world)
    return world.records[:count]


def _live(world: World) -> None:
    """Let a moment pass, and somebody do something in it."""
    _let_time_pass(world)
    if world.now >= world.next_tick_at:
        _tick(world)
    act = world.rng.random()
    if act < 0.74:
        _deliver(world)
    elif act < 0.80 and world.sent:
        _append_image(world, world.rng.choice(world.sent[-20:]))
    elif act < 0.84 and world.held:
        _append_image(world, world.held.pop(world.rng.randrange(len(world.held))))
    elif act < 0.87 and world.failed:
        _redrive(world)
    elif act < 0.93:
        _command(world)
    elif act < 0.96:
        _go_wrong(world)
    else:
        _idle(world)


def _let_time_pass(world: World) -> None:
    world.now += round(world.rng.expovariate(0.5) * SECOND)
    if world.chance(0.3):
        world.now += world.rng.choice([90, 1800, 7200]) * SECOND
    if world.chance(0.2):
        world.now -= world.rng.choice([1, 30, 900]) * SECOND


def _idle(world: World) -> None:
    """Nobody but the gateway does anything: windows and silences run out."""
    for _ in range(world.rng.choice([4, 12, 40])):
        world.now += TICK_S * SECOND
        _tick(world)


def _tick(world: World) -> None:
    world.next_tick_at = world.now + TICK_S * SECOND
    if world.chance(5):
        tenant, integration = world.rng.choice(TENANTS), world.rng.choice(list(SENDERS))
        world.refused.append(Refused(tenant=tenant, integration=integration))
    tick = Tick(gateway="g1", process="g1-1", covers_ms=TICK_S * 1000, refused=world.refused, all_refused=world.chance(1))
    world.refused = []
    world.append(tick)
    if world.chance(20):  # a second gateway, which is cut off more often than not
        world.append(Tick(gateway="g2", process="g2-1", covers_ms=TICK_S * 5000, last=world.chance(50)))


def _settings(tenant: str) -> IntegrationSettings:
    """Short windows, so that a run of minutes sees them end."""
    first = tenant == TENANTS[0]
    return IntegrationSettings(dedup_window_s=30 if first else 60, group_window_s=120 if first else 240, silence_s=300)


def _pick(world: World) -> Problem:
    """Pick an alert by Zipf's law: a few are most of the traffic."""
    place = min(int(world.rng.paretovariate(0.7)) - 1, len(world.alerts) - 1)
    return world.alerts[place]


def _deliver(world: World) -> None:
    first = _pick(world)
    members = [first]
    if SENDERS[first.integration] is Sender.ALERTMANAGER:
        group = [a for a in world.alerts if (a.tenant, a.integration) == (first.tenant, first.integration)]
        members += world.rng.sample(group, world.rng.choice([0, 0, 1, 3, 8]))
        if not world.chance(3):
            members = list({id(member): member for member in members}.values())
    events = [_say(world, member) for member in members]
    image = Image(
        tenant=first.tenant,
        integration=first.integration,
        source=SENDERS[first.integration].name.lower(),
        mapped=Mapped.NORMALIZED,
        sender_id=f"e{world.rng.getrandbits(60)}" if SENDERS[first.integration] is Sender.SENTRY else None,
        request_id=f"r{len(world.records)}",
        received_at=world.now,
        size=100 * len(events),
        integration_version=1,
        settings=_settings(first.tenant),
        alerts=events,
        alert_ids=[ids.alert_id(first.tenant, first.integration, event.identity) for event in events],
    )
    if world.chance(4):
        world.held.append(image)
    else:
        _append_image(world, image)


def _append_image(world: World, image: Image) -> None:
    world.append(image)
    world.sent.append(image)


def _say(world: World, problem: Problem) -> AlertEvent:
    """Say what is the case with one alert; with some chance it changed."""
    sender = SENDERS[problem.integration]
    status = EventStatus.FIRING
    if problem.started_at is None:
        problem.started_at = world.now - world.rng.choice([0, 5, 30]) * SECOND
        problem.said += 1
    elif world.chance(25):
        status = EventStatus.RESOLVED
    elif sender is Sender.SENTRY and world.chance(10):
        status = EventStatus.ACKNOWLEDGED
    elif world.chance(10):
        problem.started_at = world.now - SECOND  # its resolve was lost
    if world.chance(20):
        problem.said += 1
    event = _event(world, problem, status, sender)
    if status is EventStatus.RESOLVED:
        problem.started_at = None
    return event


def _event(world: World, problem: Problem, status: EventStatus, sender: Sender) -> AlertEvent:
    started_at = problem.started_at or world.now
    happened_at = started_at if status is EventStatus.FIRING and sender is Sender.ALERTMANAGER else world.now
    trusted = sender is not Sender.STATUSCAKE
    says_environment = status is EventStatus.FIRING or sender is not Sender.SENTRY
    moved = problem.said % 7 == 6
    return AlertEvent(
        identity=f"n{problem.number}",
        problem=f"p{problem.number % PROBLEMS}{'-renamed' if moved else ''}",
        project="moved" if moved else "shop",
        status=status,
        title=f"Alert {problem.number}, said {problem.said} times",
        content=f"{problem.number}/{status}/{problem.said}/{started_at if trusted else ''}",
        severity=None if status is EventStatus.RESOLVED else world.rng.choice(list(Severity)),
        description="A text that is long enough to be shared by the alerts of one delivery." if problem.said % 3 else None,
        service=f"s{problem.number % 4}" if problem.said % 2 else None,
        environment="prod" if says_environment else None,
        link="https://example.com/graph?of=something-shared" if problem.said % 5 else None,
        labels={"said": str(problem.said), "shared": "a label's value, shared by the alerts"},
        metadata={"said": problem.said} if problem.said % 4 else {},
        occurred_at=happened_at if trusted else None,
        episode_at=started_at if sender is Sender.ALERTMANAGER else None,
        trusted=trusted,
        never_resolves=sender is Sender.SENTRY and problem.number % 2 == 0,
        heartbeat=problem.number == ALERTS - 1,
        raw=None if problem.said % 6 == 5 else f'{{"said":{problem.said}}}',
    )


def _redrive(world: World) -> None:
    position, image = world.rng.choice(world.failed)
    again = Mapped.FAILED if world.chance(20) else Mapped.NORMALIZED
    _append_image(world, replace(image, mapped=again, redrive_of=position))


def _go_wrong(world: World) -> None:
    """A delivery that is ignored, or that fails and may be redriven."""
    mapped = Mapped.FAILED if world.chance(60) else Mapped.IGNORED
    good = world.sent[-1] if world.sent else None
    if good is None:
        return
    image = replace(good, mapped=mapped, reason="unknown-shape", redrive_of=None)
    position = world.append(replace(image, alerts=(), alert_ids=()))
    if mapped is Mapped.FAILED:
        world.failed.append((position, image))


def _command(world: World) -> None:
    if world.commands and world.chance(10):
        world.append(world.rng.choice(world.commands))
        return
    tenant = world.rng.choice(TENANTS)
    command = Command(
        id=f"c{len(world.records)}",
        request_hash=f"h{len(world.records)}",
        tenant=world.rng.choice(TENANTS) if world.chance(5) else tenant,
        actor=Actor(kind="person", id="u1", name="Ada"),
        issued_at=world.now,
        if_revision=world.rng.choice([None, None, None, None, None, 0, 1]),
        body=BODIES.validate_python(people.ask(world.rng, world.folding, tenant)),
    )
    world.commands.append(command)
    world.append(command)


def seeds(first: int, runs: int) -> Iterator[int]:
    """List the seeds of a series of runs."""
    return iter(range(first, first + runs))
