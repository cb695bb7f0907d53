"""The directory: all that a gateway must know of tenants, integrations and keys, in memory and frozen.

One revision of `control`, read in one transaction. It answers with PostgreSQL down; a new one replaces it whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tocsin_contracts.command import Actor
from tocsin_contracts.ids import IntegrationId, TenantId
from tocsin_control.principal import Principal, Scope
from tocsin_control.signature_style import SignatureStyle
from tocsin_control.tenants import DEFAULT_WORKER_RATE_PER_MIN
from tocsin_sources import registry
from tocsin_sources.signature import Scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantEntry:
    """A tenant that is not erased."""

    id: TenantId
    name: str
    partition: int
    rate_limit_per_min: int
    burst: int
    enabled: bool = True
    """False: its deliveries and commands are 403."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretEntry:
    """One webhook secret, opened, or the hash of a URL's token. Its bytes never show in `repr`."""

    slot: int
    version: int
    value: bytes = field(repr=False)
    not_after: int | None

    def active(self, now: int) -> bool:
        """Tell whether it is still accepted at `now` (µs)."""
        return self.not_after is None or now < self.not_after


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationEntry:
    """An integration with the terms of its current version."""

    id: IntegrationId
    tenant: TenantId
    source: str
    name: str
    version: int
    """Goes into the envelope of each delivery."""
    enabled: bool
    rate_limit_per_min: int
    burst: int
    signature_required: bool
    signature_style: SignatureStyle | None = None
    secrets: tuple[SecretEntry, ...] = ()
    """At most two, the newest first."""
    secrets_unreadable: int = 0
    """Secrets that the master key did not open. Where no other is left: 503, not 401, for the sender did no wrong."""
    sns_topics: tuple[str, ...] = ()
    """Topics whose messages are believed by the signature of SNS; see `IntegrationSettings`."""

    url_tokens: tuple[SecretEntry, ...] = ()
    """Hashes of the tokens that its URL takes, the newest first; none where it did not opt in."""

    def active_secrets(self, now: int) -> tuple[SecretEntry, ...]:
        """Give the secrets accepted at `now` (µs), the newest first."""
        return tuple(secret for secret in self.secrets if secret.active(now))

    def active_url_tokens(self, now: int) -> tuple[SecretEntry, ...]:
        """Give the hashes of the tokens accepted at `now` (µs), the newest first."""
        return tuple(token for token in self.url_tokens if token.active(now))

    def schemes(self) -> tuple[Scheme, ...]:
        """Give the ways in which its requests may prove who they are; none where this release does not know the source."""
        if self.signature_style is not None:
            return (self.signature_style.scheme(),)
        source = registry.get(self.source)
        return () if source is None else source.schemes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """An API key that is not revoked."""

    id: str
    tenant: TenantId
    sha256: bytes = field(repr=False)
    scopes: frozenset[Scope]
    actor_kind: Literal["person", "machine"]
    actor_name: str
    expires_at: int | None

    def principal(self) -> Principal:
        """Give who its holder is."""
        actor = Actor(kind=self.actor_kind, id=self.id, name=self.actor_name)
        return Principal(tenant=self.tenant, key_id=self.id, actor=actor, scopes=self.scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One revision of everything. Build it with `directory_of`."""

    revision: int
    tenants: Mapping[str, TenantEntry]
    integrations: Mapping[str, IntegrationEntry]
    keys: Mapping[str, KeyEntry]
    by_source: Mapping[tuple[str, str], tuple[IntegrationEntry, ...]]
    """By tenant id and source name, in order of id."""
    by_partition: Mapping[int, tuple[TenantEntry, ...]]
    worker_rate_per_min: int = DEFAULT_WORKER_RATE_PER_MIN
    """What one worker folds: the limits of a partition's tenants should not add up to more (P9)."""

    def tenant(self, tenant: str) -> TenantEntry | None:
        """Find a tenant; None for an unknown or erased one."""
        return self.tenants.get(tenant)

    def integration(self, integration: str) -> IntegrationEntry | None:
        """Find an integration, enabled or not."""
        return self.integrations.get(integration)

    def of_source(self, tenant: str, source: str) -> tuple[IntegrationEntry, ...]:
        """List a tenant's integrations of one source."""
        return self.by_source.get((tenant, source), ())

    def only_of_source(self, tenant: str, source: str) -> IntegrationEntry | None:
        """Find the integration that a request without an id means: the tenant's only enabled one of that source (A3)."""
        enabled = [entry for entry in self.of_source(tenant, source) if entry.enabled]
        return enabled[0] if len(enabled) == 1 else None

    def key(self, key_id: str) -> KeyEntry | None:
        """Find an API key by its public id."""
        return self.keys.get(key_id)

    def secrets_unreadable(self) -> int:
        """Count the secrets that the master key did not open."""
        return sum(entry.secrets_unreadable for entry in self.integrations.values())


def directory_of(
    revision: int,
    tenants: Iterable[TenantEntry],
    integrations: Iterable[IntegrationEntry],
    keys: Iterable[KeyEntry],
    *,
    worker_rate_per_min: int = DEFAULT_WORKER_RATE_PER_MIN,
) -> Directory:
    """Put the entries together; integrations and keys of unknown (erased) tenants are left out."""
    tenants_by_id: dict[str, TenantEntry] = {entry.id: entry for entry in sorted(tenants, key=lambda entry: entry.id)}
    kept = sorted((entry for entry in integrations if entry.tenant in tenants_by_id), key=lambda entry: entry.id)
    by_source: dict[tuple[str, str], tuple[IntegrationEntry, ...]] = {}
    for entry in kept:
        place = (entry.tenant, entry.source)
        by_source[place] = (*by_source.get(place, ()), entry)
    by_partition: dict[int, list[TenantEntry]] = {}
    for tenant in tenants_by_id.values():
        by_partition.setdefault(tenant.partition, []).append(tenant)
    return Directory(
        revision=revision,
        tenants=tenants_by_id,
        integrations={entry.id: entry for entry in kept},
        keys={entry.id: entry for entry in keys if entry.tenant in tenants_by_id},
        by_source=by_source,
        by_partition={number: tuple(members) for number, members in sorted(by_partition.items())},
        worker_rate_per_min=worker_rate_per_min,
    )
