"""What the load sends: stories of alerts, told by deliveries that no other story shares a byte with. Pure, by seed and number.

A story is one Alertmanager group (fires, repeats, changes, resolves, fires again) or one Sentry issue (events, some twice;
resolved). Some deliveries are sent twice, one after the other or at once; a few cannot be read, or carry a wrong secret.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import orjson

from tocsin_sources import samples

SOURCES: Final = ("alertmanager", "sentry")
_SENTRY_EVENT: Final = samples.load("sentry", "event_alert_triggered_fatal_production")
_SENTRY_ISSUE: Final = samples.load("sentry", "issue_resolved_in_next_release")
_GROUP: Final = 12
"""Stories in a row that share their alert names, and so incidents."""


class Kind(StrEnum):
    """What a delivery is, for who answers and for what it becomes."""

    EVENT = "event"
    UNFIT = "unfit"
    """Valid JSON of a shape that nobody knows: accepted, then failed."""
    BROKEN = "broken"
    """No JSON: refused."""
    FORGED = "forged"
    """A wrong secret: refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One delivery of a story, the same bytes however often it is sent."""

    story: int
    marker: str
    source: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    kind: Kind = Kind.EVENT
    alerts: int = 1
    episode: int = 0
    resolves: bool = False
    sender_id: str | None = None
    twins: bool = False
    """Sent twice at once."""

    @property
    def key(self) -> str:
        """Name the bytes."""
        return body_key(self.body)

    @property
    def retried(self) -> bool:
        """Tell whether the sender tries again: Alertmanager does for as long as it is not refused, Sentry never."""
        return self.source == "alertmanager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What one sender tells, in order; the next delivery leaves when the one before was answered."""

    number: int
    source: str
    told: tuple[Told, ...]


def body_key(body: bytes) -> str:
    """Name a body by its hash."""
    return sha256(body).hexdigest()[:24]


def story(seed: int, number: int) -> Story:
    """Tell story `number`: the same for the same seed."""
    draw = random.Random(f"{seed}/{number}")
    source = "sentry" if draw.random() < 0.3 else "alertmanager"
    told = _sentry(draw, number) if source == "sentry" else _alertmanager(draw, number)
    return Story(number=number, source=source, told=tuple(_disturbed(draw, told)))


def _disturbed(draw: random.Random, told: list[Told]) -> list[Told]:
    """Let some be sent again, and put in some that are refused."""
    out: list[Told] = []
    for one in told:
        out.append(one)
        if draw.random() < 0.08:
            out.append(one)
        if draw.random() < 0.05:
            out.append(_spoiled(draw, one, len(out)))
    return out


def _spoiled(draw: random.Random, one: Told, place: int) -> Told:
    kind = draw.choice((Kind.UNFIT, Kind.BROKEN, Kind.FORGED))
    marker = f"{one.marker}.{kind}{place}"
    key = "alerts" if one.source == "alertmanager" else "data"
    bodies = {
        Kind.UNFIT: orjson.dumps({key: "nonsense", "marker": marker}),
        Kind.BROKEN: b'{"marker": "' + marker.encode(),
        Kind.FORGED: orjson.dumps({key: [], "marker": marker}),
    }
    return Told(story=one.story, marker=marker, source=one.source, body=bodies[kind], headers=one.headers, kind=kind, alerts=0)


def _alertmanager(draw: random.Random, number: int) -> list[Told]:
    count, told = draw.randint(1, 4), []
    for episode in range(1 if draw.random() < 0.8 else 2):
        told.append(_group(number, episode, count, "fires", twins=draw.random() < 0.06))
        if draw.random() < 0.3:
            told.append(_group(number, episode, count, "goes on"))
        if draw.random() < 0.7 or episode == 0:
            told.append(_group(number, episode, count, "resolved", twins=draw.random() < 0.06))
    return told


def _group(number: int, episode: int, count: int, what: str, *, twins: bool = False) -> Told:
    marker, resolves = f"{number}.{episode}.{what}", what == "resolved"
    status = "resolved" if resolves else "firing"
    service = f"service-{number // _GROUP % 7}"
    starts = f"2026-03-02T{10 + episode}:15:30.123Z"
    alerts = [
        {
            "status": status,
            "labels": {
                "alertname": f"Kill{number // _GROUP}",
                "service": service,
                "severity": "critical",
                "env": "production",
                "n": f"{number}.{place}",
            },
            "annotations": {"summary": f"story {number} {what}", "marker": marker},
            "startsAt": starts,
            "endsAt": f"2026-03-02T{10 + episode}:45:00Z" if resolves else "0001-01-01T00:00:00Z",
            "fingerprint": sha256(f"{number}.{place}".encode()).hexdigest()[:16],
        }
        for place in range(count)
    ]
    document: dict[str, Any] = {
        "receiver": "tocsin",
        "status": status,
        "alerts": alerts,
        "groupLabels": {"alertname": f"Kill{number // _GROUP}"},
        "commonLabels": {"service": service},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.com:9093",
        "version": "4",
        "groupKey": f'{{}}:{{alertname="Kill{number // _GROUP}"}}',
        "truncatedAlerts": 0,
    }
    return Told(
        story=number,
        marker=marker,
        source="alertmanager",
        body=orjson.dumps(document),
        headers={"user-agent": "Alertmanager/0.34.0"},
        alerts=count,
        episode=episode,
        resolves=resolves,
        twins=twins,
    )


def _sentry(draw: random.Random, number: int) -> list[Told]:
    events = [_event(number, event, draw) for event in range(draw.randint(1, 3))]
    told = list(events)
    if draw.random() < 0.3:
        told.append(draw.choice(events))
    if draw.random() < 0.6:
        told.append(_issue_resolved(number))
    return told


def _event(number: int, event: int, draw: random.Random) -> Told:
    document = orjson.loads(_SENTRY_EVENT.body)
    event_id = sha256(f"event {number}.{event}".encode()).hexdigest()[:32]
    document["data"]["event"] |= {
        "event_id": event_id,
        "issue_id": str(number + 1),
        "issue_url": f"https://sentry.example.com/api/0/organizations/acme/issues/{number + 1}/",
        "datetime": f"2026-03-02T10:20:{event:02}.000000Z",
        "title": f"story {number}",
    }
    document["data"]["event"]["tags"].append(["n", f"{number}.{event}"])
    return Told(
        story=number,
        marker=f"{number}.event{event}",
        source="sentry",
        body=orjson.dumps(document),
        headers=_SENTRY_EVENT.headers,
        sender_id=event_id,
        twins=draw.random() < 0.06,
    )


def _issue_resolved(number: int) -> Told:
    document = orjson.loads(_SENTRY_ISSUE.body)
    document["data"]["issue"] |= {"id": str(number + 1), "shortId": f"KILL-{number}", "title": f"story {number}"}
    return Told(
        story=number,
        marker=f"{number}.resolved",
        source="sentry",
        body=orjson.dumps(document),
        headers=_SENTRY_ISSUE.headers,
        resolves=True,
    )
