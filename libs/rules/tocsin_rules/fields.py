"""What of an alert rules may name: its normalized fields, and its labels."""

from collections.abc import Callable
from operator import attrgetter

from tocsin_contracts.alert import LABEL_NAME_MAX, LABEL_VALUE_MAX, SHORT_MAX, TITLE_MAX, AlertEvent
from tocsin_contracts.record import record
from tocsin_contracts.severity import DEFAULT_SEVERITY
from tocsin_rules.category import Category

LABELS = "labels."
EVERYTHING = "..."
"""In `group_by`: each alert of an integration by itself, with all its labels."""
DESCRIPTION_SEEN = 2_000
"""Characters of a description that rules see."""
_ALIASES = {"env": "environment"}
_LONGEST = {"title": TITLE_MAX, "description": DESCRIPTION_SEEN, "severity": 10, "category": 20, "source": 50, "integration": 50}
EVENT_FIELDS = (
    "project", "problem", "identity", "title", "description", "severity", "service", "environment", "host",
)  # fmt: skip
OTHER_FIELDS = ("source", "integration", "category", "team")
"""Fields that are more than an attribute of the event."""
FIELDS = (*EVENT_FIELDS, *OTHER_FIELDS)


@record
class Subject:
    """An alert as rules see it: what its source said, by which integration it came, and how it was classified."""

    source: str
    integration: str
    """The integration's id."""
    event: AlertEvent
    category: Category | None = None
    """None before classification."""
    team: str | None = None
    """The team after classification; None: the one that the sender named."""


def field_named(name: str) -> str:
    """Give the field that a name in a rule means: a field, `labels.<name>`, or a bare label's name.

    Raises:
        ValueError: the name is empty or too long for a label.
    """
    canonical = _ALIASES.get(name, name)
    if canonical in FIELDS:
        return canonical
    label = canonical.removeprefix(LABELS)
    if not label:
        raise ValueError("a label has a name")
    if len(label) > LABEL_NAME_MAX:
        raise ValueError(f"a label's name has at most {LABEL_NAME_MAX} characters")
    return LABELS + label


def value_of(field: str, subject: Subject) -> str:
    """Give the value that matchers compare: "" where there is none, as in Alertmanager; severities in upper case."""
    if field.startswith(LABELS):
        return subject.event.labels.get(field.removeprefix(LABELS), "")
    match field:
        case "source":
            return subject.source
        case "integration":
            return subject.integration
        case "category":
            return subject.category or ""
        case "team":
            return subject.team or subject.event.team or ""
        case _:
            return event_reader(field)(subject.event) or ""


def longest(field: str) -> int:
    """Give the most characters that a field's value has."""
    return LABEL_VALUE_MAX if field.startswith(LABELS) else _LONGEST.get(field, SHORT_MAX)


def event_reader(field: str) -> Callable[[AlertEvent], str | None]:
    """Give the function that reads one of `EVENT_FIELDS`."""
    return _READERS.get(field) or attrgetter(field)


def _severity(event: AlertEvent) -> str:
    """Read the severity that people will see: an alert whose sender says none begins with the default."""
    return event.severity or DEFAULT_SEVERITY


def _description(event: AlertEvent) -> str | None:
    return None if event.description is None else event.description[:DESCRIPTION_SEEN]


_READERS: dict[str, Callable[[AlertEvent], str | None]] = {"description": _description, "severity": _severity}
