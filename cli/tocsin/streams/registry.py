"""The sources that streams can speak for."""

from collections.abc import Mapping

from tocsin.streams.telling import Voice
from tocsin.streams.voices import (
    alertmanager,
    cloudwatch_sns,
    datadog,
    generic,
    github,
    gitlab,
    grafana,
    opsgenie,
    pagerduty,
    sentry,
)

VOICES: Mapping[str, Voice] = {
    "alertmanager": alertmanager.tell,
    "sentry": sentry.tell,
    "grafana": grafana.tell,
    "datadog": datadog.tell,
    "pagerduty": pagerduty.tell,
    "github": github.tell,
    "gitlab": gitlab.tell,
    "cloudwatch_sns": cloudwatch_sns.tell,
    "opsgenie": opsgenie.tell,
    "generic": generic.tell,
}
SOURCES: tuple[str, ...] = tuple(VOICES)
