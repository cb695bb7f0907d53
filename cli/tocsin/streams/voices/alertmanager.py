"""Alertmanager: a group of replicas fires, is repeated, recovers one by one."""

from tocsin.streams.telling import Telling, Told, template, told
from tocsin.streams.voices import group


def tell(telling: Telling) -> Told:
    """Write a notification."""
    document, headers = template("alertmanager", "mixed_group_firing_and_resolved")
    trouble = telling.trouble
    written = group.alerts(telling, document["alerts"][0], {"cluster": "eu-1", "job": trouble.service})
    by = {"alertname": trouble.name, "service": trouble.service, "env": trouble.environment}
    group.fill(document, telling, written, by)
    document.pop("notification_reason", None)
    return told(document, headers, len(written))
