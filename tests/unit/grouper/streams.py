"""Hypothesis strategies: short streams of the log, made of few alerts, so that what can meet does meet."""

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tests.support.folding import Folding, alert, episode
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus, IncidentStatus

QUICKLY = settings(max_examples=40, deadline=None)
"""A stream takes a while to shrink and to fold, and no time is asserted; `make sim` tries thousands."""

Act = Callable[[Folding], Any]
SETTINGS = IntegrationSettings(dedup_window_s=60, group_window_s=120, silence_s=240)


@st.composite
def events(draw: st.DrawFn) -> AlertEvent:
    """Draw what somebody says about one of four alerts, with or without times."""
    status = draw(st.sampled_from([EventStatus.FIRING, EventStatus.FIRING, EventStatus.RESOLVED, EventStatus.ACKNOWLEDGED]))
    start = draw(st.none() | st.integers(-60, 600))
    times = {} if start is None else episode(start, start + 30 if status is EventStatus.RESOLVED else None)
    return alert(
        draw(st.sampled_from("abcd")),
        status,
        problem=draw(st.sampled_from(["p", "p", "q"])),
        environment=draw(st.sampled_from([None, "prod"])),
        severity=draw(st.sampled_from([None, *Severity])),
        never_resolves=draw(st.booleans()),
        heartbeat=draw(st.integers(0, 9)) == 0,
        title=draw(st.sampled_from(["x", "y"])),
        **times,
    )


@st.composite
def deliveries(draw: st.DrawFn, *, repeating: bool = True) -> Act:
    """Draw a delivery; with `repeating` one body may name an alert twice."""
    said = draw(st.lists(events(), max_size=4, unique_by=None if repeating else lambda event: event.identity))
    values = {
        "tenant": draw(st.sampled_from(["acme", "acme", "other"])),
        "integration": draw(st.sampled_from(["prod", "prod", "dev"])),
        "sender_id": draw(st.none() | st.sampled_from(["e1", "e2", "e3"])),
    }
    return lambda folding: folding.deliver(*said, **values)


def waits() -> st.SearchStrategy[Act]:
    """Draw time that passes, also backwards, and with or without ticks in it."""
    silent = st.sampled_from([1.0, 20.0, 61.0, 4000.0, -30.0]).map(lambda seconds: lambda folding: folding.wait(seconds))
    ticked = st.sampled_from([15, 60, 180, 360]).map(lambda seconds: lambda folding: folding.tick_for(seconds))
    refused = st.sampled_from([60, 300]).map(lambda seconds: lambda folding: folding.tick_for(seconds, refused=["prod"]))
    return silent | ticked | refused


@st.composite
def commands(draw: st.DrawFn) -> Act:
    """Draw a command about an incident that may be there."""
    number, status = draw(st.integers(0, 4)), draw(st.sampled_from(IncidentStatus))

    def act(folding: Folding) -> None:
        incidents = folding.incidents()
        name = incidents[number].id if number < len(incidents) else "nobody"
        folding.command(name, status, id=f"c{number}{status}")

    return act


def acts(*, repeating: bool = True) -> st.SearchStrategy[list[Act]]:
    """Draw a stream."""
    return st.lists(deliveries(repeating=repeating) | deliveries(repeating=repeating) | waits() | commands(), max_size=25)


def play(stream: list[Act]) -> Folding:
    """Play a stream into a new fold."""
    folding = Folding(settings=SETTINGS)
    for act in stream:
        act(folding)
    return folding
