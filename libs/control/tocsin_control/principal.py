"""Who a caller is, once an API key was believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tocsin_contracts.command import Actor
from tocsin_contracts.ids import TenantId
from tocsin_control.errors import Forbidden


class Scope(StrEnum):
    """What an API key may do. A route names one; `admin` reaches all of its tenant."""

    INCIDENTS_READ = "incidents:read"
    INCIDENTS_WRITE = "incidents:write"
    ALERTS_READ = "alerts:read"
    DELIVERIES_READ = "deliveries:read"
    DELIVERIES_REDRIVE = "deliveries:redrive"
    """Send a failed delivery again, or let it be."""
    RULES_WRITE = "rules:write"
    INTEGRATIONS_ADMIN = "integrations:admin"
    """Create, change and delete integrations, and see their new secrets. Keys are made by `admin` alone."""
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller: one tenant, one key, one actor. Whoever holds it reads and changes this tenant only."""

    tenant: TenantId
    key_id: str
    actor: Actor
    scopes: frozenset[Scope]

    def allows(self, scope: Scope) -> bool:
        """Tell whether the key reaches `scope`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def require(self, scope: Scope) -> None:
        """Refuse a caller whose key does not reach `scope`.

        Raises:
            Forbidden: answer 403.
        """
        if not self.allows(scope):
            raise Forbidden(scope)


def known_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """Keep the scopes that this release knows; one of a newer release grants nothing here."""
    known = {scope.value: scope for scope in Scope}
    return frozenset(known[name] for name in names if name in known)
