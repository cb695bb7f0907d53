"""Acting as the holder of an API key: changes by API can reach the key's tenant, and nobody else's (ADR 10).

The gateway's role changes nothing by itself. Inside a transaction it puts on `tocsin_manager`, and PostgreSQL shows that role
the rows of one tenant: that of the key whose proof it was given, if the key's scopes reach. So neither a fault of the gateway
nor somebody who stole its role changes anything of a tenant without a key of that tenant.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tocsin_control.api_key import ParsedKey
from tocsin_control.errors import Forbidden
from tocsin_control.principal import Scope
from tocsin_runtime.postgres import Connection

MANAGER = "tocsin_manager"
_SET_ROLE = f"SET LOCAL ROLE {MANAGER}"
_PROVE = "SELECT pg_catalog.set_config('app.key', $1, true), pg_catalog.set_config('app.proof', $2, true)"
_TENANT = "SELECT control.acting_tenant($1)"


@asynccontextmanager
async def acting(connection: Connection, key: ParsedKey, *, tenant: str, scope: Scope) -> AsyncIterator[None]:
    """Run a transaction as the holder of a key; role and proof end with it.

    Args:
        connection: as tocsin_ingest.
        key: as its holder sent it.
        tenant: whose the gateway takes the key to be.
        scope: what the key must reach.

    Raises:
        Forbidden: PostgreSQL does not believe it: revoked meanwhile, or made before keys had proofs.
    """
    async with connection.transaction():
        await connection.execute(_SET_ROLE)
        await connection.execute(_PROVE, key.id, key.proof.hex())
        if await connection.fetchval(_TENANT, scope.value) != tenant:
            raise Forbidden(scope)
        yield
