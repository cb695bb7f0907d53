"""The words senders use for how bad it is (SOURCES 0.2). A source whose words mean something else has a table of its own."""

from collections.abc import Mapping

from tocsin_contracts.severity import DEFAULT_SEVERITY, Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources.fields import is_absent

RAW_LABEL = "severity_raw"
"""The label that keeps a word we do not know."""

WORDS: Mapping[str, Severity] = {
    word: severity
    for severity, words in {
        Severity.CRITICAL: ("critical", "crit", "fatal", "emergency", "emerg", "disaster", "alert", "page", "p1"),
        Severity.HIGH: ("high", "major", "error", "err", "severe", "p2"),
        Severity.MEDIUM: ("medium", "moderate", "warning", "warn", "average", "degraded", "p3"),
        Severity.LOW: ("low", "minor", "notice", "p4"),
        Severity.INFO: (
            *("info", "information", "informational", "debug", "none", "ok", "normal", "clear", "not classified"),
            "p5",
        ),
    }.items()
    for word in words
}


def severity_of(word: str | None, status: EventStatus, words: Mapping[str, Severity] = WORDS) -> Severity | None:
    """Read a sender's word, whatever its case and the spaces around it.

    Returns:
        None where there is no word, or a placeholder that was never filled in: the default is the fold's. An unknown word
        is MEDIUM, but on a resolve None, so that the alert keeps the severity it had.
    """
    folded = _folded(word, words)
    if folded is None:
        return None
    unknown = None if status is EventStatus.RESOLVED else DEFAULT_SEVERITY
    return words.get(folded, unknown)


def at_most(most: Severity, severity: Severity | None) -> Severity:
    """Cap a severity; where there is none it is the cap itself."""
    return most if severity is None or severity.rank > most.rank else severity


def with_raw_word(labels: Mapping[str, str], word: str | None, words: Mapping[str, Severity] = WORDS) -> Mapping[str, str]:
    """Keep a word that we do not know as a label of its own, so that nobody loses what the sender meant."""
    folded = _folded(word, words)
    return labels if word is None or folded is None or folded in words else {**labels, RAW_LABEL: word}


def _folded(word: str | None, words: Mapping[str, Severity]) -> str | None:
    """Give a word as the tables have it; None where it says nothing. `none` is absent elsewhere, and a severity here."""
    folded = "" if word is None else word.strip().lower()
    return None if folded not in words and is_absent(word or "") else folded
