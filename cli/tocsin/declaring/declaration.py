"""What `tocsin.yaml` may say: tenants and their integrations, stable by name, no secrets."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tocsin.declaring.yaml import Place, Written, read_yaml
from tocsin_control.documents import IntegrationDocument, Limit, Name, UnfitDocument, read_document, read_integration
from tocsin_control.errors import Refused
from tocsin_control.mapping_taken import untaken
from tocsin_sources import registry


class DeclaredIntegration(IntegrationDocument):
    """An integration as it shall be; what is not said has its default."""

    source: Annotated[str, StringConstraints(max_length=64)]


class DeclaredTenant(BaseModel):
    """A tenant; limits and `enabled` stay as they are where nothing is said of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    enabled: bool | None = None
    rate_limit_per_min: Limit | None = None
    burst: Limit | None = None
    integrations: list[DeclaredIntegration] = Field(default_factory=list, max_length=1_000)


class Declaration(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    """Of the format."""
    tenants: list[DeclaredTenant] = Field(min_length=1, max_length=10_000)


def read_declaration(text: str, name: str) -> Declaration:
    """Read a file strictly.

    Args:
        text: what it holds.
        name: of the file, for messages.

    Raises:
        Refused: every fault as `name:line: place: what`, the first of them first.
    """
    written = read_yaml(text, name)
    try:
        declaration = read_document(Declaration, written.document)
    except UnfitDocument as unfit:
        raise Refused("; ".join(_fault(name, written, fault.place, fault.detail) for fault in unfit.faults)) from None
    faults = [_fault(name, written, place, detail) for place, detail in _faults(declaration)]
    if faults:
        raise Refused("; ".join(faults))
    return declaration


def _faults(declaration: Declaration) -> list[tuple[Place, str]]:
    """Find what a model by itself cannot see: names given twice, unknown sources, mappings that cannot be used."""
    found: list[tuple[Place, str]] = []
    tenants: set[str] = set()
    for number, tenant in enumerate(declaration.tenants):
        here: Place = ("tenants", number)
        if tenant.name in tenants:
            found.append(((*here, "name"), f"a second tenant named {tenant.name!r}"))
        tenants.add(tenant.name)
        names: set[str] = set()
        for place, integration in enumerate(tenant.integrations):
            there: Place = (*here, "integrations", place)
            if integration.name in names:
                found.append(((*there, "name"), f"a second integration of {tenant.name!r} named {integration.name!r}"))
            names.add(integration.name)
            found += [((*there, *inner), detail) for inner, detail in _integration_faults(integration)]
    return found


def _integration_faults(integration: DeclaredIntegration) -> list[tuple[Place, str]]:
    source = registry.get(integration.source)
    if source is None:
        return [(("source",), f"there is no source {integration.source!r}; known are {', '.join(registry.names())}")]
    if not integration.signature_required and not source.signature_optional:
        return [(("signature_required",), f"{source.title} always proves who it is")]
    if why := untaken(source, integration.settings.mapping):
        return [(("settings", "mapping"), why)]
    try:
        read_integration(DeclaredIntegration, integration.model_dump(mode="json"))
    except UnfitDocument as unfit:
        return [(fault.place, fault.detail) for fault in unfit.faults]
    return []


def _fault(name: str, written: Written, place: Place, detail: str) -> str:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    return f"{name}:{written.line(place)}: {shown or 'the file'}: {detail}"
