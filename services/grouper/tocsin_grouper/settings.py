"""The grouper's settings."""

from typing import Annotated, ClassVar

from pydantic import Field

from tocsin_runtime.settings import Settings, setting


class GrouperSettings(Settings):
    """Everything that can be set, from `TOCSIN_…` and `TOCSIN_GROUPER_…`."""

    service: ClassVar[str] = "grouper"

    port: Annotated[int, Field(ge=0, le=65535)] = setting(8084, "port for health and metrics; 0 takes a free one")
    batch_records: Annotated[int, Field(ge=1, le=10_000)] = setting(1000, "records folded in one transaction at most")
    cached_records: Annotated[int, Field(ge=1000)] = setting(
        100_000, "alerts, incidents and groups kept in memory between batches, for each partition"
    )
    rules_memory_mb: Annotated[int, Field(ge=32, le=65_536)] = setting(
        256, "memory of all tenants' rule sets that are kept ready, about; those used last are, others are made ready again"
    )
    synchronous_commit: bool = setting(
        False, "wait for the disk at each commit; without it a crash of PostgreSQL loses a tail that the log folds again"
    )
    session_s: Annotated[float, Field(ge=1, le=300)] = setting(
        6.0, "silence after which the group gives a dead worker's partitions to others; brokers allow 6 or more by default"
    )
    claim_backoff_s: Annotated[float, Field(ge=0, le=60)] = setting(
        1.0, "longest random wait before a partition is claimed, so that its former owner can finish a batch"
    )
    transaction_idle_s: Annotated[float, Field(ge=1, le=60)] = setting(
        10.0,
        "silence inside a batch's transaction after which PostgreSQL ends it: a worker that hangs blocks its successor so long",
    )
    patience_s: Annotated[float, Field(ge=5)] = setting(120.0, "leave the process after so long without progress despite lag")
    retention_days: Annotated[int, Field(ge=31, le=3650)] = setting(90, "days for which delivery and event rows are kept")
