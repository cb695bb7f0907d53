"""The environment of each process that `up` starts: the one place that maps our files and ports to settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tocsin.local.ports import Ports
from tocsin_control.bootstrap import Role

SERVICES = ("ingest", "normalizer", "grouper", "query")
ROLES = {
    "ingest": Role.INGEST,
    "normalizer": Role.NORMALIZER,
    "grouper": Role.GROUPER,
    "query": Role.QUERY,
}
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the services need to know of the world around them."""

    kafka: str
    dsns: Mapping[Role, str]
    master_key_file: Path
    snapshot: Path
    ports: Ports


def service_environment(service: str, around: Surroundings) -> dict[str, str]:
    """Give the environment of `service`; its own `TOCSIN_<SERVICE>_…` and log settings of ours pass through."""
    upper = service.upper()
    environment = _inherited((f"TOCSIN_{upper}_", "TOCSIN_LOG_"))
    environment |= {
        "TOCSIN_POSTGRES": around.dsns[ROLES[service]],
        f"TOCSIN_{upper}_HOST": HOST,
        f"TOCSIN_{upper}_PORT": str(getattr(around.ports, service)),
    }
    if service != "query":  # query has no Kafka client
        environment["TOCSIN_KAFKA"] = around.kafka
    if service == "ingest":
        environment["TOCSIN_MASTER_KEY_FILE"] = str(around.master_key_file)
        environment["TOCSIN_SNAPSHOT"] = str(around.snapshot)
        environment.setdefault("TOCSIN_INGEST_PUBLIC_URL", f"http://{HOST}:{around.ports.public}")
    environment.setdefault("TOCSIN_LOG_LEVEL", "info")
    environment.setdefault("TOCSIN_LOG_FORMAT", "json")
    return environment


def forwarder_environment(ports: Ports) -> dict[str, str]:
    """Give the environment of the public address."""
    return _inherited(("TOCSIN_FORWARDER_", "TOCSIN_LOG_")) | {
        "TOCSIN_FORWARDER_HOST": HOST,
        "TOCSIN_FORWARDER_PORT": str(ports.public),
        "TOCSIN_FORWARDER_INGEST": f"http://{HOST}:{ports.ingest}",
        "TOCSIN_FORWARDER_QUERY": f"http://{HOST}:{ports.query}",
    }


def _inherited(prefixes: tuple[str, ...]) -> dict[str, str]:
    """Give our own environment without other Tocsin settings and without libpq's, which would redirect the DSNs."""
    return {
        name: value for name, value in os.environ.items() if name.startswith(prefixes) or not name.startswith(("TOCSIN_", "PG"))
    } | {"PYTHONUNBUFFERED": "1"}
