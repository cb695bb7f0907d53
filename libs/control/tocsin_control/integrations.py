"""Integrations: configured senders. What the fold needs of one is an immutable version."""

from __future__ import annotations

from dataclasses import dataclass, field

import asyncpg
import orjson
from pydantic import SecretStr

from tocsin_contracts.ids import IntegrationId, TenantId
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.times import from_datetime
from tocsin_control import audit, secrets
from tocsin_control.errors import NameTaken, NotFound, Refused
from tocsin_control.identifier import new_integration_id
from tocsin_control.master_key import MasterKey
from tocsin_control.signature_style import SignatureStyle
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load
from tocsin_sources import registry

DEFAULT_RATE_PER_MIN = 1_000
DEFAULT_BURST = 2_000
LIST_MAX = 10_000
_DEFAULTS = IntegrationSettings()

_QUERIES = load("tocsin_control", "sql/integrations.sql")
_INSERT = _QUERIES["insert"]
_INSERT_VERSION = _QUERIES["insert_version"]
_LOCK = _QUERIES["lock"]
_SET_VERSION = _QUERIES["set_version"]
_SET_ENABLED = _QUERIES["set_enabled"]
_LIST = _QUERIES["list"]
_FIND = _QUERIES["find"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a version fixes: settings of the fold, limits of the gateway (E3), and how requests are believed (D1, E1)."""

    settings: IntegrationSettings = _DEFAULTS
    rate_limit_per_min: int = DEFAULT_RATE_PER_MIN
    burst: int = DEFAULT_BURST
    signature_required: bool = True
    signature_style: SignatureStyle | None = None
    """Instead of what the source's file says."""


DEFAULT_TERMS = Terms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One integration with its current terms."""

    id: IntegrationId
    tenant: TenantId
    source: str
    name: str
    version: int
    enabled: bool
    created_at: int
    terms: Terms

    @property
    def path(self) -> str:
        """Give the path that the sender posts to."""
        return webhook_path(self.source, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedIntegration:
    """A new integration and its secret, which is shown this once."""

    integration: Integration
    secret: SecretStr = field(repr=False)


def webhook_path(source: str, integration: str) -> str:
    """Write the canonical path of an integration's webhook."""
    return f"/api/v1/webhooks/{source}/{integration}"


async def create_integration(
    connection: Connection,
    master_key: MasterKey,
    *,
    tenant: str,
    source: str,
    name: str,
    terms: Terms = DEFAULT_TERMS,
    secret: SecretStr | None = None,
    actor: str = "cli",
) -> CreatedIntegration:
    """Make an integration with version 1 and one secret.

    Args:
        connection: as tocsin_owner.
        master_key: seals the secret.
        tenant: id of its owner.
        source: a name that `tocsin_sources.registry` knows.
        name: unique in the tenant.
        terms: settings and limits.
        secret: chosen by the sender (`secrets.chosen_secret`); else one is made.
        actor: who asks, for the audit.

    Raises:
        NameTaken: the tenant has one of this name.
        NotFound: no such tenant.
        Refused: unknown source, unsigned requests for a source that always signs, or a value out of bounds.
    """
    _check(source, terms)
    integration = new_integration_id()
    try:
        async with connection.transaction():
            await connection.execute(_INSERT, integration, tenant, source, name)
            await _insert_version(connection, integration, 1, terms)
            shown = await secrets.add_secret(
                connection, master_key, tenant=tenant, integration=integration, secret=secret, actor=actor
            )
            detail: dict[str, object] = {"source": source, "name": name}
            await audit.record(
                connection, actor=actor, action="integration.created", tenant=tenant, subject=integration, detail=detail
            )
            return CreatedIntegration(integration=await find_integration(connection, integration), secret=shown)
    except asyncpg.UniqueViolationError as error:
        raise NameTaken(f"the tenant has an integration named {name!r} already") from error
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFound(f"there is no tenant {tenant!r}") from error
    except (asyncpg.CheckViolationError, asyncpg.DataError) as error:
        raise Refused("an integration needs a name of 1 to 200 characters and limits above 0") from error


async def change_integration(connection: Connection, integration: str, terms: Terms, *, actor: str = "cli") -> Integration:
    """Put new terms in force, as the next version; deliveries that came before keep theirs.

    Raises:
        NotFound: no such integration.
        Refused: as `create_integration` does.
    """
    async with connection.transaction():
        await connection.execute(_LOCK, integration)
        before = await find_integration(connection, integration)
        _check(before.source, terms)
        version = before.version + 1
        try:
            await _insert_version(connection, integration, version, terms)
        except (asyncpg.CheckViolationError, asyncpg.DataError) as error:
            raise Refused("the limits of an integration are above 0") from error
        await connection.execute(_SET_VERSION, integration, version)
        detail: dict[str, object] = {"version": version}
        await audit.record(
            connection,
            actor=actor,
            action="integration.changed",
            tenant=before.tenant,
            subject=integration,
            detail=detail,
        )
        return await find_integration(connection, integration)


async def set_enabled(connection: Connection, integration: str, *, enabled: bool, actor: str = "cli") -> Integration:
    """Accept deliveries of an integration, or no longer.

    Raises:
        NotFound: no such integration.
    """
    async with connection.transaction():
        await connection.execute(_SET_ENABLED, integration, enabled)
        found = await find_integration(connection, integration)
        action = "integration.enabled" if enabled else "integration.disabled"
        await audit.record(connection, actor=actor, action=action, tenant=found.tenant, subject=integration)
        return found


async def list_integrations(
    connection: Connection, *, tenant: str | None = None, limit: int = LIST_MAX
) -> tuple[Integration, ...]:
    """List integrations in order of creation, of one tenant or of all; at most `limit`."""
    return tuple(_integration(row) for row in await connection.fetch(_LIST, tenant, limit))


async def find_integration(connection: Connection, integration: str) -> Integration:
    """Find an integration by id.

    Raises:
        NotFound: no such integration.
    """
    row = await connection.fetchrow(_FIND, integration)
    if row is None:
        raise NotFound(f"there is no integration {integration!r}; 'tocsin integrations list' shows all")
    return _integration(row)


def _check(source: str, terms: Terms) -> None:
    known = registry.get(source)
    if known is None:
        raise Refused(f"there is no source {source!r}; known are {', '.join(registry.names())}")
    if not terms.signature_required and not known.signature_optional:
        raise Refused(f"{known.title} always proves who it is; its secret cannot be optional")


async def _insert_version(connection: Connection, integration: str, version: int, terms: Terms) -> None:
    style = terms.signature_style
    await connection.execute(
        _INSERT_VERSION,
        integration,
        version,
        orjson.dumps(terms.settings.model_dump(mode="json")).decode(),
        terms.rate_limit_per_min,
        terms.burst,
        terms.signature_required,
        style.header if style else None,
        style.algorithm if style else None,
        style.format if style else None,
    )


def _integration(row: asyncpg.Record) -> Integration:
    return Integration(
        id=IntegrationId(row["id"]),
        tenant=TenantId(row["tenant_id"]),
        source=row["source"],
        name=row["name"],
        version=row["version"],
        enabled=row["enabled"],
        created_at=from_datetime(row["created_at"]),
        terms=Terms(
            settings=IntegrationSettings.model_validate_json(row["settings"]),
            rate_limit_per_min=row["rate_limit_per_min"],
            burst=row["burst"],
            signature_required=row["signature_required"],
            signature_style=SignatureStyle.of(row["signature_header"], row["signature_format"]),
        ),
    )
