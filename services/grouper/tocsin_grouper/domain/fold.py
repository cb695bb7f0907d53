"""The fold: one record of the log against the state of its partition.

`decide` gives the facts of a record and changes nothing; the caller absorbs them. It reads state through a view that
knows what is loaded: `Missing` tells what to load before the same record is folded again. So the facts are the same
whatever the batch sizes, restarts and caches (P5).
"""

from collections.abc import Callable, Mapping
from typing import Final

from tocsin_contracts.command import Command
from tocsin_contracts.image import Image
from tocsin_contracts.position import Position
from tocsin_contracts.record import record
from tocsin_contracts.tenant import TenantErased
from tocsin_contracts.tick import Tick
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain import clock as clock_rules
from tocsin_grouper.domain import commands, deliveries, ending, episode_timer, heartbeats
from tocsin_grouper.domain.clock import GRACE, WHOLE_PARTITION, advance
from tocsin_grouper.domain.facts import ClockAdvanced, Fact, GatewayTicked, RefusalCounted, TenantGone, TimerCleared
from tocsin_grouper.domain.keys import TimerKey
from tocsin_grouper.domain.partition import PartitionState
from tocsin_grouper.domain.state import PartitionClock
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.timers import Due, Firing
from tocsin_grouper.domain.view import Draft, Missing

FOLD_VERSION: Final = 3
"""Names this fold. Any change of a recorded fact for the same input is a new version (DESIGN 4)."""

_NOT_THE_RECORDS_FAULT = (Missing, MemoryError)
"""What must not become a recorded fact: it would not be raised again at a replay (P5)."""

TimerHandler = Callable[[Step, Due], None]
TIMER_HANDLERS: Final[Mapping[str, TimerHandler]] = {
    episode_timer.KIND: episode_timer.fire,
    ending.KIND: ending.fire,
    heartbeats.KIND: heartbeats.fire,
}
TIMERS_AT_ONCE: Final = 500
"""Timers of one tenant that one record fires at most; the rest fires at the tenant's next record, or the next tick.

For each tenant by itself: one whose timers pile up delays nobody else's, and erasing it changes nothing for others.
"""


@record
class LogRecord:
    """One record of the log as the fold sees it."""

    position: Position
    appended_at: int
    """The broker's append time of the log record, µs, raw: the fold clamps it."""
    release: str
    payload: Image | Command | Tick | TenantErased

    @property
    def tenant(self) -> str | None:
        """The tenant it belongs to; None for a tick, which belongs to everybody."""
        payload = self.payload
        return None if isinstance(payload, Tick) else payload.tenant


@record
class Decision:
    """What the fold decided about one record, ready to be absorbed and written."""

    record: LogRecord
    clock: PartitionClock
    facts: list[Fact]
    draft: Draft
    error: Exception | None = None
    """What `decide` raised on this record, if it did: for the log; the record's outcome says so too."""
    timer_errors: tuple[tuple[TimerKey, Exception], ...] = ()
    """Timers that raised and were cleared, for the log: nothing else tells of them."""


def decide(state: PartitionState, record: LogRecord, handlers: Mapping[str, TimerHandler] = TIMER_HANDLERS) -> Decision:
    """Decide one record: the clock moves, then what is due fires, then the record itself counts.

    Args:
        state: of the record's partition; it is not changed.
        record: the next one: its offset is one above the last (the handler sees to that).
        handlers: what fires for each kind of timer.

    Raises:
        Missing: state is needed that is not loaded.
    """
    clock = advance(state.clock, record.appended_at, record.position.offset)
    step = _begin(state, record, clock)
    if type(record.payload) is TenantErased or _is_of_nobody(state, record):
        _decide_erasure(step, state, record)
        return Decision(record=record, clock=clock, facts=step.facts, draft=step.draft)
    timer_errors = _fire_timers(step, state, record, handlers)
    try:
        _decide_payload(step, record)
    except _NOT_THE_RECORDS_FAULT:
        raise
    except Exception as error:  # noqa: BLE001 # whatever a rule does wrong, only this record fails (P7)
        return _decide_failure(state, record, clock, handlers, error)
    return Decision(record=record, clock=clock, facts=step.facts, draft=step.draft, timer_errors=timer_errors)


def _is_of_nobody(state: PartitionState, record: LogRecord) -> bool:
    """Tell whether the record belongs to a tenant that was erased: only the clock moves by it."""
    tenant = record.tenant
    return tenant is not None and state.is_gone(tenant)


def _decide_erasure(step: Step, state: PartitionState, record: LogRecord) -> None:
    """Erase a tenant, once: a gateway that died in the middle may have written the record twice."""
    payload = record.payload
    if isinstance(payload, TenantErased) and payload.tenant not in state.erased:
        step.record(TenantGone(tenant=payload.tenant, offset=record.position.offset))


def _begin(state: PartitionState, record: LogRecord, clock: PartitionClock) -> Step:
    """Move the clock, and count refusals before any timer fires."""
    refusals = state.refusals
    tick = record.payload if isinstance(record.payload, Tick) else None
    told = {} if tick is None else _refusals_of(state, tick)
    if told:
        refusals = refusals | {key: refusals.get(key, 0) + owed for key, owed in told.items()}
    step = Step(
        position=record.position,
        clock=clock,
        loaded=state.loaded,
        refusals=refusals,
        rules=state.rules,
        judgements=state.judgements,
        lately=state.lately,
    )
    step.record(ClockAdvanced(clock=clock))
    if tick is not None:
        _hear(step, state, tick)
    for tenant, integration in told:
        step.record(RefusalCounted(tenant=tenant, integration=integration, owed=refusals[tenant, integration]))
    return step


def _hear(step: Step, state: PartitionState, tick: Tick) -> None:
    """Note which gateway told, and forget those that are dead."""
    gateway, observed = tick.process or tick.gateway, step.clock.observed
    gone = clock_rules.dead(observed, {name: last for name, last in state.gateways.items() if name != gateway})
    for name in gone:
        step.record(GatewayTicked(gateway=name, observed=None))
    if not tick.last or gateway in state.gateways:
        step.record(GatewayTicked(gateway=gateway, observed=None if tick.last else observed))


def _told_until(step: Step, state: PartitionState) -> int:
    """Say up to when absences may be judged at this record."""
    gateways = dict(state.gateways)
    for fact in step.facts:
        if isinstance(fact, GatewayTicked):
            if fact.observed is None:
                gateways.pop(fact.gateway, None)
            else:
                gateways[fact.gateway] = fact.observed
    return clock_rules.told_until(step.clock.observed, gateways)


def _refusals_of(state: PartitionState, tick: Tick) -> dict[tuple[str, str], int]:
    covers = tick.covers_ms * SECOND // 1000
    if tick.all_refused:
        return {(WHOLE_PARTITION, WHOLE_PARTITION): covers}
    return {(each.tenant, each.integration): covers for each in tick.refused if not state.is_gone(each.tenant)}


def _fire_timers(
    step: Step, state: PartitionState, record: LogRecord, handlers: Mapping[str, TimerHandler]
) -> tuple[tuple[TimerKey, Exception], ...]:
    """Fire what is due: a tenant's timers at its own records, everybody's at ticks; by due time, then key."""
    tenant = record.tenant
    tenants = state.timers.tenants() if tenant is None else [tenant]
    told_until = _told_until(step, state) if tenant is None else clock_rules.told_until(step.clock.observed, state.gateways)
    dues = state.timers.due(tenants, told_until, step.refusals, most=TIMERS_AT_ONCE)
    if not dues:
        return ()
    episode_timer.require(step, dues)
    ending.require(step, dues)
    heartbeats.require_due(step, dues)
    errors: list[tuple[TimerKey, Exception]] = []
    firing = Firing(dues, told_until - GRACE, step.refusals, most=TIMERS_AT_ONCE)
    for due in firing:
        said = len(step.facts)
        error = _fire(step, due, handlers)
        if error is not None:
            errors.append((due.key, error))
        firing.heed(step.facts[said:])
    return tuple(errors)


def _fire(step: Step, due: Due, handlers: Mapping[str, TimerHandler]) -> Exception | None:
    """Fire one timer; one that raises is cleared and changes nothing else, or it would raise at every record."""
    facts = len(step.facts)
    step.draft.mark()
    try:
        handlers[due.timer.kind](step, due)
    except _NOT_THE_RECORDS_FAULT:
        raise
    except Exception as error:  # noqa: BLE001 # a broken timer must not stop its tenant (P7)
        del step.facts[facts:]
        step.draft.rewind()
        step.record(TimerCleared(key=due.key))
        return error
    return None


def _decide_payload(step: Step, record: LogRecord) -> None:
    match record.payload:
        case Image() as image:
            deliveries.decide_delivery(step, image)
        case Command() as command:
            commands.decide_command(step, command)
        case _:
            pass


def _decide_failure(
    state: PartitionState,
    record: LogRecord,
    clock: PartitionClock,
    handlers: Mapping[str, TimerHandler],
    error: Exception,
) -> Decision:
    """Decide a record whose own decision raised: clock and timers as always, then its failure, and nothing else."""
    step = _begin(state, record, clock)
    timer_errors = _fire_timers(step, state, record, handlers)
    match record.payload:
        case Image() as image:
            deliveries.record_fold_error(step, image, error)
        case Command() as command:
            commands.record_fold_error(step, command, error)
        case _:
            pass
    return Decision(record=record, clock=clock, facts=step.facts, draft=step.draft, error=error, timer_errors=timer_errors)
