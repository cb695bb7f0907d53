"""Settings of ingest: every bound of the gateway, with its default."""

from __future__ import annotations

from ipaddress import ip_network
from typing import ClassVar

from pydantic import field_validator

from tocsin_contracts.topics import BODY_MAX_BYTES
from tocsin_runtime.settings import Settings, setting

MIB = 1 << 20


class IngestSettings(Settings):
    """What can be set of the gateway."""

    service: ClassVar[str] = "ingest"

    port: int = setting(8081, "port to listen on; 0 takes a free one", ge=0, le=65535)
    gateway: str = setting("", "name of this gateway in its ticks; the host's name where empty", max_length=200)
    proxies: str = setting("127.0.0.0/8,::1", "networks of proxies whose X-Forwarded-For is believed, separated by commas")

    headers_max: int = setting(64, "header fields of a request", ge=8, le=120)
    header_max_bytes: int = setting(8190, "bytes of one header field", ge=1024, le=65536)
    url_max_bytes: int = setting(4096, "bytes of a request's path and query", ge=256, le=8190)
    headers_deadline_s: float = setting(5.0, "seconds from connecting to the end of the first request's header", gt=0, le=60)
    idle_s: float = setting(30.0, "seconds that a connection may stay idle", gt=0, le=600)
    linger_s: float = setting(2.0, "seconds that the rest of a refused body is read and thrown away", ge=0, le=60)
    connections_max: int = setting(4096, "open connections; more are closed at once", ge=1)

    body_max_bytes: int = setting(BODY_MAX_BYTES, "bytes of a body, as received and decoded", ge=1024, le=BODY_MAX_BYTES)
    body_deadline_s: float = setting(10.0, "seconds to receive a body", gt=0, le=60)
    ratio_max: int = setting(100, "how many times larger than received a gzip body may become", ge=2, le=1032)
    in_flight_max: int = setting(2048, "requests under way; more are answered 503", ge=1)
    receiving_max_bytes: int = setting(64 * MIB, "bytes of bodies being received in parts; more are answered 503", ge=MIB)

    append_deadline_s: float = setting(4.0, "seconds until an append without acknowledgement is answered 503", gt=0, le=4.5)
    queued_max_bytes: int = setting(64 * MIB, "bytes that wait for an acknowledgement; more are answered 503", ge=2 * MIB)

    failures_per_min: int = setting(60, "failed authentications a minute of one address before it is answered 429", ge=1)
    failures_burst: int = setting(120, "failed authentications of one address at once", ge=1)
    addresses_max: int = setting(50_000, "addresses whose failures are remembered; the longest quiet goes first", ge=100)
    commands_per_min: int = setting(600, "commands a minute of one tenant", ge=1)
    commands_burst: int = setting(200, "commands of one tenant at once", ge=1)
    heavy_commands_per_min: int = setting(60, "bulks, merges, splits and rule sets a minute of one tenant", ge=1)
    heavy_commands_burst: int = setting(60, "bulks, merges, splits and rule sets of one tenant at once", ge=1)
    rule_checks_max: int = setting(2, "rule sets checked at the same time; more are answered 503", ge=1)
    bodies_per_min: int = setting(600, "reads of bodies a minute of one tenant", ge=1)
    bodies_burst: int = setting(200, "reads of bodies of one tenant at once", ge=1)
    redrives_per_min: int = setting(300, "requests about failed deliveries a minute of one tenant", ge=1)
    redrives_burst: int = setting(100, "requests about failed deliveries of one tenant at once", ge=1)
    redrive_request_s: float = setting(20.0, "seconds that one request may send deliveries again", gt=0, le=60)
    redrive_failed_share: float = setting(0.2, "a redrive stops when more than this share fails again", ge=0, le=1)
    redrive_failed_least: int = setting(20, "deliveries sent again before their share of failures is judged", ge=1)
    redrive_connections_max: int = setting(4, "connections to PostgreSQL for failed deliveries", ge=2, le=20)
    buckets_max: int = setting(100_000, "rate-limit buckets kept; the longest unused goes first", ge=1000)

    public_url: str = setting("", "public address, for the URLs of senders; else as the caller reached us", max_length=500)
    management_per_min: int = setting(300, "management requests a minute of one tenant", ge=1)
    management_burst: int = setting(100, "management requests of one tenant at once", ge=1)
    management_connections_max: int = setting(2, "connections to PostgreSQL for management", ge=1, le=10)
    trials_max: int = setting(2, "deliveries tried at the same time; more are answered 503", ge=1)

    sns_timeout_s: float = setting(2.0, "seconds of one visit to Amazon SNS, for a certificate or a confirmation", gt=0, le=10)

    control_poll_s: float = setting(1.0, "seconds between two looks for changed tenants, integrations and keys", gt=0, le=5)
    erase_poll_s: float = setting(5.0, "seconds between two looks for tenants that are to be erased", gt=0, le=60)
    erase_wait_s: float = setting(
        15.0, "seconds from asking for a tenant's erasure to its record: every gateway refuses the tenant by then", ge=0, le=600
    )

    tick_interval_s: float = setting(15.0, "seconds between two ticks of a partition", gt=0, le=15)
    command_wait_s: float = setting(5.0, "seconds that a command waits for its outcome", ge=0, le=20)
    command_wait_max_s: float = setting(20.0, "longest wait that `Prefer: wait=` may ask for", ge=0, le=60)
    commands_waiting_max: int = setting(256, "commands waiting for an outcome; more are answered 202 at once", ge=0)
    body_reads_max: int = setting(8, "bodies read from the log at the same time", ge=1)
    body_read_deadline_s: float = setting(4.0, "seconds to read a body from the log", gt=0, le=30)
    postgres_connections_max: int = setting(4, "connections to PostgreSQL for outcomes of commands", ge=1, le=50)
    incident_connections_max: int = setting(
        2, "connections to PostgreSQL for looking up the incidents that commands name", ge=1, le=20
    )
    log_buffer_max: int = setting(1000, "request log lines kept before they are written", ge=1)
    log_flush_s: float = setting(0.2, "seconds that a request log line may wait to be written", gt=0, le=5)

    @field_validator("public_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        return value

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for part in value.split(","):
            if part.strip():
                ip_network(part.strip())
        return value
