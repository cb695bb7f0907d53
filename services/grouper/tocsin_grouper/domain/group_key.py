"""The group key (E7): which incident an alert joins, by the default rule."""

from functools import lru_cache
from hashlib import sha256

from tocsin_contracts.alert import AlertEvent

DEFAULT_RULE = "default"
DEFAULT_RULE_VERSION = 1


def group_key(source: str, event: AlertEvent) -> str:
    """Hash source, project, environment and problem key, each normalized (E7), as hexadecimal SHA-256.

    Parts are length-prefixed, so that no two alerts of different problems share a key by concatenation.
    """
    return _hashed(source, event.project, event.environment or "", event.problem)


@lru_cache(maxsize=65_536)
def _hashed(*parts: str) -> str:
    """Hash parts; remembered, for the same problem is told of again and again."""
    hasher = sha256()
    for part in parts:
        data = normalize(part).encode()
        hasher.update(b"%d:" % len(data))
        hasher.update(data)
    return hasher.hexdigest()


def normalize(part: str) -> str:
    """Fold what does not tell two problems apart: case, and white space around and between words."""
    return " ".join(part.split()).casefold()


def reason(source: str, event: AlertEvent) -> str:
    """Say in words what the key was made of, for people who ask why."""
    environment = f", environment {event.environment}" if event.environment else ""
    project = f", project {event.project}" if event.project else ""
    return f"default rule: {source} problem {event.problem!r}{project}{environment}"[:1000]
