"""The normalized alert event (E6): one notification of one alert, as a source's file maps it.

Bounds (DESIGN 3, "Every indexed or typed value is bounded in the contract"): short text ≤ 1,000 characters, title ≤ 500,
description ≤ 10,000, times 1970–2100, ≤ 64 labels of ≤ 200 and ≤ 1,000 characters, raw JSON ≤ 64 kB. Text holds no NUL, no
lone surrogate. `bounds.bounded_event` cuts; a value outside is a bug of ours.
"""

from collections.abc import Mapping
from dataclasses import field

from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus

IDENTITY_MAX = 1000
SHORT_MAX = 1000
TITLE_MAX = 500
DESCRIPTION_MAX = 10_000
LINK_MAX = 2000
LABELS_MAX = 64
LABEL_NAME_MAX = 200
LABEL_VALUE_MAX = 1000


@record
class AlertEvent:
    """One notification of one alert. None where the sender said nothing: defaults are the fold's business."""

    identity: str
    """Identity of the alert at its source: the same for firing, repeat and resolve (SOURCES 0.1)."""
    problem: str
    """The problem key (SOURCES 0.1b): alerts that share it are, by the default rule, one incident."""
    status: EventStatus
    title: str
    content: str
    """Hash of what the sender said about this alert: equal content may be a duplicate (P4)."""
    project: str = ""
    """The source's project, where it has one (Sentry's slug): part of the group key (E7)."""
    severity: Severity | None = None
    """None on a resolve that does not say: the alert keeps the one it had."""
    description: str | None = None
    service: str | None = None
    environment: str | None = None
    team: str | None = None
    host: str | None = None
    link: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    """What is particular to the source (D5); small JSON."""
    occurred_at: int | None = None
    """When it happened by the sender's clock, µs."""
    episode_at: int | None = None
    """Episode hint: start of the firing..resolved span by the sender's clock, µs; a newer one ends the older episode."""
    trusted: bool = False
    """Whether the sender's times may order events (SOURCES 0.1c)."""
    never_resolves: bool = False
    """Whether this alert's source never sends a resolve: then its window ends its episode."""
    heartbeat: bool = False
    """A Watchdog: recorded, never an incident."""
    sanitized: bool = False
    """Whether text was changed to be storable (NUL and lone surrogates became U+FFFD)."""
    raw: str | None = None
    """The alert's own JSON as the sender wrote it, compact; None above 64 kB."""
