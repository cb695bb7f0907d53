"""The normalizer's settings; `python -m tocsin_normalizer --help` lists them."""

from importlib.metadata import version
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tocsin_contracts.topics import IMAGE_MAX_BYTES
from tocsin_runtime.settings import Settings, setting

MIB = 1 << 20


class NormalizerSettings(Settings):
    """Settings of one worker. Every bound has a default that holds on one small machine."""

    service: ClassVar[str] = "normalizer"

    port: Annotated[int, Field(ge=0, le=65535)] = setting(8082, "port for probes and metrics; 0 takes a free one")
    release: Annotated[str, Field(min_length=1, max_length=64)] = setting(
        version("tocsin-normalizer"), "release stamped on every image; the release guard compares by it"
    )

    batch_records_max: Annotated[int, Field(ge=1, le=10_000)] = setting(500, "records of one batch at most")
    batch_bytes_max: Annotated[int, Field(ge=1)] = setting(4 * MIB, "bytes of one batch's bodies at most; one record always fits")
    poll_s: Annotated[float, Field(gt=0, le=5)] = setting(1.0, "seconds to wait for records")
    alerts_max: Annotated[int, Field(ge=1)] = setting(5_000, "alerts of one delivery; more is failed: too-many-alerts")
    image_bytes_max: Annotated[int, Field(ge=1024, le=IMAGE_MAX_BYTES)] = setting(
        IMAGE_MAX_BYTES, "bytes of an image; more is failed: image-too-large"
    )
    write_s: Annotated[float, Field(gt=0, le=20)] = setting(15.0, "seconds to wait for a batch's acknowledgement")
    map_s_max: Annotated[float, Field(ge=1)] = setting(60.0, "seconds after which a batch that does not end kills the process")

    session_s: Annotated[float, Field(ge=1, le=300)] = setting(
        6.0, "silence after which the group gives a dead worker's partitions to others; brokers allow 6 or more by default"
    )
    claim_wait_s_max: Annotated[float, Field(ge=0, le=10)] = setting(
        1.0, "a newly assigned partition waits a random time up to this: the former owner's last write lands meanwhile"
    )
    retry_s: Annotated[float, Field(gt=0)] = setting(0.2, "first wait after a failure; doubles")
    retry_s_max: Annotated[float, Field(gt=0)] = setting(2.0, "longest wait after a failure")
    commit_s: Annotated[float, Field(ge=0)] = setting(5.0, "seconds between commits to the group, which only show lag")
    watchdog_s: Annotated[float, Field(gt=0)] = setting(60.0, "seconds of lag without progress after which the process leaves")
    settings_cache: Annotated[int, Field(ge=1)] = setting(10_000, "versions of integrations kept in memory")

    release_guard: Literal["on", "off"] = setting(
        "on", "off: write whatever a new release makes of the log, even if it suddenly fails everything"
    )
    guard_history: Annotated[int, Field(ge=1)] = setting(1_000, "outcomes of the former release compared with, for each source")
    guard_history_min: Annotated[int, Field(ge=1)] = setting(20, "a source with fewer former outcomes is not judged")
    guard_sample: Annotated[int, Field(ge=1)] = setting(100, "first outcomes of a new release that are judged, for each source")
    guard_healthy: Annotated[float, Field(gt=0, le=1)] = setting(0.05, "judge sources of whose history less than this failed")
    guard_trip: Annotated[float, Field(gt=0, lt=1)] = setting(0.5, "leave when more than this part of the sample failed")
    guard_scan_records: Annotated[int, Field(ge=1)] = setting(2_000, "records of the output looked at for history")
    guard_ahead_records: Annotated[int, Field(ge=0)] = setting(2_000, "records of the log judged ahead of writing")
    guard_ahead_bytes: Annotated[int, Field(ge=0)] = setting(64 * MIB, "bytes of the log judged ahead of writing")
