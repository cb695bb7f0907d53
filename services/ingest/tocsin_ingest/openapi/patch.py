"""The body of a change: an integration's document with every member optional, and `null` for the default."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from tocsin_control.documents import IntegrationDocument

_SETTINGS = "Members of the settings; those that are not named stay, `null` is the default again."


def _without_defaults(schema: dict[str, Any]) -> None:
    """Leave out `default: null`: what is not named stays as it is."""
    for member in schema["properties"].values():
        member.pop("default", None)


def _optional(name: str) -> tuple[Any, Any]:
    found = IntegrationDocument.model_fields[name]
    if name == "settings":
        return dict[str, Any] | None, Field(default=None, description=_SETTINGS)
    constrained: Any = found.annotation
    for constraint in found.metadata:
        constrained = Annotated[constrained, constraint]
    return (constrained if found.is_required() else constrained | None), None


_MEMBERS: dict[str, Any] = {name: _optional(name) for name in IntegrationDocument.model_fields}
IntegrationChange: type[BaseModel] = create_model(
    "IntegrationChange",
    __config__=ConfigDict(extra="forbid", json_schema_extra=_without_defaults),
    __doc__="What to change of an integration (RFC 7396).",
    **_MEMBERS,
)
"""Every member of `IntegrationDocument`, each optional."""
