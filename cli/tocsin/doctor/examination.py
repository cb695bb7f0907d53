"""Every check in the order in which one would look."""

import os

from tocsin.doctor.finding import Finding, ill
from tocsin.doctor.machine import check_machine
from tocsin.doctor.services import check_services
from tocsin.doctor.storage import check_storage
from tocsin.local.home import find_home
from tocsin.local.record import read_record
from tocsin.local.system import find_system
from tocsin_runtime.errors import TocsinError


async def examine() -> list[Finding]:
    """Run every check; what can only be checked after an earlier one is left out where that failed."""
    home = find_home()
    record = read_record(home)
    external = record.external if record is not None else bool(os.environ.get("TOCSIN_ADMIN_POSTGRES"))
    found = check_machine(home, external=external)
    try:
        system = find_system()
    except TocsinError as error:
        return [*found, ill("set-up", str(error), "Start it: tocsin up")]
    return [*found, *await check_storage(system), *await check_services(system, record)]
