"""What a path asks for: the one place that knows the spelling of ingest's paths.

Paths are matched as they came, undecoded: no id of ours needs an escape, so an escaped spelling is another path.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A delivery for an integration; None where the path names only its source (A1, E1)."""

    source: str
    integration: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of a delivery, by its id."""

    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStatus:
    """A status command for an incident (C4)."""

    incident: str


Target = Webhook | Body | SetStatus

_CANONICAL = "/api/v1"


def find_target(path: str) -> Target | None:
    """Name what `path` (undecoded, without its query) asks for; None where nothing of ingest lies.

    Every path answers with and without `/api/v1`; one slash at the end is overlooked, as people paste URLs.
    """
    if path.startswith("/api/v1/webhooks/"):
        return _webhook(path[17:])
    bare = path.removeprefix(_CANONICAL)
    if bare.startswith("/webhooks/"):
        return _webhook(bare[10:])
    if bare.startswith("/alerts/webhook/"):
        return _webhook(bare[16:])
    match bare.removesuffix("/").split("/"):
        case ["", "deliveries", delivery, "body"] if delivery:
            return Body(delivery=delivery)
        case ["", "incidents", incident, "status"] if incident:
            return SetStatus(incident=incident)
        case _:
            return None


def _webhook(rest: str) -> Webhook | None:
    """Read `source`, `source/integration`, each with or without a slash at the end."""
    source, slash, integration = rest.partition("/")
    integration = integration.removesuffix("/")
    if not source or "/" in integration:
        return None
    return Webhook(source=source, integration=integration if slash and integration else None)
