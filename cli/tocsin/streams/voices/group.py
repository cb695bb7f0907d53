"""Alerts of labelled series in the group format that Alertmanager and Grafana share."""

from collections.abc import Mapping

from tocsin.streams.telling import Document, Telling, iso
from tocsin_sources.fingerprint import label_fingerprint

NEVER = "0001-01-01T00:00:00Z"


def alerts(telling: Telling, sample: Mapping[str, object], own: Mapping[str, str]) -> list[Document]:
    """Write the alerts of one notification: those that still fire, and those that have recovered since the last one.

    Args:
        telling: what is to be said.
        sample: a recorded alert, for the members that say nothing about the trouble.
        own: labels that this source alone sets.
    """
    trouble, written = telling.trouble, []
    for replica in range(telling.left, trouble.replicas):
        over = telling.ends or replica < telling.recovered
        labels = {
            "alertname": trouble.name,
            "env": trouble.environment,
            "instance": f"{trouble.service}-{trouble.place + 1}-{replica + 1}:8080",
            "service": trouble.service,
            "severity": "warning" if trouble.severity in ("medium", "low") else "critical",
            "team": trouble.team,
            **own,
        }
        written.append(
            {
                **sample,
                "status": "resolved" if over else "firing",
                "labels": labels,
                "annotations": {"summary": trouble.sentence, "description": trouble.detail},
                "startsAt": iso(telling.began_at),
                "endsAt": iso(telling.at) if over else NEVER,
                "fingerprint": label_fingerprint(labels),
            }
        )
    return written


def fill(document: Document, telling: Telling, written: list[Document], by: Mapping[str, str]) -> None:
    """Write what the notification says of its group: `by` are the labels that make it one."""
    shared = [set(alert["labels"].items()) for alert in written]
    annotations = written[0]["annotations"]
    common = dict(sorted(set.intersection(*shared)))
    key = ", ".join(f'{name}="{value}"' for name, value in sorted(by.items()))
    document |= {
        "status": "resolved" if telling.ends else "firing",
        "alerts": written,
        "groupLabels": dict(by),
        "commonLabels": common,
        "commonAnnotations": annotations,
        "groupKey": "{}:{" + key + "}",
    }
