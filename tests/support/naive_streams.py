"""What is drawn for the naive model: a few senders, rules and escalations, small enough to meet each other often."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.support.folding import START, alert
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import SECOND

SETTINGS = IntegrationSettings(dedup_window_s=60, group_window_s=120, silence_s=240)
TENANTS = st.sampled_from([*["acme"] * 7, "other"])
_RULES: tuple[dict[str, Any], ...] = (
    {"name": "pairs", "matchers": ['service="s1"'], "threshold": {"alerts": 2, "within": "3m"}},
    {"name": "again", "matchers": ['service="s2"'], "refire": "reopen", "reopen_within": "5m"},
    {"name": "together", "group_by": ["service"], "continue": True},
    {"name": "quiet", "matchers": ['environment="prod"'], "resolve": {"after": "1m"}, "team": "sre", "continue": True},
    {"name": "people", "matchers": ['environment="dev"'], "resolve": {"when": "never"}},
    {"name": "silent", "resolve_silent_after": "4m", "continue": True},
    {"name": "flappy", "flapping": {"times": 2, "within": "3m"}, "continue": True},
    {"name": "calm", "flapping": None},
    {"name": "patient", "group_window": "4m"},
)
_ESCALATION: tuple[dict[str, Any], ...] = (
    {"name": "prod", "matchers": ['environment="prod"'], "at_least": "HIGH"},
    {"name": "spike", "at_least": "CRITICAL", "spike": {"events": 4, "within": "2m"}},
)
RULES = {rule["name"]: rule for rule in _RULES}
ESCALATION = {rule["name"]: rule for rule in _ESCALATION}
CHOSEN = st.lists(st.sampled_from(sorted(RULES)), unique=True, max_size=4)
ESCALATING = st.lists(st.sampled_from(sorted(ESCALATION)), unique=True)
HEARTBEAT = {"name": "beat", "matchers": ['host="alive"'], "every": "3m"}
SENDERS: dict[str, dict[str, Any]] = {
    "a": {"problem": "p", "service": "s1"},
    "b": {"problem": "p", "service": "s1", "severity": Severity.HIGH},
    "c": {"problem": "p", "service": "s2", "environment": "prod"},
    "d": {"problem": "q", "service": "s2", "environment": "dev"},
    "e": {"problem": "q", "service": "s2", "never_resolves": True},
    "f": {"problem": "r", "service": "s1", "never_resolves": True},
    "v": {"problem": "v", "service": "s1", "host": "alive"},
    "w": {"problem": "w", "heartbeat": True, "host": "alive"},
}
TRUSTED = "ac"


class Said(NamedTuple):
    """What a sender says, short enough to read in a failure."""

    identity: str
    status: str
    title: str
    severity: str | None
    begins: int | None
    happened: int | None

    def event(self) -> AlertEvent:
        """Write it as the normalizer does."""
        values = dict(SENDERS[self.identity])
        if self.severity is not None:
            values["severity"] = Severity(self.severity)
        if self.begins is not None and self.happened is not None:
            times = (START + seconds * SECOND for seconds in (self.begins, self.happened))
            values |= dict(zip(("episode_at", "occurred_at"), times, strict=True)) | {"trusted": True}
        return alert(self.identity, EventStatus(self.status), title=self.title, **values)


def brief(event: AlertEvent) -> str:
    """Say in a few words what an event says, with its start in seconds of the test."""
    since = "" if event.episode_at is None else f" since {(event.episode_at - START) // SECOND}"
    return f"{event.identity} {event.status} {event.title} {event.severity or '-'}{since}"


@st.composite
def said(draw: st.DrawFn, now: int) -> Said:
    """Draw what a sender says: it begins an episode a minute at most, and tells of it late at times."""
    identity = draw(st.sampled_from(sorted(SENDERS)))
    statuses = ["firing", "firing", "resolved"]
    status = draw(st.sampled_from(statuses if identity in TRUSTED else [*statuses, "acknowledged"]))
    changed = status != "acknowledged" and draw(st.integers(0, 3)) == 0
    severity = draw(st.sampled_from([each.value for each in Severity])) if changed else None
    begins = happened = None
    if identity in TRUSTED:
        passed = (now - START) // SECOND
        begins = max(0, passed // 60 - draw(st.sampled_from([0, 0, 0, 1, 2]))) * 60
        happened = min(begins + 30, passed) if status == "resolved" else begins
    return Said(identity, status, draw(st.sampled_from("xxy")), severity, begins, happened)
