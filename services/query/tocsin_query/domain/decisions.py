"""What the rules decided where an episode began, as facts and alert events keep it (`why`)."""

from collections.abc import Mapping
from typing import Any

from tocsin_contracts.ids import short_code

_ALWAYS = ("rule", "rule_version", "rules", "reason", "key", "key_rule", "values")


def decision(why: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Show a recorded decision; None where rules decided nothing: an absence, a split."""
    if not why or any(name not in why for name in _ALWAYS):
        return None
    shown = {name: why[name] for name in _ALWAYS}
    rest = {name: why.get(name) for name in ("window_s", "threshold", "reopened")}
    competing = None if rest["reopened"] else why.get("competing")  # it was over, and took the alert all the same
    return {**shown, **rest, "competing": _competing(competing)}


def _competing(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if told is None:
        return None
    incident = str(told["incident"])
    return {
        "incident_id": incident,
        "short_code": short_code(incident),
        "status": told.get("status"),
        "because": told["because"],
    }
