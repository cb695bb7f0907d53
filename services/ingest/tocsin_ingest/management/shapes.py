"""How integrations, keys and tenants look over HTTP. Secrets appear in the answer that makes them, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import SecretStr

from tocsin_contracts.times import to_rfc3339
from tocsin_control.directory import TenantEntry
from tocsin_control.integrations import Integration, described, path_with_token
from tocsin_control.keys import ApiKey
from tocsin_control.secrets import SecretState

Json = dict[str, object]


def integration_shape(
    integration: Integration,
    secrets: Sequence[SecretState],
    tokens: Sequence[SecretState],
    base: str,
    token: SecretStr | None = None,
) -> Json:
    """Show an integration: what can be changed, what cannot, where its sender posts to, and the age of its secrets.

    Args:
        integration: which.
        secrets: its active secrets.
        tokens: the active tokens of its URL.
        base: the public address, without a slash at the end.
        token: of its URL, new, to be shown this once.
    """
    shown = {} if token is None else {"url_with_token": path_with_token(base + integration.path, token)}
    return {
        "id": integration.id,
        **described(integration),
        "created_at": to_rfc3339(integration.created_at),
        "path": integration.path,
        "url": base + integration.path,
        "secrets": [secret_shape(state) for state in secrets],
        "url_tokens": [secret_shape(state) for state in tokens],
        **shown,
    }


def secret_shape(state: SecretState) -> Json:
    """Show what may be shown of a secret, or of a token."""
    return {
        "version": state.version,
        "created_at": to_rfc3339(state.created_at),
        "not_after": _time(state.not_after),
        "last_used_at": _time(state.last_used_at),
    }


def key_shape(key: ApiKey) -> Json:
    """Show an API key."""
    return {
        "id": key.id,
        "holder": key.actor_name,
        "kind": key.actor_kind,
        "scopes": sorted(scope.value for scope in key.scopes),
        "created_at": to_rfc3339(key.created_at),
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
        "last_used_at": _time(key.last_used_at),
    }


def tenant_shape(tenant: TenantEntry) -> Json:
    """Show a tenant to its administrators."""
    return {
        "id": tenant.id,
        "name": tenant.name,
        "enabled": tenant.enabled,
        "partition": tenant.partition,
        "rate_limit_per_min": tenant.rate_limit_per_min,
        "burst": tenant.burst,
    }


def _time(at: int | None) -> str | None:
    return None if at is None else to_rfc3339(at)
