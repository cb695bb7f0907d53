"""Reading the directory from PostgreSQL: one revision, secrets opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import asyncpg
import orjson

from tocsin_contracts.ids import IntegrationId, TenantId
from tocsin_contracts.times import from_datetime
from tocsin_control.directory import Directory, IntegrationEntry, KeyEntry, SecretEntry, TenantEntry, directory_of
from tocsin_control.errors import MasterKeyUnfit, SecretUnreadable
from tocsin_control.master_key import MasterKey
from tocsin_control.principal import known_scopes
from tocsin_control.secrets import WEBHOOK, open_secret
from tocsin_control.signature_style import SignatureStyle
from tocsin_control.tenants import worker_rate
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

_QUERIES = load("tocsin_control", "sql/directory.sql")
_REVISION = _QUERIES["revision"]
_TENANTS = _QUERIES["tenants"]
_INTEGRATIONS = _QUERIES["integrations"]
_SECRETS = _QUERIES["secrets"]
_URL_TOKENS = _QUERIES["url_tokens"]
_KEYS = _QUERIES["keys"]


async def load_revision(connection: Connection) -> int:
    """Read the change counter: it differs whenever a gateway must read anew."""
    revision = await connection.fetchval(_REVISION)
    return int(revision)


async def load_directory(connection: Connection, master_key: MasterKey) -> Directory:
    """Read everything at one revision.

    A secret that does not open is left out and counted at its integration, so that one bad row stops nobody else.

    Raises:
        MasterKeyUnfit: there are secrets, and not one opens: the file is another installation's.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        revision = await load_revision(connection)
        tenants = await connection.fetch(_TENANTS)
        integrations = await connection.fetch(_INTEGRATIONS)
        secrets = await connection.fetch(_SECRETS, WEBHOOK)
        tokens = _by_integration(await connection.fetch(_URL_TOKENS))
        keys = await connection.fetch(_KEYS)
        most = await worker_rate(connection)
    opened, unreadable = _open_all(master_key, secrets)
    return directory_of(
        revision,
        (_tenant(row) for row in tenants),
        (_integration(row, opened, unreadable, tokens) for row in integrations),
        (key_entry(row) for row in keys),
        worker_rate_per_min=most,
    )


def key_entry(row: asyncpg.Record) -> KeyEntry:
    """Read a row of `control.api_keys`; scopes of a newer release grant nothing here."""
    return KeyEntry(
        id=row["id"],
        tenant=TenantId(row["tenant_id"]),
        sha256=row["sha256"],
        scopes=known_scopes(row["scopes"]),
        actor_kind=row["actor_kind"],
        actor_name=row["actor_name"],
        expires_at=None if row["expires_at"] is None else from_datetime(row["expires_at"]),
    )


def _open_all(master_key: MasterKey, rows: Iterable[asyncpg.Record]) -> tuple[dict[str, tuple[SecretEntry, ...]], dict[str, int]]:
    opened: dict[str, tuple[SecretEntry, ...]] = {}
    unreadable: dict[str, int] = {}
    for row in rows:
        integration = row["integration_id"]
        try:
            entry = _secret(master_key, row)
        except SecretUnreadable:
            unreadable[integration] = unreadable.get(integration, 0) + 1
        else:
            opened[integration] = (*opened.get(integration, ()), entry)
    if unreadable and not opened:
        raise MasterKeyUnfit(
            "the master key opens none of the webhook secrets: TOCSIN_MASTER_KEY_FILE names the key of another installation"
        )
    return opened, unreadable


def _secret(master_key: MasterKey, row: asyncpg.Record) -> SecretEntry:
    value = open_secret(
        master_key,
        row["ciphertext"],
        tenant=row["tenant_id"],
        integration=row["integration_id"],
        slot=row["slot"],
        version=row["version"],
    )
    return _entry(row, value)


def _entry(row: asyncpg.Record, value: bytes) -> SecretEntry:
    not_after = None if row["not_after"] is None else from_datetime(row["not_after"])
    return SecretEntry(slot=row["slot"], version=row["version"], value=value, not_after=not_after)


def _by_integration(tokens: Iterable[asyncpg.Record]) -> dict[str, tuple[SecretEntry, ...]]:
    found: dict[str, tuple[SecretEntry, ...]] = {}
    for row in tokens:
        found[row["integration_id"]] = (*found.get(row["integration_id"], ()), _entry(row, row["sha256"]))
    return found


def _tenant(row: asyncpg.Record) -> TenantEntry:
    return TenantEntry(
        id=TenantId(row["id"]),
        name=row["name"],
        partition=row["partition"],
        rate_limit_per_min=row["rate_limit_per_min"],
        burst=row["burst"],
        enabled=row["enabled"],
    )


def _integration(
    row: asyncpg.Record,
    opened: Mapping[str, tuple[SecretEntry, ...]],
    unreadable: Mapping[str, int],
    tokens: Mapping[str, tuple[SecretEntry, ...]],
) -> IntegrationEntry:
    return IntegrationEntry(
        id=IntegrationId(row["id"]),
        tenant=TenantId(row["tenant_id"]),
        source=row["source"],
        name=row["name"],
        version=row["version"],
        enabled=row["enabled"],
        rate_limit_per_min=row["rate_limit_per_min"],
        burst=row["burst"],
        signature_required=row["signature_required"],
        signature_style=SignatureStyle.of(row),
        secrets=opened.get(row["id"], ()),
        secrets_unreadable=unreadable.get(row["id"], 0),
        sns_topics=() if row["sns_topics"] is None else tuple(orjson.loads(row["sns_topics"])),
        url_tokens=tokens.get(row["id"], ()),
    )
