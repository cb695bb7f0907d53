"""Rule sets for the naive model: documents whose few matchers compare one field with one text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity

UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> int:
    """Read a duration of one unit."""
    return int(text[:-1]) * UNITS[text[-1]]


def matches(rule: Mapping[str, Any], event: AlertEvent) -> bool:
    """Ask every `field="text"` of a rule."""
    pairs = (matcher.split("=") for matcher in rule.get("matchers", []))
    return all((getattr(event, name) or "") == text.strip('"') for name, text in pairs)


@dataclass(frozen=True)
class Ruling:
    """What rules say about an alert: each member by the first rule that says it."""

    group_by: tuple[str, ...] | None = None
    grouping_rule: str = "default"
    group_window_s: int | None = None
    refire: str = "new"
    reopen_within_s: int | None = None
    threshold: tuple[int, int] | None = None
    team: str | None = None
    never: bool = False
    quiet_s: int = 0
    silent_s: int | None = None
    flapping: tuple[int, int] | None = (4, 1800)


@dataclass(frozen=True)
class NaiveRules:
    """A rule set in force."""

    document: Mapping[str, Any]

    def ruling(self, event: AlertEvent) -> Ruling:
        """Ask the rules in order; the first that matches wins, or goes on by `continue`."""
        said: dict[str, Any] = {}
        names: dict[str, str] = {}
        for rule in self.document.get("rules", []):
            if not matches(rule, event):
                continue
            for member, value in rule.items():
                if member not in said:
                    said[member], names[member] = value, rule["name"]
            if not rule.get("continue", False):
                break
        resolve, threshold, flapping = (
            said.get("resolve", {}),
            said.get("threshold"),
            said.get("flapping", {"times": 4, "within": "30m"}),
        )
        return Ruling(
            group_by=tuple(said["group_by"]) if "group_by" in said else None,
            grouping_rule=names.get("group_by", "default"),
            group_window_s=seconds(said["group_window"]) if "group_window" in said else None,
            refire=said.get("refire", "new"),
            reopen_within_s=seconds(said["reopen_within"]) if "reopen_within" in said else None,
            threshold=(threshold["alerts"], seconds(threshold["within"])) if threshold else None,
            team=said.get("team", event.team),
            never=resolve.get("when") == "never",
            quiet_s=seconds(resolve.get("after", "0s")),
            silent_s=seconds(said["resolve_silent_after"]) if "resolve_silent_after" in said else None,
            flapping=(flapping["times"], seconds(flapping["within"])) if flapping else None,
        )

    @property
    def counts(self) -> bool:
        """Whether any rule asks for spikes."""
        return any("spike" in rule for rule in self.document.get("escalation", []))

    def escalations(self, event: AlertEvent) -> list[tuple[Severity, tuple[int, int] | None]]:
        """List what the escalation rules that match ask for."""
        found: list[tuple[Severity, tuple[int, int] | None]] = []
        for rule in self.document.get("escalation", []):
            if matches(rule, event):
                spike = rule.get("spike")
                found.append((Severity(rule["at_least"]), (spike["events"], seconds(spike["within"])) if spike else None))
        return found

    def heartbeat(self, event: AlertEvent) -> str | None:
        """Name the heartbeat whose sign of life this is."""
        return next((str(rule["name"]) for rule in self.document.get("heartbeats", []) if matches(rule, event)), None)

    @property
    def every_s(self) -> int:
        """How long the only heartbeat may stay away."""
        return seconds(self.document["heartbeats"][0]["every"])
