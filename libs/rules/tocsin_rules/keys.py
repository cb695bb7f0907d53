"""Group keys (E7): which incident an alert joins. A change of a hash here moves alerts of all tenants to other incidents."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from tocsin_contracts.alert import AlertEvent
from tocsin_rules.fields import EVERYTHING, LABELS, Subject, value_of

Values = tuple[tuple[str, str], ...]
"""What a key was made of: names and values as the alert has them."""


def default_key(source: str, event: AlertEvent) -> str:
    """Hash source, project, environment and problem key, each normalized (E7), as hexadecimal SHA-256.

    Parts are length-prefixed, so that no two alerts of different problems share a key by concatenation.
    """
    return default_key_of(default_values(source, event))


def default_key_of(values: Values) -> str:
    """Hash what `default_values` gave."""
    return hash_parts(*(value for _, value in values))


def default_values(source: str, event: AlertEvent) -> Values:
    """Give what the default key is made of."""
    return (
        ("source", source), ("project", event.project), ("environment", event.environment or ""), ("problem", event.problem),
    )  # fmt: skip


def grouped_key(rule: str, values: Iterable[tuple[str, str]]) -> str:
    """Hash a rule's name, and name and normalized value of each of its fields; their order means nothing.

    An odd number of parts, where the default key has four: no key of one kind is a key of the other.
    """
    return hash_parts(rule, *(part for pair in sorted(values) for part in pair))


def grouped_values(group_by: Sequence[str], subject: Subject) -> Values:
    """Give what the key of a rule with `group_by` is made of."""
    if EVERYTHING in group_by:
        labels = tuple((LABELS + name, value) for name, value in sorted(subject.event.labels.items()))
        return (("integration", subject.integration), ("identity", subject.event.identity), *labels)
    return tuple((field, value_of(field, subject)) for field in group_by)


def hash_parts(*parts: str) -> str:
    """Hash parts, each normalized, as hexadecimal SHA-256."""
    hasher = sha256()
    for part in parts:
        data = normalize(part).encode()
        hasher.update(b"%d:" % len(data))
        hasher.update(data)
    return hasher.hexdigest()


def normalize(part: str) -> str:
    """Fold what does not tell two problems apart: case, and white space around and between words."""
    return " ".join(part.split()).casefold()
