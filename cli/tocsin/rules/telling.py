"""A verdict as people and programs read it."""

from collections.abc import Iterator
from dataclasses import asdict

from tocsin.rules.verdict import Verdict, facts_of
from tocsin_rules.document import DEFAULT_RULE, RESERVED
from tocsin_rules.duration import write_duration
from tocsin_rules.explaining import Explained

_KINDS = {"heartbeats": "heartbeat", "classification": "classification", "rules": "rule", "escalation": "escalation"}


def lines_of(verdict: Verdict, *, everything: bool) -> Iterator[str]:
    """Explain an alert: what became of it, then each rule with why it matched or did not.

    Args:
        verdict: of the alert.
        everything: with the default classification rules that had no say.
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
    for one in verdict.explained:
        if everything or one.decided or not (one.kind == "classification" and one.name.startswith(RESERVED)):
            yield f"    {_explained(one)}"


def json_of(verdict: Verdict) -> dict[str, object]:
    """Write a verdict for programs."""
    event = verdict.subject.event
    alert = {"source": verdict.subject.source, "title": event.title, "service": event.service, "environment": event.environment}
    return {"alert": alert, **facts_of(verdict), "explained": [asdict(one) for one in verdict.explained]}


def _explained(one: Explained) -> str:
    mark = "+" if one.decided else "-"
    if one.decided:
        why = "matches" if one.name != DEFAULT_RULE else "stands behind all"
    elif one.matched:
        why = f"matches, but {one.note}"
    else:
        why = "; ".join(f"{failed.matcher} does not hold: it is {failed.saw!r}" for failed in one.failed)
    return f"{mark} {_KINDS[one.kind]} {one.name}: {why}"
