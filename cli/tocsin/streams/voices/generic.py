"""Tocsin's own format, as a script would send it."""

from tocsin.streams.telling import Telling, Told, iso, template, told


def tell(telling: Telling) -> Told:
    """Write one alert."""
    trouble = telling.trouble
    document, headers = template("generic", "native_resolved" if telling.ends else "native_firing")
    document |= {
        "delivery_id": telling.id[:32],
        "identity": trouble.key,
        "title": f"{trouble.service}: over: {trouble.title}" if telling.ends else f"{trouble.service}: {trouble.title}",
        "service": trouble.service,
        "environment": trouble.environment,
        "host": trouble.host,
        "occurred_at": iso(telling.at),
        "started_at": iso(telling.began_at),
    }
    if not telling.ends:
        document |= {
            "description": trouble.detail,
            "severity": trouble.severity,
            "team": trouble.team,
            "link": f"https://ci.example.com/{trouble.service}/{trouble.name}",
            "labels": {"job": trouble.name},
            "metadata": {"attempt": telling.number + 1},
        }
    return told(document, headers)
