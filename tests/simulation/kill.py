"""Kill things under load and count what was lost: `python -m tests.simulation.kill --kills 1000 --seed 7`."""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.simulation.findings import Findings
from tests.simulation.ordeal import Blow, Ordeal, run_ordeal, run_ordeal_system
from tests.support.instance import TooLateError
from tests.support.servers import OwnKafka, OwnPostgres, run_broker, run_postgres, scratch
from tests.support.system import System
from tocsin.servers.kafka_runtime import install_kafka
from tocsin.servers.kafka_training import train

REBUILD_EVERY = 50


def main() -> int:
    """Parse, run, tell; 0 only if nothing was wrong."""
    parser = argparse.ArgumentParser(prog="make kill")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=80.0, help="deliveries a second at most")
    asked = parser.parse_args()
    runtime = install_kafka()
    train(runtime)
    kept = Path(tempfile.mkdtemp(prefix=f"tocsin-kill-{asked.seed}-"))
    with (
        scratch() as kafka_home,
        scratch() as postgres_home,
        run_broker(kafka_home, runtime) as broker,
        run_postgres(postgres_home) as server,
    ):
        kafka, postgres = OwnKafka(broker), OwnPostgres(admin_dsn=server.dsn(), server=server)
        with run_ordeal_system(kafka, postgres) as system:
            made, findings = asyncio.run(_run(system, kafka, postgres, asked.kills, asked.seed, asked.rate, kept))
            good = findings.clean and made == asked.kills
            if not good:
                _say(f"{findings}\nservices said last:\n{system.tails()}")
                _say(f"journal: {kept / 'journal.jsonl'}\nagain: make kill N={asked.kills} SEED={asked.seed}")
    if good:
        shutil.rmtree(kept)
    _say(
        f"kills {made}, lost {len(findings.lost)}, twice {len(findings.twice)}, invented {len(findings.invented)}, "
        f"rebuilds equal {findings.rebuilds_equal} of {findings.rebuilds}"
    )
    return 0 if good else 1


async def _run(
    system: System, kafka: OwnKafka, postgres: OwnPostgres, kills: int, seed: int, rate: float, kept: Path
) -> tuple[int, Findings]:
    """Kill until done, or until something is wrong; give how often, and what was found."""
    blows: list[Blow] = []
    began = time.monotonic()
    async with run_ordeal(system, kafka, postgres, seed=seed, journal=kept / "journal.jsonl", rate_per_s=rate) as ordeal:
        try:
            while len(blows) < kills and ordeal.checker.findings.clean:
                blows.append(await ordeal.strike(ordeal.victim()))
                _progress(len(blows), kills, blows[-1], ordeal)
                if len(blows) % REBUILD_EVERY == 0 and len(blows) < kills:
                    await ordeal.checker.check_all()
            await ordeal.finish()
        except TooLateError as error:
            ordeal.checker.findings.other.append(str(error))
        _sum_up(blows, ordeal, time.monotonic() - began)
        return len(blows), ordeal.checker.findings


def _progress(number: int, kills: int, blow: Blow, ordeal: Ordeal) -> None:
    _say(
        f"{number:5}/{kills}  {blow.victim:<10} recovered in {blow.recovered_s:5.2f} s, checked in {blow.checked_s:4.2f} s, "
        f"{ordeal.checker.checked} deliveries so far"
    )


def _sum_up(blows: list[Blow], ordeal: Ordeal, seconds: float) -> None:
    times: dict[str, list[float]] = defaultdict(list)
    for blow in blows:
        times[blow.victim].append(blow.recovered_s)
    for victim, recovered in sorted(times.items()):
        middle, worst = statistics.median(recovered), max(recovered)
        _say(f"{victim:<10} {len(recovered):5} kills, recovered in {middle:.2f} s (median), {worst:.2f} s (max)")
    answers = ", ".join(f"{status or 'none'} {count}" for status, count in sorted(ordeal.load.journal.statuses.items()))
    _say(f"answers: {answers}; {ordeal.checker.checked} deliveries checked in {seconds:.0f} s")
    ledger = ordeal.commanding.ledger
    answers = ", ".join(f"{status or 'none'} {count}" for status, count in sorted(ledger.statuses.items()))
    _say(f"commands: {len(ledger)} ordered, {ordeal.checker.decisions.checked} in the log; answers: {answers}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
