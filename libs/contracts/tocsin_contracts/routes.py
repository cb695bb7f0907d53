"""One route table: which service owns each public path, whatever the method (DESIGN 6).

The forwarder of `tocsin up`, the nginx file and a test read it. Senders post webhooks, some with GET; reads go to
query; every other method is a command and goes to ingest. `/-/…` and `/metrics` are never public.
"""

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
)
"""Webhooks and management: ingest's, whatever the method."""
INGEST_SUFFIXES: tuple[tuple[str, str], ...] = (("/api/v1/deliveries/", "/body"), ("/deliveries/", "/body"))
"""Prefix and suffix of paths that only ingest can answer: bodies lie in the log."""
PRIVATE_PREFIXES: tuple[str, ...] = ("/-/", "/metrics")
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


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
