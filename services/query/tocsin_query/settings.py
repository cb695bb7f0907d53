"""Settings of the query service."""

from typing import ClassVar

from pydantic import field_validator

from tocsin_runtime.address import networks
from tocsin_runtime.settings import Settings, setting


class QuerySettings(Settings):
    """Read from the environment once, as `TOCSIN_QUERY_…`."""

    service: ClassVar[str] = "query"

    port: int = setting(8083, "port to listen on; 0 takes a free one", ge=0, le=65535)
    proxies: str = setting("127.0.0.0/8,::1", "networks of proxies whose X-Forwarded-For is believed, separated by commas")
    failures_per_min: int = setting(60, "wrong API keys a minute of one address before it is answered 429", ge=1)
    failures_burst: int = setting(120, "wrong API keys of one address at once", ge=1)
    addresses_max: int = setting(50_000, "addresses whose failures are remembered; the longest quiet goes first", ge=100)
    pool_size: int = setting(16, "connections to PostgreSQL at most", ge=1, le=100)
    statement_timeout_s: float = setting(3.0, "seconds a statement may take before the answer is a 503", gt=0, le=60)
    connect_timeout_s: float = setting(2.0, "seconds to wait for a connection before the answer is a 503", gt=0, le=30)
    tenant_at_once: int = setting(4, "requests of one tenant that may read at the same time", ge=1, le=100)
    tenant_waiting: int = setting(60, "requests of one tenant that may wait for their turn; above it the answer is a 429", ge=0)
    count_max: int = setting(10_000, "rows up to which totals are exact", ge=1, le=1_000_000)
    key_memory_s: float = setting(2.0, "seconds an API key is remembered: a revocation takes as long", ge=0, le=5)
    probe_interval_s: float = setting(1.0, "seconds between two looks at PostgreSQL, for readiness and metrics", gt=0, le=60)

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(value)
        return value
