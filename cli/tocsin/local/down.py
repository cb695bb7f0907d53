"""End a running `up`, or what a killed one left."""

import signal
from dataclasses import dataclass

from tocsin.local.home import find_home
from tocsin.local.record import end_orphans, read_record, remove_record
from tocsin.servers.leftover import wait_gone
from tocsin_runtime.errors import Fatal

STOP_TIMEOUT_S = 90.0
"""Services 25 s, forwarder 25 s, Kafka and PostgreSQL 15 s each; `up` keeps to these itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What `stop_system` found and ended."""

    up: bool
    orphans: tuple[str, ...]


def stop_system(*, timeout_s: float = STOP_TIMEOUT_S) -> Ended:
    """Stop everything of this home; nothing happens if nothing runs.

    Raises:
        Fatal: `up` does not end in time.
    """
    home = find_home()
    record = read_record(home)
    if record is None:
        return Ended(up=False, orphans=())
    process = record.up.process()
    if process is not None:
        process.send_signal(signal.SIGTERM)
        if wait_gone([process], timeout_s):
            raise Fatal(f"process {record.up.pid} (tocsin up) does not stop. End it: kill -9 {record.up.pid}")
    orphans = tuple(end_orphans(read_record(home) or record))
    remove_record(home)
    return Ended(up=process is not None, orphans=orphans)
