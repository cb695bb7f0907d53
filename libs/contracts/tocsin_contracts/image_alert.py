"""An alert event as an image holds it: a list of values in one order, without their names.

Names would be a quarter of an image's bytes and of its reading, which is the hottest decode of the system: reading takes
what our own normalizer wrote as it is. Text that the alerts of a delivery share stands once, in the image's `texts`; a field
that shares it holds the place there, and the bits of `shared` say which fields do. New fields come behind the last one:
readers of before leave them out.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.ids import AlertId
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus

FIELDS = (
    "id", "title", "description", "link", "service", "environment", "team", "project", "problem", "raw", "labels", "shared",
    "identity", "status", "content", "severity", "host", "occurred_at", "episode_at", "metadata", "flags",
)  # fmt: skip
"""In the order in which they are written."""
_TEXTS = FIELDS[1:10]
"""Fields that may hold a place in `texts`."""
_texts_of = attrgetter(*_TEXTS)
_SHARED_FROM = 24
"""Texts shorter than this are not worth a place."""
_LABELS = 1 << len(_TEXTS)
"""The bit of `shared` that says so of labels."""
_PLACES = tuple(tuple(place + 1 for place in range(len(_TEXTS)) if bits >> place & 1) for bits in range(_LABELS))
"""Where in the list the fields are that the lower bits of `shared` name."""
_ALWAYS_NAMED = frozenset({"id", "identity", "status", "content", "title", "project", "problem"})
"""What version 1 said of every alert."""
_SEVERITIES = {severity.value: severity for severity in Severity} | {None: None}
_STATUSES = {status.value: status for status in EventStatus}
_NONE: Mapping[str, Any] = {}


def shared_texts(alerts: Sequence[AlertEvent]) -> list[str]:
    """List texts that stand in more than one field of a delivery's alerts, in the order of their first use."""
    if len(alerts) < 2:
        return []
    counts: dict[str, int] = {}
    for event in alerts:
        for text in (*_texts_of(event), *event.labels.values()):
            if text is not None and len(text) >= _SHARED_FROM:
                counts[text] = counts.get(text, 0) + 1
    return [text for text, count in counts.items() if count > 1]


def write(event: AlertEvent, alert: AlertId, index: Mapping[str, int]) -> list[Any]:
    """Write an event; `index` gives the places of shared texts."""
    texts: Sequence[Any] = _texts_of(event)
    labels: Mapping[str, Any] = event.labels
    shared = 0
    if index:
        shared = sum([1 << place for place, text in enumerate(texts) if text in index])
        texts = [index.get(text, text) for text in texts]
        if not index.keys().isdisjoint(labels.values()):
            shared |= _LABELS
            labels = {name: index.get(text, text) for name, text in labels.items()}
    flags = event.trusted | event.never_resolves << 1 | event.heartbeat << 2 | event.sanitized << 3
    return [
        alert, *texts, labels or None, shared, event.identity, event.status, event.content,
        event.severity, event.host, event.occurred_at, event.episode_at, event.metadata or None, flags,
    ]  # fmt: skip


def read(values: list[Any], texts: Sequence[str]) -> AlertEvent:
    """Read what `write` wrote; the list is changed.

    Raises:
        ValueError, LookupError, TypeError: nothing that `write` can have written.
    """
    if shared := values[11]:
        for place in _PLACES[shared & ~_LABELS]:
            values[place] = texts[values[place]]
        if shared & _LABELS:
            values[10] = {name: texts[value] if type(value) is int else value for name, value in values[10].items()}
    (
        _, title, description, link, service, environment, team, project, problem, raw, labels, _,
        identity, status, content, severity, host, occurred_at, episode_at, metadata, flags, *_,
    ) = values  # fmt: skip
    return AlertEvent(
        identity=identity,
        problem=problem,
        status=_STATUSES[status],
        title=title,
        content=content,
        project=project,
        severity=_SEVERITIES[severity],
        description=description,
        service=service,
        environment=environment,
        team=team,
        host=host,
        link=link,
        labels=labels or _NONE,
        metadata=metadata or _NONE,
        occurred_at=occurred_at,
        episode_at=episode_at,
        trusted=flags & 1 != 0,
        never_resolves=flags & 2 != 0,
        heartbeat=flags & 4 != 0,
        sanitized=flags & 8 != 0,
        raw=raw,
    )


def from_version_1(alert: Mapping[str, Any]) -> list[Any]:
    """Turn an alert of an image of version 1, which named its fields, into a list of today's.

    Raises:
        KeyError: a field is missing that every alert had.
    """
    found = [alert[name] if name in _ALWAYS_NAMED else alert.get(name) for name in FIELDS]
    labels = alert.get("labels", {})
    shared = sum((type(alert.get(name)) is int) << place for place, name in enumerate(_TEXTS))
    found[11] = shared | _LABELS * any(type(value) is int for value in labels.values())
    found[20] = alert.get("flags", 0)
    return found
