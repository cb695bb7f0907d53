"""Ids of tenants and integrations: random, unguessable, never reused."""

from __future__ import annotations

import secrets

from tocsin_contracts import crockford
from tocsin_contracts.ids import IntegrationId, TenantId

_RANDOM_BYTES = 16


def new_tenant_id() -> TenantId:
    """Draw an id of 128 random bits: 26 characters of Crockford base32, as every other id."""
    return TenantId(crockford.encode(secrets.token_bytes(_RANDOM_BYTES)))


def new_integration_id() -> IntegrationId:
    """Draw an id of 128 random bits: it stands in the webhook's path, and no other can be guessed from it."""
    return IntegrationId(crockford.encode(secrets.token_bytes(_RANDOM_BYTES)))
