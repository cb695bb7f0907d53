"""The record that erases a tenant (DESIGN 3, "Erase"): behind it nothing of the tenant is shown, whoever reads from where."""

import orjson
from pydantic import BaseModel, ConfigDict, Field

TENANT_ERASED_VERSION = 1


class TenantErased(BaseModel):
    """Written by ingest into the tenant's partition, once every gateway refuses the tenant. Its id is never used again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = TENANT_ERASED_VERSION
    tenant: str = Field(min_length=1, max_length=64)
    asked_at: int
    """When somebody asked for it, µs: for people."""


def encode_tenant_erased(record: TenantErased) -> bytes:
    """Write the record's value."""
    return orjson.dumps(record.model_dump())


def decode_tenant_erased(value: bytes) -> TenantErased:
    """Read the record's value.

    Raises:
        ValueError: not such a record.
    """
    return TenantErased.model_validate_json(value)
