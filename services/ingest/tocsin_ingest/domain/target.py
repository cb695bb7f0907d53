"""What a path asks for: the one place that knows the spelling of ingest's paths.

Paths are matched as they came, undecoded: no id of ours needs an escape, so an escaped spelling is another path.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A delivery for an integration; None where the path names only its source (A1, E1)."""

    source: str
    integration: str | None
    token: str | None = field(repr=False, default=None)
    """What stands behind `/t/`: the credential of senders that can set nothing but a URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of a delivery, by its id."""

    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """A command, by the form of its path; which forms there are, the table of commands knows."""

    form: str
    """The path with names in place of ids: `/incidents/{id}/status`."""
    incident: str = ""
    other: str = ""
    """A second incident in the path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """What an administrator manages: all of a kind, one of it, or something to do with one."""

    kind: str
    """`integrations`, `keys`, `tenants`, `audit`."""
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


Target = Webhook | Body | Commanded | Managed | Failed

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
        case ["", "incidents", *rest]:
            return _commanded(rest)
        case ["", "rules"] if canonical:
            return Commanded(form="/rules")
        case ["", ("integrations" | "keys" | "tenants" | "audit") as kind, *rest] if canonical:
            return _managed(kind, rest)
        case _:
            return None


def _commanded(rest: list[str]) -> Commanded | None:
    """Read `bulk`, `id/verb`, `id/verb/other`."""
    match rest:
        case ["bulk"]:
            return Commanded(form="/incidents/bulk")
        case [incident, verb] if incident and verb:
            return Commanded(form=f"/incidents/{{id}}/{verb}", incident=incident)
        case [incident, verb, other] if incident and verb and other:
            return Commanded(form=f"/incidents/{{id}}/{verb}/{{other}}", incident=incident, other=other)
        case _:
            return None


def _managed(kind: str, rest: list[str]) -> Managed | None:
    """Read `kind`, `kind/id`, `kind/id/verb`; under the canonical prefix alone: no document names bare paths for these."""
    if len(rest) > 2 or not all(rest):
        return None
    return Managed(kind=kind, id=rest[0] if rest else None, verb=rest[1] if len(rest) == 2 else None)


def _webhook(rest: str) -> Webhook | None:
    """Read `source`, `source/integration`, `source/integration/t/token`, each with or without a slash at the end."""
    source, _, integration = rest.partition("/")
    integration = integration.removesuffix("/")
    token = None
    if "/" in integration:
        integration, _, token = integration.partition("/t/")
        if not integration or not token or "/" in token:
            return None
    if not source or "/" in integration:
        return None
    return Webhook(source=source, integration=integration or None, token=token)
