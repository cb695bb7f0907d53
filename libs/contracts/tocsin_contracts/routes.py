"""One route table: which service owns each public path, whatever the method, and what may be done there (DESIGN 6).

The forwarder of `tocsin up`, the nginx file and a test read it. Senders post webhooks, or put them; reads go to
query; every other method is a command and goes to ingest. `/-/…` and `/metrics` are never public.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Owner(StrEnum):
    """A service that answers public requests."""

    INGEST = "ingest"
    QUERY = "query"


INGEST_PREFIXES: tuple[str, ...] = (
    "/api/v1/webhooks/",
    "/api/v1/alerts/webhook/",
    "/webhooks/",
    "/api/v1/integrations",
    "/api/v1/keys",
    "/api/v1/tenants",
    "/api/v1/audit",
)
"""Webhooks and management: ingest's, whatever the method."""
INGEST_SUFFIXES: tuple[tuple[str, str], ...] = (("/api/v1/deliveries/", "/body"), ("/deliveries/", "/body"))
"""Prefix and suffix of paths that only ingest can answer: bodies lie in the log."""
PRIVATE_PREFIXES: tuple[str, ...] = ("/-/", "/metrics")
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CANONICAL = "/api/v1"
DELIVERY_METHODS = ("POST", "PUT")
"""How deliveries come: by POST; PUT is taken for sources whose senders can be set to it, and is 405 for the others."""
_ORDER = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One public path and what may be done there."""

    path: str
    """Behind `/api/v1`; a name in braces is any one segment."""
    methods: tuple[str, ...]
    bare: bool = True
    """Whether it answers without `/api/v1` too, as the source documents name it."""

    def matches(self, segments: tuple[str, ...]) -> bool:
        """Tell whether a path's segments are of this route."""
        wanted = _segments(self.path)
        return len(wanted) == len(segments) and all(
            want == segment or (want.startswith("{") and segment) for want, segment in zip(wanted, segments, strict=True)
        )


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.removesuffix("/").split("/")[1:])


ROUTES: tuple[Route, ...] = (
    Route(path="/webhooks/{source}/{integration}", methods=DELIVERY_METHODS),
    Route(path="/webhooks/{source}/{integration}/t/{token}", methods=DELIVERY_METHODS),
    Route(path="/webhooks/{source}", methods=DELIVERY_METHODS),
    Route(path="/alerts/webhook/{source}/{integration}", methods=DELIVERY_METHODS),
    Route(path="/alerts/webhook/{source}/{integration}/t/{token}", methods=DELIVERY_METHODS),
    Route(path="/alerts/webhook/{source}", methods=DELIVERY_METHODS),
    Route(path="/incidents", methods=("GET",)),
    Route(path="/incidents/{id}", methods=("GET",)),
    Route(path="/incidents/{id}/why", methods=("GET",)),
    Route(path="/incidents/{id}/status", methods=("PATCH",)),
    Route(path="/incidents/{id}/acknowledge", methods=("POST",)),
    Route(path="/incidents/{id}/assignee", methods=("PUT",)),
    Route(path="/incidents/{id}/snooze", methods=("PUT", "DELETE")),
    Route(path="/incidents/{id}/comments", methods=("POST",)),
    Route(path="/incidents/{id}/severity", methods=("PUT",)),
    Route(path="/incidents/{id}/team", methods=("PUT",)),
    Route(path="/incidents/{id}/category", methods=("PUT",)),
    Route(path="/incidents/{id}/runbook", methods=("PUT",)),
    Route(path="/incidents/{id}/links", methods=("POST",)),
    Route(path="/incidents/{id}/links/{other}", methods=("DELETE",)),
    Route(path="/incidents/{id}/merge", methods=("POST",)),
    Route(path="/incidents/{id}/split", methods=("POST",)),
    Route(path="/incidents/{id}/reopen", methods=("POST",)),
    Route(path="/incidents/{id}/undo", methods=("POST",)),
    Route(path="/incidents/bulk", methods=("POST",)),
    Route(path="/rules", methods=("GET", "PUT"), bare=False),
    Route(path="/rules/versions", methods=("GET",), bare=False),
    Route(path="/rules/versions/{id}", methods=("GET",), bare=False),
    Route(path="/alerts", methods=("GET",)),
    Route(path="/alerts/{id}", methods=("GET",)),
    Route(path="/alerts/{id}/why", methods=("GET",)),
    Route(path="/commands/{id}", methods=("GET",)),
    Route(path="/deliveries", methods=("GET",)),
    Route(path="/deliveries/stats", methods=("GET",)),
    Route(path="/deliveries/rejected", methods=("GET",)),
    Route(path="/deliveries/redrive", methods=("POST",)),
    Route(path="/deliveries/{id}", methods=("GET",)),
    Route(path="/deliveries/{id}/body", methods=("GET",)),
    Route(path="/deliveries/{id}/try", methods=("POST",)),
    Route(path="/deliveries/{id}/redrive", methods=("POST",)),
    Route(path="/deliveries/{id}/discard", methods=("POST",)),
    Route(path="/integrations", methods=("GET", "POST"), bare=False),
    Route(path="/integrations/{id}", methods=("GET", "PATCH", "DELETE"), bare=False),
    Route(path="/integrations/{id}/rotate", methods=("POST",), bare=False),
    Route(path="/integrations/{id}/try", methods=("POST",), bare=False),
    Route(path="/keys", methods=("GET", "POST"), bare=False),
    Route(path="/keys/{id}", methods=("GET", "DELETE"), bare=False),
    Route(path="/tenants", methods=("GET",), bare=False),
    Route(path="/audit", methods=("GET",), bare=False),
    Route(path="/openapi.json", methods=("GET",), bare=False),
)
"""Every public path. A new one is a line here and one where its service describes it; tests hold both against what is routed."""


def owner(method: str, path: str) -> Owner | None:
    """Name the service that answers `method path`, or None where nothing public lies.

    Args:
        method: upper-case HTTP method.
        path: the decoded path without its query string.
    """
    if path.startswith(PRIVATE_PREFIXES):
        return None
    if path.startswith(INGEST_PREFIXES):
        return Owner.INGEST
    if any(path.startswith(prefix) and path.endswith(suffix) for prefix, suffix in INGEST_SUFFIXES):
        return Owner.INGEST
    return Owner.QUERY if method in READ_METHODS else Owner.INGEST


def allowed_methods(path: str) -> tuple[str, ...]:
    """List the methods that the public address takes at a path, over all services; empty where nothing lies.

    Args:
        path: without its query string.
    """
    canonical = path.startswith(CANONICAL + "/")
    segments = _segments(path.removeprefix(CANONICAL) if canonical else path)
    found = {method for route in ROUTES if (canonical or route.bare) and route.matches(segments) for method in route.methods}
    return in_order(found)


def in_order(methods: Iterable[str]) -> tuple[str, ...]:
    """Put methods in the order of `Allow`, with HEAD wherever GET is."""
    wanted = set(methods)
    return tuple(method for method in _ORDER if method in wanted or (method == "HEAD" and "GET" in wanted))
