"""Directory entries for tests."""

from hashlib import sha256

from tocsin_contracts.ids import IntegrationId, TenantId
from tocsin_control.directory import Directory, IntegrationEntry, KeyEntry, SecretEntry, TenantEntry, directory_of
from tocsin_control.principal import Scope

CANARY = b"whsec_canary-of-the-unit-tests"


def tenant(name: str = "acme", partition: int = 0, *, enabled: bool = True) -> TenantEntry:
    return TenantEntry(
        id=TenantId(name),
        name=name.title(),
        partition=partition,
        rate_limit_per_min=6_000,
        burst=12_000,
        enabled=enabled,
    )


def integration(name: str = "am", owner: str = "acme", source: str = "alertmanager", **fields: object) -> IntegrationEntry:
    values: dict[str, object] = {
        "id": IntegrationId(name),
        "tenant": TenantId(owner),
        "source": source,
        "name": name,
        "version": 3,
        "enabled": True,
        "rate_limit_per_min": 1_000,
        "burst": 2_000,
        "signature_required": True,
        "secrets": (SecretEntry(slot=1, version=1, value=CANARY, not_after=None),),
    }
    return IntegrationEntry(**{**values, **fields})  # type: ignore[arg-type] # names are checked by the dataclass


def key(name: str = "0123456789", owner: str = "acme", expires_at: int | None = None) -> KeyEntry:
    return KeyEntry(
        id=name,
        tenant=TenantId(owner),
        sha256=sha256(b"secret").digest(),
        scopes=frozenset({Scope.INCIDENTS_READ}),
        actor_kind="person",
        actor_name="Ada",
        expires_at=expires_at,
    )


def directory(revision: int = 7) -> Directory:
    return directory_of(revision, [tenant()], [integration()], [key()])
