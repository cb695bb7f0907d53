"""A verdict as people and programs read it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from tocsin.rules.verdict import Verdict, facts_of
from tocsin_rules.document import DEFAULT_RULE, RESERVED
from tocsin_rules.duration import write_duration
from tocsin_rules.explaining import Explained

MISSED_MAX = 20
"""Rules that do not match, of which a person reads why."""
_KINDS = {"heartbeats": "heartbeat", "classification": "classification", "rules": "rule", "escalation": "escalation"}


def lines_of(verdict: Verdict, *, everything: bool) -> Iterator[str]:
    """Explain an alert: what became of it, then each rule with why it matched or did not.

    Args:
        verdict: of the alert.
        everything: with the default classification rules that had no say, and all that do not match, however many.
    """
    event, ruling = verdict.subject.event, verdict.ruling
    yield f"{event.title}  ({verdict.subject.source}, {event.severity or 'no severity'})"
    if verdict.not_asked is not None:
        yield f"  {verdict.not_asked}"
    yield f"  {ruling.reason}"
    answers = (
        ("team", ruling.team),
        ("category", verdict.classified.category),
        ("severity", verdict.severity),
        ("refire", ruling.refire),
        ("group window", None if ruling.window_s is None else write_duration(ruling.window_s)),
        (
            "threshold",
            ruling.threshold and f"{ruling.threshold.alerts} alerts within {write_duration(ruling.threshold.within_s)}",
        ),
    )
    yield "  " + ", ".join(f"{name} {value}" for name, value in answers if value is not None)
    told = verdict.explained
    shown = told if everything else _telling(told)
    yield from (f"    {_explained(one)}" for one in shown)
    left = sum(not _is_ours(one) for one in told) - sum(not _is_ours(one) for one in shown)
    if left:
        yield f"    … {left:,} more do not match: --all explains them"


def json_of(verdict: Verdict) -> dict[str, object]:
    """Write a verdict for programs."""
    event = verdict.subject.event
    alert = {"source": verdict.subject.source, "title": event.title, "service": event.service, "environment": event.environment}
    return {"alert": alert, **facts_of(verdict), "explained": [asdict(one) for one in verdict.explained]}


def _telling(told: Sequence[Explained]) -> list[Explained]:
    """Leave out default classification rules that had no say, and of many that do not match those that are far from it."""
    missed = [number for number, one in enumerate(told) if not one.matched and not _is_ours(one)]
    near = set(sorted(missed, key=lambda number: len(told[number].failed))[:MISSED_MAX])
    return [one for number, one in enumerate(told) if one.decided or number in near or (one.matched and not _is_ours(one))]


def _is_ours(one: Explained) -> bool:
    return one.kind == "classification" and one.name.startswith(RESERVED)


def _explained(one: Explained) -> str:
    mark = "+" if one.decided else "-"
    if one.decided:
        why = "matches" if one.name != DEFAULT_RULE else "stands behind all"
    elif one.matched:
        why = f"matches, but {one.note}"
    else:
        why = "; ".join(f"{failed.matcher} does not hold: it is {failed.saw!r}" for failed in one.failed)
    return f"{mark} {_KINDS[one.kind]} {one.name}: {why}"
