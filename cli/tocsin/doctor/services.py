"""Checks of what `up` runs: each service's readiness, the public address, the gateway's snapshot."""

import aiohttp
import orjson

from tocsin.doctor.finding import Finding, ill, well
from tocsin.local.environment import HOST, SERVICES
from tocsin.local.record import UpRecord
from tocsin.local.system import System
from tocsin.local.unit import PROBE_TIMEOUT_S, forwarder_answers
from tocsin_runtime.clock import SystemClock

SNAPSHOT_OLDEST_S = 7 * 86_400
OK, UNAVAILABLE = 200, 503


async def check_services(system: System, record: UpRecord | None) -> list[Finding]:
    """Check every process that should run."""
    if record is None or record.up.process() is None:
        return [ill("services", "nothing runs here", "Start it: tocsin up"), snapshot(system)]
    found = [await _service(name, getattr(system.ports, name)) for name in SERVICES]
    found.append(await _public(system))
    found.append(snapshot(system))
    return found


def snapshot(system: System) -> Finding:
    """Check the age of what ingest starts from when PostgreSQL is away."""
    path = system.home.snapshot
    if not path.exists():
        return well("snapshot", "none yet: ingest writes it once there is an integration")
    age_s = SystemClock().now() / 1e6 - path.stat().st_mtime
    if age_s > SNAPSHOT_OLDEST_S:
        return ill("snapshot", f"{age_s / 86_400:.1f} days old: refused", "Let ingest reach PostgreSQL to renew it")
    return well("snapshot", f"{age_s:.0f} s old")


async def _service(name: str, port: int) -> Finding:
    advice = f"Read {name}.log in the logs directory of the home"
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{HOST}:{port}/-/ready") as response,
        ):
            body = await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return ill(name, f"does not answer on port {port}: {str(error) or type(error).__name__}", advice)
    if response.status == OK:
        return well(name, f"ready on port {port}")
    return ill(name, _reason(body), advice)


def _reason(body: bytes) -> str:
    try:
        return f"not ready: {orjson.loads(body).get('detail', 'it does not say why')}"
    except (ValueError, AttributeError):
        return "not ready"


async def _public(system: System) -> Finding:
    if await forwarder_answers(system.ports.public):
        return well("public address", system.public_url)
    return ill("public address", f"{system.public_url} does not answer", "Start again: tocsin down, then tocsin up")
