"""All sources by name. A new source is one file and one line here (README.md)."""

from tocsin_sources import (
    alertmanager,
    cloudevents,
    cloudwatch_sns,
    datadog,
    generic,
    github,
    gitlab,
    grafana,
    opsgenie,
    pagerduty,
    sentry,
    uptimekuma,
)
from tocsin_sources.source import Source

_SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        alertmanager.SOURCE,
        sentry.SOURCE,
        github.SOURCE,
        gitlab.SOURCE,
        grafana.SOURCE,
        datadog.SOURCE,
        pagerduty.SOURCE,
        opsgenie.SOURCE,
        cloudwatch_sns.SOURCE,
        generic.SOURCE,
        cloudevents.SOURCE,
        uptimekuma.SOURCE,
    )
}


def get(name: str) -> Source | None:
    """Find a source; None where no source has this name, or this release does not know it."""
    return _SOURCES.get(name)


def names() -> tuple[str, ...]:
    """List the names of all sources, in the order they are registered."""
    return tuple(_SOURCES)
