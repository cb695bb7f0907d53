"""Leave out what we said ourselves: no notification of ours ever becomes an alert, or it would notify again for ever."""

from dataclasses import replace

from tocsin_contracts.notification import is_own
from tocsin_contracts.outcome import Reason
from tocsin_sources.source import Answer, Ignored, Normalized


def without_own(answer: Answer) -> Answer:
    """Leave out alerts that are notifications of ours; a delivery of nothing else is ignored, and says why."""
    if not isinstance(answer, Normalized) or not answer.alerts:
        return answer
    kept = tuple(event for event in answer.alerts if not is_own(event.labels, event.raw))
    if not kept:
        return Ignored(reason=Reason.OWN_NOTIFICATION, detail="every alert in it is a notification of Tocsin's own")
    return answer if len(kept) == len(answer.alerts) else replace(answer, alerts=kept)
