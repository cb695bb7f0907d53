"""Hypothesis strategies for records of the contracts."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tocsin_contracts import ids
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.image import Image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import OFFSET_MAX, PARTITION_MAX, Position
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import EARLIEST_AT, LATEST_AT

QUICKLY = settings(max_examples=60, deadline=None)
TEXTS = st.sampled_from(
    ["", "short", "a text that is long enough to be shared", "another text that is shared by some"]
) | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
TIMES = st.integers(EARLIEST_AT, LATEST_AT)
POSITIONS = st.builds(Position, st.integers(0, PARTITION_MAX), st.integers(0, OFFSET_MAX))


@st.composite
def events(draw: st.DrawFn) -> AlertEvent:
    """Draw an event whose texts are often those of other events."""
    some: dict[str, Any] = {
        name: draw(st.none() | TEXTS) for name in ("description", "service", "environment", "team", "host", "link", "raw")
    }
    flags: dict[str, Any] = {name: draw(st.booleans()) for name in ("trusted", "never_resolves", "heartbeat", "sanitized")}
    return AlertEvent(
        identity=draw(TEXTS),
        problem=draw(TEXTS),
        project=draw(TEXTS),
        status=draw(st.sampled_from(EventStatus)),
        title=draw(TEXTS),
        content=draw(TEXTS),
        severity=draw(st.none() | st.sampled_from(Severity)),
        labels=draw(st.dictionaries(TEXTS, TEXTS, max_size=4)),
        metadata=draw(st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53), 2**53) | st.booleans(), max_size=3)),
        occurred_at=draw(st.none() | TIMES),
        episode_at=draw(st.none() | TIMES),
        **some,
        **flags,
    )


@st.composite
def images(draw: st.DrawFn) -> Image:
    """Draw an image of up to five alerts."""
    alerts = draw(st.lists(events(), max_size=5))
    return Image(
        tenant="acme",
        integration="prod",
        source="alertmanager",
        mapped=draw(st.sampled_from(Mapped)),
        reason=draw(st.none() | TEXTS),
        detail=draw(st.none() | TEXTS),
        sender_id=draw(st.none() | TEXTS),
        request_id=draw(TEXTS),
        received_at=draw(TIMES),
        size=draw(st.integers(0, 2**20)),
        redrive_of=draw(st.none() | POSITIONS),
        integration_version=draw(st.integers(0, 1000)),
        settings=draw(st.sampled_from([IntegrationSettings(), IntegrationSettings(never_resolves=True, dedup_window_s=0)])),
        alerts=alerts,
        alert_ids=[ids.alert_id("acme", "prod", event.identity) for event in alerts],
    )
