"""Bodies of management requests: strict, unknown members refused (security S23)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from tocsin_control.documents import IntegrationDocument, Name
from tocsin_control.keys import READ_SCOPES
from tocsin_control.principal import Scope
from tocsin_control.secrets import DEFAULT_OVERLAP_S

OVERLAP_MAX_S = 30 * 86_400
_HeaderText = Annotated[str, StringConstraints(max_length=8_190)]
_Headers = Annotated[dict[str, _HeaderText], Field(max_length=64)]


class NewIntegration(IntegrationDocument):
    """An integration to make: all that can be changed later, its source, and the secret if the sender chose it."""

    source: Annotated[str, StringConstraints(max_length=64)]
    secret: SecretStr | None = None


class Rotation(BaseModel):
    """A new secret, or a new token of the URL, and how long the one before stays good."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    overlap_s: Annotated[int, Field(ge=0, le=OVERLAP_MAX_S)] = DEFAULT_OVERLAP_S
    secret: SecretStr | None = None
    """Chosen by the sender; else one is made."""
    url_token: bool = False
    """The token of the URL instead of the secret."""


class Try(BaseModel):
    """A delivery to try: what the sender would send, and perhaps settings that the integration may get."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    payload: Any
    """The body as JSON; a text is the body itself, byte for byte."""
    headers: _Headers = Field(default_factory=dict)
    query: _Headers = Field(default_factory=dict)
    content_type: _HeaderText = "application/json"
    settings: dict[str, Any] = Field(default_factory=dict)
    """Merged over the integration's own, as PATCH would."""


class NewKey(BaseModel):
    """An API key to make."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    holder: Name
    kind: Literal["person", "machine"] = "machine"
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)] = sorted(READ_SCOPES)
    expires_at: AwareDatetime | None = None
