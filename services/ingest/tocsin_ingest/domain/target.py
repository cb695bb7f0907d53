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


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """What an administrator manages: all of a kind, one of it, or something to do with one."""

    kind: str
    """`integrations`, `keys`, `tenants`."""
    id: str | None = None
    verb: str | None = None
    """`rotate`, `try`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Something to do with a failed delivery, or with many."""

    verb: str
    """`try`, `redrive`, `discard`."""
    delivery: str | None = None
    """None: many, which the request's body describes."""


Target = Webhook | Body | SetStatus | Managed | Failed

_CANONICAL = "/api/v1"


def find_target(path: str) -> Target | None:
    """Name what `path` (undecoded, without its query) asks for; None where nothing of ingest lies.

    Every path answers with and without `/api/v1`; one slash at the end is overlooked, as people paste URLs.
    """
    if path.startswith("/api/v1/webhooks/"):
        return _webhook(path[17:])
    canonical = path.startswith(_CANONICAL + "/")
    bare = path.removeprefix(_CANONICAL)
    if bare.startswith("/webhooks/"):
        return _webhook(bare[10:])
    if bare.startswith("/alerts/webhook/"):
        return _webhook(bare[16:])
    match bare.removesuffix("/").split("/"):
        case ["", "deliveries", delivery, "body"] if delivery:
            return Body(delivery=delivery)
        case ["", "deliveries", "redrive"]:
            return Failed(verb="redrive")
        case ["", "deliveries", delivery, ("try" | "redrive" | "discard") as verb] if delivery:
            return Failed(verb=verb, delivery=delivery)
        case ["", "incidents", incident, "status"] if incident:
            return SetStatus(incident=incident)
        case ["", ("integrations" | "keys" | "tenants") as kind, *rest] if canonical:
            return _managed(kind, rest)
        case _:
            return None


def _managed(kind: str, rest: list[str]) -> Managed | None:
    """Read `kind`, `kind/id`, `kind/id/verb`; under the canonical prefix alone: no document names bare paths for these."""
    if len(rest) > 2 or not all(rest):
        return None
    return Managed(kind=kind, id=rest[0] if rest else None, verb=rest[1] if len(rest) == 2 else None)


def _webhook(rest: str) -> Webhook | None:
    """Read `source`, `source/integration`, each with or without a slash at the end."""
    source, slash, integration = rest.partition("/")
    integration = integration.removesuffix("/")
    if not source or "/" in integration:
        return None
    return Webhook(source=source, integration=integration if slash and integration else None)
