"""Grafana's unified alerting."""

from tocsin.streams.telling import Telling, Told, template, told
from tocsin.streams.voices import group


def tell(telling: Telling) -> Told:
    """Write a notification."""
    case = "unified_resolved_v11" if telling.ends else "unified_firing_v11_values"
    document, headers = template("grafana", case)
    trouble = telling.trouble
    folder = trouble.team
    written = group.alerts(telling, document["alerts"][0], {"grafana_folder": folder})
    group.fill(document, telling, written, {"alertname": trouble.name, "grafana_folder": folder, "service": trouble.service})
    firing = sum(alert["status"] == "firing" for alert in written)
    said = f"[FIRING:{firing}]" if firing else "[RESOLVED]"
    lines = "".join(f"\n - {name} = {value}" for name, value in document["commonLabels"].items())
    document |= {
        "state": "ok" if telling.ends else "alerting",
        "title": f"{said} {trouble.name} {folder} ({trouble.service})",
        "message": f"**{'Resolved' if telling.ends else 'Firing'}**\n\nLabels:{lines}\n",
    }
    return told(document, headers, len(written))
