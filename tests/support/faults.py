"""What goes wrong with us and must look like nothing to those who wait for an absence (P10), on the twin."""

from collections.abc import Awaitable, Callable
from typing import Final

from tests.support.twin import Gateway, Twin

DAY_S = 86_400.0
OUTAGE_S = 6_000
Fault = Callable[[Twin], Awaitable[None]]


async def gateway_down(twin: Twin) -> None:
    """Nobody ticks, nobody takes anything; then another process starts."""
    twin.clock.advance(DAY_S)
    twin.gateway.restart()


async def log_down(twin: Twin) -> None:
    """The gateway answers 503 and its ticks fail."""
    for _ in range(OUTAGE_S // 60):
        twin.clock.advance(60)
        twin.log.fail_next_appends(2)
        assert not await twin.deliver(b"{}")
        await twin.tick()


async def refused(twin: Twin) -> None:
    """The integration's quota is used up; everything else works, and ticks say so."""
    for _ in range(OUTAGE_S // 15):
        twin.refuse()
        await twin.tick_for(15)


async def refused_by_one_of_two(twin: Twin) -> None:
    """What one gateway refuses, the other's ticks do not take back."""
    other = Gateway(twin.log, twin.clock, "g2")
    for _ in range(OUTAGE_S // 15):
        twin.refuse(gateway=other)
        await twin.tick_for(15, twin.gateway, other)


async def clock_steps_ahead(twin: Twin) -> None:
    """The broker's clock was wrong, and was put right."""
    twin.clock.step(DAY_S)


async def clock_steps_back(twin: Twin) -> None:
    """Also backwards: time goes on from where it was."""
    twin.clock.step(-DAY_S)


async def clock_jumps(twin: Twin) -> None:
    """Ahead and back, again and again."""
    for _ in range(20):
        twin.clock.step(3_600)
        await twin.tick()
        twin.clock.step(-3_600)
        await twin.tick()


FAULTS: Final[tuple[Fault, ...]] = (
    gateway_down,
    log_down,
    refused,
    refused_by_one_of_two,
    clock_steps_ahead,
    clock_steps_back,
    clock_jumps,
)
