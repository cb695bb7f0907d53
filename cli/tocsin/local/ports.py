"""The ports of one local Tocsin: chosen once, kept, and verified at each start."""

import json
import os
from dataclasses import asdict, dataclass, fields

from tocsin.local.home import Home
from tocsin.servers.cache import write_atomically
from tocsin.servers.free_port import free_ports, is_free
from tocsin_runtime.errors import Fatal

PUBLIC = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Loopback ports by what listens there; `public` is the one address for people and senders."""

    public: int
    ingest: int
    normalizer: int
    grouper: int
    query: int
    kafka: int
    kafka_controller: int
    postgres: int


NAMES = tuple(field.name for field in fields(Ports))


def read_ports(home: Home) -> Ports | None:
    """Give the ports that were chosen before, or None if there are none or the file is not ours to read."""
    try:
        kept = json.loads(home.ports.read_text())
        return Ports(**{name: int(kept[name]) for name in NAMES})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def claim_ports(home: Home) -> Ports:
    """Give this Tocsin's ports, all free now; nothing of ours may run.

    The public port is the kept one, or `TOCSIN_PUBLIC_PORT`, or 8080 if free: people know it, so it is never changed
    quietly. An inner port that somebody took meanwhile is chosen anew.

    Raises:
        Fatal: the public port is taken.
    """
    kept = read_ports(home)
    public = _public_port(kept)
    chosen = {"public": public}
    for name in NAMES[1:]:
        old = getattr(kept, name) if kept is not None else None
        taken = frozenset(chosen.values())
        keep = old is not None and old not in taken and is_free(old)
        chosen[name] = old if keep and old is not None else free_ports(1, but=taken)[0]
    ports = Ports(**chosen)
    write_atomically(home.ports, json.dumps(asdict(ports), indent=2) + "\n")
    return ports


def _public_port(kept: Ports | None) -> int:
    asked = os.environ.get("TOCSIN_PUBLIC_PORT")
    if asked is not None and not (asked.isdigit() and 0 < int(asked) < 65536):
        raise Fatal("TOCSIN_PUBLIC_PORT must be a port number, 1 to 65535")
    wanted = int(asked) if asked else kept.public if kept is not None else None
    if wanted is None:
        return PUBLIC if is_free(PUBLIC) else free_ports(1)[0]
    if not is_free(wanted):
        raise Fatal(
            f"port {wanted} is taken by another program. End that, or choose another port: TOCSIN_PUBLIC_PORT=8081 tocsin up"
        )
    return wanted
