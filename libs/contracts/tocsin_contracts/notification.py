"""What marks a notification of ours, so that one that comes back by some receiver's webhook is known again."""

import re
from collections.abc import Mapping

INCIDENT_LABEL = "tocsin_incident"
"""Every alert that the notifier sends has this label, with the incident's whole id as its value. A sender must not use it."""
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_IN_JSON = re.compile(rf'"{INCIDENT_LABEL}"\s*:\s*"[0-9A-HJKMNP-TV-Z]{{26}}"')


def is_own(labels: Mapping[str, str], raw: str | None) -> bool:
    """Tell whether an alert is a notification of ours that came back.

    Args:
        labels: of the alert.
        raw: its own JSON as its sender wrote it: a receiver between us may have moved the label elsewhere.
    """
    value = labels.get(INCIDENT_LABEL)
    if value is not None and _ID.fullmatch(value) is not None:
        return True
    return raw is not None and INCIDENT_LABEL in raw and _IN_JSON.search(raw) is not None
