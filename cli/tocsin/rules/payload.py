"""The alerts of a raw body, as its source's file maps them."""

from collections.abc import Sequence

from tocsin.commands.trying import headers_of
from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.errors import Refused
from tocsin_control.trial import try_delivery
from tocsin_rules.fields import Subject
from tocsin_sources import registry
from tocsin_sources.source import Normalized


def subjects_of(source: str, body: bytes, headers: list[str]) -> Sequence[Subject]:
    """Map a body under default settings.

    Raises:
        Refused: no such source, or no alerts come of the body; says why.
    """
    known = registry.get(source)
    if known is None:
        raise Refused(f"there is no source {source!r}; known are {', '.join(registry.names())}")
    answer = try_delivery(known, body, settings=IntegrationSettings(), headers=headers_of(headers))
    if not isinstance(answer, Normalized):
        raise Refused(f"no alerts come of this body: {answer.reason}: {answer.detail}")
    return [Subject(source=source, integration="", event=event) for event in answer.alerts]
