"""Where the common fields of an alert stand in labels or tags (SOURCES 0.3), and which values mean nothing (0.4)."""

import re
from collections.abc import Mapping, Sequence

from tocsin_sources.shape import text_of

SERVICE = (
    *("service", "service_name", "service.name", "app", "application", "app_kubernetes_io_name", "app.kubernetes.io/name"),
    *("component", "job"),
)
ENVIRONMENT = ("environment", "env", "deployment_environment", "deployment.environment", "stage")
TEAM = ("team", "owner", "squad")
HOST = ("instance", "host", "hostname", "node", "pod")
RUNBOOK = ("runbook_url", "runbook", "runbookURL")
DASHBOARD = ("dashboard_url", "dashboard", "dashboardURL")

_ABSENT = frozenset({"", "np", "Never", "*UNKNOWN*", "<no value>"})
_ABSENT_IN_ANY_CASE = frozenset({"null", "none", "n/a"})
_ABSENT_LONGEST = max(map(len, _ABSENT_IN_ANY_CASE))
_UNRENDERED = re.compile(r"\$[A-Z_][A-Z0-9_.]*|\$\{[^}]*\}|\{\{.*\}\}|\{\$?[A-Z][A-Z0-9_.]*\}|\*\w+\*", re.ASCII | re.DOTALL)
_BEGIN_UNRENDERED = "${*"
"""How they all begin: nearly every text is told from them by its first character."""


def is_absent(text: str) -> bool:
    """Tell whether a whole value says nothing: a sender's word for "none", or a placeholder that was never filled in.

    Debris inside longer text is left: those are the sender's words.
    """
    text = text.strip()
    if text in _ABSENT or (len(text) <= _ABSENT_LONGEST and text.lower() in _ABSENT_IN_ANY_CASE):
        return True
    return text[0] in _BEGIN_UNRENDERED and _UNRENDERED.fullmatch(text) is not None


def present(text: str | None) -> str | None:
    """Give the text without the spaces around it; None where it is absent."""
    return None if text is None or is_absent(text) else text.strip()


def said(value: object) -> str | None:
    """Give the text of a member that should be a string (`shape.text_of`); None where it is absent."""
    return present(text_of(value))


def known(members: Mapping[str, object]) -> dict[str, object]:
    """Leave out what was not said: null, and text, lists and objects that are empty."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def first_present(texts: Mapping[str, str], names: Sequence[str]) -> str | None:
    """Give the first of the named values that says something."""
    for name in names:
        text = texts.get(name)
        if text is not None and not is_absent(text):
            return text.strip()
    return None


def web_link(value: object) -> str | None:
    """Give a value where it is a link that a browser may follow: http or https; anything else is None."""
    text = present(value) if isinstance(value, str) else None
    return text if text is not None and text.lower().startswith(("http://", "https://")) else None
