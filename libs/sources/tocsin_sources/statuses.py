"""The words that tools use for firing, taken and over; for senders whose format is not fixed."""

from collections.abc import Mapping

from tocsin_contracts.status import EventStatus

WORDS: Mapping[str, EventStatus] = {
    word: status
    for status, words in {
        EventStatus.FIRING: (
            *("firing", "fire", "fired", "alerting", "alert", "alarm", "triggered", "trigger", "open", "opened", "active"),
            *("activated", "problem", "down", "failed", "failing", "failure", "error", "critical", "warning", "created", "new"),
            *("started", "start", "raised", "unresolved", "reopened", "ongoing", "unhealthy", "true", "1"),
        ),
        EventStatus.ACKNOWLEDGED: ("acknowledged", "acknowledge", "ack", "acked", "investigating", "in_progress"),
        EventStatus.RESOLVED: (
            *("resolved", "resolve", "ok", "closed", "close", "recovered", "recovery", "recover", "up", "normal", "cleared"),
            *("clear", "inactive", "deactivated", "fixed", "success", "succeeded", "healthy", "ended", "end", "finished", "done"),
            *("false", "0"),
        ),
    }.items()
    for word in words
}


def status_of(word: str | None) -> EventStatus | None:
    """Read a word, whatever its case and the spaces around it; None where it is unknown or there is none."""
    return None if word is None else WORDS.get(word.strip().lower().replace("-", "_").replace(" ", "_"))
