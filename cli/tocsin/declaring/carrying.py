"""Reading what is there, and carrying a plan out: all of it in one transaction, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from tocsin.declaring.declaration import Declaration
from tocsin.declaring.plan import Act, IntegrationStep, Plan, Present, TenantStep, limits_of
from tocsin_control.errors import NotFound
from tocsin_control.integrations import change_integration, create_integration, delete_integration, list_integrations
from tocsin_control.master_key import MasterKey
from tocsin_control.tenants import (
    Tenant,
    change_tenant_limits,
    create_tenant,
    find_tenant,
    set_tenant_enabled,
)
from tocsin_runtime.postgres import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An integration that was made, with its secret, and the token of its URL where it takes one."""

    subject: str
    id: str
    path: str
    secret: SecretStr = field(repr=False)
    url_token: SecretStr | None = field(repr=False, default=None)


async def read_present(connection: Connection, declaration: Declaration) -> Mapping[str, Present]:
    """Read the tenants that a declaration names, as far as they are there."""
    found = {}
    for wanted in declaration.tenants:
        try:
            tenant = await find_tenant(connection, wanted.name)
        except NotFound:
            continue
        found[wanted.name] = Present(tenant=tenant, integrations=await list_integrations(connection, tenant=tenant.id))
    return found


async def carry_out(connection: Connection, master_key: MasterKey, plan: Plan, *, actor: str) -> tuple[Made, ...]:
    """Take every step; call it in the transaction in which what is there was read.

    Raises:
        Invalid: a step cannot be taken; says why, and the transaction must not be committed.
    """
    made: list[Made] = []
    for step in plan.steps:
        match step:
            case TenantStep():
                await _take_tenant_step(connection, step, actor)
            case IntegrationStep(act=Act.CREATE):
                made.append(await _create(connection, master_key, step, actor))
            case IntegrationStep():
                await _change(connection, step, actor)
    return tuple(made)


async def _take_tenant_step(connection: Connection, step: TenantStep, actor: str) -> Tenant:
    wanted, tenant = step.wanted, step.present
    rate, burst = limits_of(wanted, tenant)
    if tenant is None:
        tenant = await create_tenant(connection, name=wanted.name, rate_limit_per_min=rate, burst=burst, actor=actor)
    tenant = await change_tenant_limits(connection, tenant.id, rate_limit_per_min=rate, burst=burst, actor=actor)
    if wanted.enabled is not None:
        tenant = await set_tenant_enabled(connection, tenant.id, enabled=wanted.enabled, actor=actor)
    return tenant


async def _create(connection: Connection, master_key: MasterKey, step: IntegrationStep, actor: str) -> Made:
    wanted = step.wanted
    assert wanted is not None  # noqa: S101 - what is made is in the file
    tenant = await find_tenant(connection, step.tenant)
    made = await create_integration(
        connection, master_key, tenant=tenant.id, source=wanted.source, name=wanted.name, terms=wanted.terms(), actor=actor
    )
    return Made(
        subject=step.subject,
        id=made.integration.id,
        path=made.integration.path,
        secret=made.secret,
        url_token=made.url_token,
    )


async def _change(connection: Connection, step: IntegrationStep, actor: str) -> None:
    present = step.present
    if present is None or step.act is Act.KEEP:
        return
    if step.wanted is None:
        await delete_integration(connection, present.id, if_version=present.version, actor=actor)
    else:
        await change_integration(connection, present.id, step.wanted.terms(), if_version=present.version, actor=actor)
