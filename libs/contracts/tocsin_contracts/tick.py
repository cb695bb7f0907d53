"""Ticks: records that say what time it is, and whom a gateway turned away (DESIGN 3, "Time")."""

import orjson
from pydantic import BaseModel, ConfigDict, Field

TICK_VERSION = 1
REFUSED_MAX = 10_000
PROCESS_MAX = 64


class Refused(BaseModel):
    """An integration whose requests a gateway answered 429 or 503 since its last tick."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tenant: str
    integration: str


class Tick(BaseModel):
    """Written by every gateway to every partition every 15 s; extra ticks change nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = TICK_VERSION
    gateway: str
    """Its name, for people; two processes may have the same."""
    process: str | None = Field(default=None, min_length=1, max_length=PROCESS_MAX)
    """This run of the gateway: drawn at random at its start, the same in all its ticks. None in ticks of older releases."""
    covers_ms: int = Field(ge=0)
    """How long since this gateway's last tick: how long the refusals may have lasted."""
    refused: list[Refused] = Field(default_factory=list, max_length=REFUSED_MAX)
    """Integrations of this partition's tenants only."""
    all_refused: bool = False
    """Everything was refused: it could not append, or does not know whom it refused, or refused more than a tick can list."""
    last: bool = False
    """Goodbye: this process accepts and refuses nothing any more, and writes nothing behind this record."""


def encode_tick(tick: Tick) -> bytes:
    """Write a tick as a record's value."""
    return orjson.dumps(tick.model_dump())


def decode_tick(value: bytes) -> Tick:
    """Read a tick.

    Raises:
        ValueError: not a tick.
    """
    return Tick.model_validate_json(value)
