"""What GitHub and GitLab have in common: outcomes of builds and deployments, and what a branch's alert is called."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.severity_words import WORDS, severity_of, with_raw_word
from tocsin_sources.source import Ignored
from tocsin_sources.text import description_of, title_of

OUTCOMES: Mapping[str, EventStatus] = {
    **dict.fromkeys(("failure", "failed", "error", "timed_out", "startup_failure"), EventStatus.FIRING),
    "success": EventStatus.RESOLVED,
}
"""What a finished run says of its branch; everything else (cancelled, skipped, running …) says nothing about it."""
NO_ALERT = Ignored(reason="not-an-alert", detail="this event is about no alert")
NO_OUTCOME = Ignored(reason="no-outcome", detail="neither failed nor passed: running, cancelled, skipped or replaced")


def word_of(value: object) -> str | None:
    """Give a member that is one of the format's words, in lower case; None where it is absent or no text."""
    text = fields.present(value) if isinstance(value, str) else None
    return None if text is None else text.lower()


def labels_of(members: Mapping[str, object]) -> dict[str, str]:
    """Make labels of what was said."""
    return {name: text for name, value in members.items() if (text := fields.said(value)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One alert, as all kinds of events agree to tell it."""

    identity: str
    """`<kind>:<what>`; the repository is put between the two."""
    status: EventStatus
    told: Mapping[str, object]
    """The JSON that is kept and hashed."""
    title: str
    """What happened; or the sender's own title, see `titled`."""
    titled: bool = False
    """Whether the title is the sender's own, such as an incident's: then the repository is not put in front."""
    problem: str | None = None
    """Without the repository; None where the alert is a problem of its own."""
    description: str | None = None
    level: str | None = None
    environment: str | None = None
    team: str | None = None
    service: str | None = None
    """Only where the event says more than its repository does."""
    link: object = None
    labels: Mapping[str, object] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    occurred_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """Where it happened."""

    number: str
    """What stays the same when it is renamed."""
    full_name: str | None
    name: str | None
    link: object
    levels: Mapping[str, Severity] = field(default_factory=lambda: WORDS)


def event_of(report: Report, repository: Repository, aliases: Mapping[str, str]) -> AlertEvent:
    """Write a report as an alert event of its repository."""
    kind, _, rest = report.identity.partition(":")
    identity = f"{kind}:{repository.number}:{rest}"
    title = report.title if report.titled else f"{repository.full_name or repository.number}: {report.title}"
    raw, replaced = raw_json(report.told)
    labels = {**labels_of({"repository": repository.full_name}), **labels_of(report.labels)}
    return AlertEvent(
        identity=identity,
        problem=identity if report.problem is None else f"{repository.number}:{report.problem}",
        status=report.status,
        title=title_of(title) or identity,
        content=content_hash(report.status, report.told),
        project=repository.full_name or "",
        severity=severity_of(report.level, report.status, repository.levels),
        description=description_of(report.description),
        service=report.service or repository.name,
        environment=folded_environment(report.environment, aliases),
        team=report.team,
        link=fields.web_link(report.link) or fields.web_link(repository.link),
        labels=with_raw_word(labels, report.level, repository.levels),
        metadata=fields.known(report.metadata),
        occurred_at=report.occurred_at,
        sanitized=replaced,
        raw=raw,
    )
