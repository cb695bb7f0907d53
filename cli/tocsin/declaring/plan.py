"""The plan: what must change so that what is there is what a declaration says. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tocsin.declaring.declaration import Declaration, DeclaredIntegration, DeclaredTenant
from tocsin_control.documents import document_of
from tocsin_control.errors import Refused
from tocsin_control.integrations import Integration
from tocsin_control.tenants import DEFAULT_BURST, DEFAULT_RATE_PER_MIN, Tenant


class Act(StrEnum):
    """What a step does; the sign is how it is printed."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    KEEP = "keep"
    """Not in the file, and left alone: shown, and no difference."""


SIGNS: Mapping[Act, str] = {Act.CREATE: "+", Act.CHANGE: "~", Act.DELETE: "-", Act.KEEP: " "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that is another one."""

    name: str
    """Such as `settings.dedup_window_s`."""
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A tenant that is there, with its integrations."""

    tenant: Tenant
    integrations: Sequence[Integration]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantStep:
    """Make a tenant, or change one."""

    act: Act
    wanted: DeclaredTenant
    present: Tenant | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def subject(self) -> str:
        """Name what it is about."""
        return f"tenant {self.wanted.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationStep:
    """Make, change, delete or keep an integration."""

    act: Act
    tenant: str
    """Name: it may be about to be made."""
    wanted: DeclaredIntegration | None = None
    present: Integration | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def opts_in(self) -> bool:
        """Tell whether an integration that is there takes a token in its URL from now on: nobody has one yet."""
        wanted, present = self.wanted, self.present
        return wanted is not None and present is not None and wanted.url_token and not present.terms.url_token

    @property
    def subject(self) -> str:
        """Name what it is about."""
        found = self.wanted or self.present
        return f"{self.tenant}/{found.name} ({found.source})" if found is not None else self.tenant


Step = TenantStep | IntegrationStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps in the order in which they are taken."""

    steps: tuple[Step, ...]

    def count(self, act: Act) -> int:
        """Count the steps of a kind."""
        return sum(step.act is act for step in self.steps)

    @property
    def differs(self) -> bool:
        """Tell whether anything would change."""
        return any(step.act is not Act.KEEP for step in self.steps)


def plan(declaration: Declaration, present: Mapping[str, Present], *, prune: bool) -> Plan:
    """Compare.

    Args:
        declaration: what shall be.
        present: what is, by names of tenants; tenants that the file does not name are nobody's business here.
        prune: delete integrations of the named tenants that the file does not name.

    Raises:
        Refused: an integration would become another source's: ids and history are one source's for good.
    """
    steps: list[Step] = []
    for tenant in declaration.tenants:
        there = present.get(tenant.name)
        steps += _tenant_steps(tenant, None if there is None else there.tenant)
        steps += _integration_steps(tenant, () if there is None else there.integrations, prune=prune)
    return Plan(steps=tuple(steps))


def _tenant_steps(wanted: DeclaredTenant, present: Tenant | None) -> Iterator[Step]:
    if present is None:
        yield TenantStep(act=Act.CREATE, wanted=wanted)
        return
    differences = tuple(
        Difference(name=name, before=getattr(present, name), after=getattr(wanted, name))
        for name in ("enabled", "rate_limit_per_min", "burst")
        if getattr(wanted, name) not in (None, getattr(present, name))
    )
    if differences:
        yield TenantStep(act=Act.CHANGE, wanted=wanted, present=present, differences=differences)


def _integration_steps(tenant: DeclaredTenant, present: Sequence[Integration], *, prune: bool) -> Iterator[Step]:
    there = {integration.name: integration for integration in present}
    for wanted in tenant.integrations:
        found = there.pop(wanted.name, None)
        if found is None:
            yield IntegrationStep(act=Act.CREATE, tenant=tenant.name, wanted=wanted)
            continue
        if found.source != wanted.source:
            raise Refused(
                f"{tenant.name}/{wanted.name} is of source {found.source}, the file says {wanted.source}: that never changes; "
                "give it another name, or delete the old one first"
            )
        differences = tuple(_differences("", document_of(found), wanted.model_dump(mode="json", exclude={"source"})))
        if differences:
            yield IntegrationStep(act=Act.CHANGE, tenant=tenant.name, wanted=wanted, present=found, differences=differences)
    for left in sorted(there.values(), key=lambda integration: integration.name):
        yield IntegrationStep(act=Act.DELETE if prune else Act.KEEP, tenant=tenant.name, present=left)


def _differences(name: str, before: object, after: object) -> Iterator[Difference]:
    """Compare two documents down to their values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for member in sorted({*before, *after}):
            yield from _differences(f"{name}.{member}".lstrip("."), before.get(member), after.get(member))
    elif before != after:
        yield Difference(name=name, before=before, after=after)


def limits_of(wanted: DeclaredTenant, present: Tenant | None) -> tuple[int, int]:
    """Give a tenant's rate and burst: as the file says, else as they are, else the defaults."""
    rate = present.rate_limit_per_min if present is not None else DEFAULT_RATE_PER_MIN
    burst = present.burst if present is not None else DEFAULT_BURST
    return wanted.rate_limit_per_min or rate, wanted.burst or burst
