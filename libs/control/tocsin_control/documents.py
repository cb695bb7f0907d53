"""What people write of an integration, in the API and in `tocsin.yaml`: one model, strict, a default for all but the name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.integrations import DEFAULT_BURST, DEFAULT_RATE_PER_MIN, Integration, Terms, described
from tocsin_control.signature_style import FORMAT, SECRET_FORMAT, TOLERANCE_MAX_S, SignatureStyle
from tocsin_sources.mapping import validate_mapping
from tocsin_sources.schemes.signature_header import Algorithm, Signs
from tocsin_sources.schemes.signed_time import TOLERANCE_S

FAULTS_MAX = 20
LIMIT_MAX = 10_000_000
"""A limit above this is no limit; PostgreSQL's integers end later."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")]
Limit = Annotated[int, Field(ge=1, le=LIMIT_MAX)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,100}$")]

M = TypeVar("M", bound=BaseModel)
D = TypeVar("D", bound="IntegrationDocument")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a document; never holds what stood there."""

    place: tuple[str | int, ...]
    code: str
    detail: str

    @property
    def pointer(self) -> str:
        """Write the place as a JSON pointer; names in it are the writer's own, so they are cut."""
        return "".join("/" + str(part)[:100].replace("~", "~0").replace("/", "~1") for part in self.place)


class UnfitDocument(ValueError):  # noqa: N818 - it names what the document is
    """A document is not what is taken here; `faults` says where and why, at most `FAULTS_MAX` times."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.pointer or 'document'}: {fault.detail}" for fault in faults))


class StyleDocument(BaseModel):
    """How an integration signs, where it differs from its source's habit (D1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: HeaderName
    format: Annotated[str, StringConstraints(pattern=FORMAT)] = "hex"
    algorithm: Algorithm = "hmac-sha256"
    signs: Signs = "body"
    time_header: HeaderName | None = None
    tolerance_s: Annotated[int, Field(ge=1, le=TOLERANCE_MAX_S)] = TOLERANCE_S

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (self.signs == "body") is not (self.time_header is None):
            raise ValueError("time_header is set where a time is signed, and only there")
        if self.format == SECRET_FORMAT and self.time_header is not None:
            raise ValueError("a header that holds the secret signs nothing")
        return self

    def style(self) -> SignatureStyle:
        """Give what it asks for."""
        return SignatureStyle(**dict(self))


class IntegrationDocument(BaseModel):
    """All that can be changed of an integration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    enabled: bool = True
    rate_limit_per_min: Limit = DEFAULT_RATE_PER_MIN
    burst: Limit = DEFAULT_BURST
    signature_required: bool = True
    signature_style: StyleDocument | None = None
    url_token: bool = False
    settings: IntegrationSettings = Field(default_factory=IntegrationSettings)

    def terms(self) -> Terms:
        """Give the terms that it asks for."""
        style = self.signature_style
        return Terms(
            settings=self.settings,
            rate_limit_per_min=self.rate_limit_per_min,
            burst=self.burst,
            signature_required=self.signature_required,
            signature_style=None if style is None else style.style(),
            enabled=self.enabled,
            url_token=self.url_token,
        )


def document_of(integration: Integration) -> Json:
    """Write an integration as the document that would make it."""
    return {name: value for name, value in described(integration).items() if name in IntegrationDocument.model_fields}


def read_document(model: type[M], document: object) -> M:
    """Read a parsed document strictly: no unknown member, no text where a number belongs.

    Raises:
        UnfitDocument: says every fault.
    """
    try:
        # By way of JSON, where strict still takes text for times and codes.
        return model.model_validate_json(orjson.dumps(document), strict=True, extra="forbid")
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[:FAULTS_MAX]
        raise UnfitDocument(
            tuple(Fault(place=tuple(each["loc"]), code=each["type"], detail=each["msg"]) for each in found)
        ) from None
    except TypeError as error:  # an integer beyond 64 bits
        raise UnfitDocument((Fault(place=(), code="unfit-number", detail="a number is beyond 64 bits"),)) from error


def read_integration(model: type[D], document: object) -> D:
    """Read a parsed document of an integration strictly, with the paths of its mapping.

    Raises:
        UnfitDocument: says every fault.
    """
    integration = read_document(model, document)
    patterns = tuple(
        Fault(place=("settings", "sns_topics", number), code="unfit-topic", detail="an ARN is taken whole: * matches nothing")
        for number, topic in enumerate(integration.settings.sns_topics)
        if "*" in topic
    )
    if patterns:
        raise UnfitDocument(patterns[:FAULTS_MAX])
    if integration.settings.mapping is not None:
        written = integration.settings.mapping.model_dump(exclude_unset=True)
        faults = tuple(
            Fault(place=("settings", "mapping", *_steps(found.pointer)), code="unfit-mapping", detail=found.detail)
            for found in validate_mapping(written)[:FAULTS_MAX]
        )
        if faults:
            raise UnfitDocument(faults)
    return integration


def _steps(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def merged(document: Json, patch: Mapping[str, Any]) -> Json:
    """Apply a JSON merge patch (RFC 7396): a member replaces, `null` removes (so that the default holds again), objects merge."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[name] = value
    return result
