"""What one delivery says about its alerts, event by event, and how a body that names an alert twice is cut."""

from dataclasses import dataclass

from tocsin_contracts.alert import AlertEvent
from tocsin_grouper.domain.episodes import Verdict
from tocsin_grouper.domain.keys import AlertKey
from tocsin_grouper.domain.rules import Judged


@dataclass(slots=True)
class Said:
    """One event of the delivery, at its place."""

    seq: int
    key: AlertKey
    judged: Judged
    event: AlertEvent
    """What the source said, as the rules made it."""
    verdict: Verdict | None = None
    """None: not judged yet, or a sign of life, which is not judged."""
    why: dict[str, object] | None = None
    """What decided where its episode begins."""


def cut(said: list[Said]) -> list[list[Said]]:
    """Cut what was said into runs that name no alert twice; nearly always it is one run."""
    if len(said) == 1 or len({one.key for one in said}) == len(said):
        return [said]
    runs: list[list[Said]] = [[]]
    named: set[AlertKey] = set()
    for one in said:
        if one.key in named:
            runs.append([])
            named.clear()
        named.add(one.key)
        runs[-1].append(one)
    return runs
