"""The demo's tenant in `control`: found again, or what is missing of it made."""

import secrets
from collections.abc import Mapping

from pydantic import SecretStr

from tocsin.demo.keeping import DemoIntegration, DemoTenant
from tocsin_control.api_key import parse_key
from tocsin_control.errors import NotFound
from tocsin_control.integrations import Integration, create_integration, list_integrations
from tocsin_control.keys import READ_SCOPES, create_key, list_keys
from tocsin_control.master_key import MasterKey
from tocsin_control.principal import Scope
from tocsin_control.secrets import add_secret
from tocsin_control.tenants import Tenant, create_tenant, find_tenant
from tocsin_runtime.postgres import Connection

NAME = "demo"
ACTOR = "cli:demo"
NAMES: Mapping[str, str] = {
    "alertmanager": "Alertmanager of the demo",
    "sentry": "Sentry of the demo",
    "grafana": "Grafana of the demo",
    "datadog": "Datadog of the demo",
    "pagerduty": "PagerDuty of the demo",
    "github": "GitHub of the demo",
    "gitlab": "GitLab of the demo",
    "cloudwatch_sns": "CloudWatch of the demo",
    "opsgenie": "Opsgenie of the demo",
    "generic": "Scripts of the demo",
}
"""Integrations by source."""
SCOPES = READ_SCOPES | {Scope.INCIDENTS_WRITE, Scope.RULES_WRITE, Scope.DELIVERIES_REDRIVE}


async def open_demo(connection: Connection, master_key: MasterKey, *, url: str, kept: DemoTenant | None) -> DemoTenant:
    """Give the demo's tenant with working keys and secrets; what `kept` has and `control` knows stays as it is.

    Args:
        connection: as tocsin_owner.
        master_key: seals new secrets.
        url: the public address.
        kept: of the last start; without it, or on another database, secrets and key are made anew.
    """
    tenant = await _tenant(connection)
    known = kept if kept is not None and kept.tenant == tenant.id else None
    there = {item.name: item for item in await list_integrations(connection, tenant=tenant.id)}
    integrations = {
        source: await _integration(connection, master_key, tenant, source, there.get(name), known)
        for source, name in NAMES.items()
    }
    return DemoTenant(
        url=url,
        tenant=tenant.id,
        api_key=await _api_key(connection, tenant, known),
        integrations=integrations,
        began_at=0 if known is None else known.began_at,
        sent={} if known is None else known.sent,
    )


async def _tenant(connection: Connection) -> Tenant:
    try:
        return await find_tenant(connection, NAME)
    except NotFound:
        return await create_tenant(connection, name=NAME, actor=ACTOR)


async def _integration(
    connection: Connection,
    master_key: MasterKey,
    tenant: Tenant,
    source: str,
    there: Integration | None,
    known: DemoTenant | None,
) -> DemoIntegration:
    """Keep an integration whose secret is known; give one whose secret was lost a new one; else make it."""
    chosen = _client_secret() if source == "sentry" else None
    if there is None:
        made = await create_integration(
            connection, master_key, tenant=tenant.id, source=source, name=NAMES[source], secret=chosen, actor=ACTOR
        )
        return DemoIntegration(id=made.integration.id, secret=made.secret.get_secret_value())
    kept = None if known is None else known.integrations.get(source)
    if kept is not None and kept.id == there.id:
        return kept
    secret = await add_secret(
        connection, master_key, tenant=tenant.id, integration=there.id, secret=chosen, overlap_s=0, actor=ACTOR
    )
    return DemoIntegration(id=there.id, secret=secret.get_secret_value())


async def _api_key(connection: Connection, tenant: Tenant, known: DemoTenant | None) -> str:
    if known is not None:
        alive = {key.id for key in await list_keys(connection, tenant=tenant.id) if key.revoked_at is None}
        if _key_id(known.api_key) in alive:
            return known.api_key
    made = await create_key(connection, tenant=tenant.id, actor_name=NAME, actor_kind="person", scopes=SCOPES, actor=ACTOR)
    return made.text.get_secret_value()


def _key_id(text: str) -> str | None:
    try:
        return parse_key(text).id
    except ValueError:  # somebody edited the file: a new key is made
        return None


def _client_secret() -> SecretStr:
    """Make what Sentry shows as an internal integration's client secret: 64 hexadecimal digits."""
    return SecretStr(secrets.token_hex(32))
