"""What rules make of one alert, all of it: the answers that the fold asks for, put side by side."""

from dataclasses import dataclass

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity, highest
from tocsin_contracts.status import EventStatus
from tocsin_rules.compiled import CompiledRules
from tocsin_rules.explaining import Explained, explain
from tocsin_rules.fields import Subject
from tocsin_rules.ruling import Classification, Ruling

_STATUSES = {EventStatus.RESOLVED: "it resolves", EventStatus.ACKNOWLEDGED: "it is acknowledged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One alert, and what becomes of it."""

    subject: Subject
    """With aliases and the severity map for all applied."""
    heartbeat: str | None
    """The configured heartbeat that it is a sign of: it makes no incident."""
    classified: Classification
    ruling: Ruling
    escalations: tuple[str, ...]
    severity: Severity | None
    """By the severity maps and the escalations that wait for nothing."""
    not_asked: str | None
    """Why the fold asks no rule about such an event: the rest says what it would answer if it fired. None: it does ask."""
    rules: CompiledRules
    said: AlertEvent
    """The event, before aliases and maps."""

    @property
    def explained(self) -> list[Explained]:
        """Why each rule matched or did not; asks all of them, one by one."""
        return explain(self.rules, self.subject.source, self.subject.integration, self.said)


def judge(rules: CompiledRules, subject: Subject) -> Verdict:
    """Ask what the fold asks."""
    source, integration, event = subject.source, subject.integration, rules.prepare(subject.event)
    beat = rules.heartbeat_of(source, integration, event) if event.status is EventStatus.FIRING else None
    classified = rules.classify(source, integration, event)
    ruling = rules.rule_for(source, integration, event, classified)
    escalations = rules.escalations(source, integration, event, classified)
    severity = ruling.severity
    for escalation in escalations:
        if escalation.spike is None and severity is not None:
            severity = highest(severity, escalation.at_least)
    return Verdict(
        subject=Subject(source=source, integration=integration, event=event),
        heartbeat=None if beat is None else beat.name,
        classified=classified,
        ruling=ruling,
        escalations=tuple(escalation.name for escalation in escalations),
        severity=severity,
        not_asked=_not_asked(event, None if beat is None else beat.name),
        rules=rules,
        said=subject.event,
    )


def _not_asked(event: AlertEvent, beat: str | None) -> str | None:
    if event.status is not EventStatus.FIRING:
        return f"{_STATUSES[event.status]}: it follows its alert to its incident, and no rule is asked; if it fired:"
    if beat is not None:
        return f"a sign of life of heartbeat {beat}: no incident; else:"
    return "a sign of life, says its source: no incident; else:" if event.heartbeat else None


def facts_of(verdict: Verdict) -> dict[str, object]:
    """Write a verdict's answers for programs, and for what a test expects."""
    ruling = verdict.ruling
    return {
        "rule": ruling.rule,
        "rules": list(ruling.rules),
        "key_rule": ruling.key_rule,
        "group": dict(ruling.values),
        "key": ruling.key,
        "team": ruling.team,
        "category": str(verdict.classified.category),
        "classified_by": list(verdict.classified.by),
        "severity": verdict.severity and str(verdict.severity),
        "escalations": list(verdict.escalations),
        "heartbeat": verdict.heartbeat,
        "refire": str(ruling.refire),
        "threshold": None if ruling.threshold is None else ruling.threshold.model_dump(mode="json"),
        "reason": ruling.reason,
        "not_asked": verdict.not_asked,
    }
