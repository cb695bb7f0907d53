"""P2: whatever is killed under load, every 202 ends in one outcome, each alert and each command is applied once.

One system and one load of webhooks and commands for the whole module; after each blow everything accepted so far is held
against the journal of what was sent (`tests/simulation/checker.py` and `decisions.py` list the rules). `make kill N=1000`
does the same for longer.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.simulation.checker import Checker
from tests.simulation.ordeal import KILLED, SERVERS, Ordeal, run_ordeal, run_ordeal_system
from tests.support.servers import OwnKafka, OwnPostgres
from tests.support.system import System
from tocsin_runtime.queries import parse

TAMPERING = parse((Path(__file__).parent / "tampering.sql").read_text(), "tampering.sql")
SEED = 7
POINTS = 2
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def ordeal_system(own_kafka: OwnKafka, own_postgres: OwnPostgres) -> Iterator[System]:
    with run_ordeal_system(own_kafka, own_postgres) as system:
        yield system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ordeal(
    ordeal_system: System, own_kafka: OwnKafka, own_postgres: OwnPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ordeal]:
    journal: Path = tmp_path_factory.mktemp("ordeal") / "journal.jsonl"
    async with run_ordeal(ordeal_system, own_kafka, own_postgres, seed=SEED, journal=journal) as running:
        yield running


def assert_clean(ordeal: Ordeal) -> None:
    assert ordeal.checker.findings.clean, str(ordeal.checker.findings)


@pytest.mark.parametrize("point", range(POINTS))
@pytest.mark.parametrize("service", KILLED)
async def test_a_service_that_is_killed_loses_repeats_and_invents_nothing(ordeal: Ordeal, service: str, point: int) -> None:
    await ordeal.strike(service)
    assert_clean(ordeal)


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_that_is_killed_and_comes_back_loses_nothing(ordeal: Ordeal, server: str) -> None:
    """PostgreSQL is stopped immediately, Kafka is killed; no service ends because of it."""
    await ordeal.strike(server)
    assert_clean(ordeal)


async def test_all_services_killed_at_once_lose_nothing(ordeal: Ordeal) -> None:
    await ordeal.strike(*KILLED)
    assert_clean(ordeal)


@pytest.mark.parametrize("service", ["normalizer", "grouper"])
async def test_a_worker_that_was_frozen_wakes_up_beside_its_successor_and_does_no_harm(ordeal: Ordeal, service: str) -> None:
    """It is behind, and does not know it: the fence stops the grouper, the grouper drops what the normalizer repeats."""
    await ordeal.freeze(service)
    assert_clean(ordeal)


@pytest.mark.parametrize("service", KILLED)
async def test_a_service_that_is_told_to_stop_leaves_cleanly_and_loses_nothing(ordeal: Ordeal, service: str) -> None:
    """SIGTERM: exit code 0 within 25 s."""
    await ordeal.stop(service)
    assert_clean(ordeal)


async def test_a_gateway_that_leaves_beside_another_gives_no_5xx(ordeal: Ordeal) -> None:
    await ordeal.system.start("ingest-2")
    before = ordeal.refused()
    await ordeal.stop("ingest")
    assert ordeal.refused() == before
    await ordeal.stop("ingest-2")
    assert ordeal.refused() == before
    assert_clean(ordeal)


async def test_in_the_end_the_books_close_and_a_rebuild_is_equal(ordeal: Ordeal) -> None:
    """Each body is stored as often as its answers allow, every count is right, and every table hashes as its rebuild."""
    await ordeal.load.journal.more_acked(20)
    await ordeal.finish()
    assert_clean(ordeal)
    assert ordeal.checker.checked > 0
    assert ordeal.checker.decisions.checked > 0
    assert ordeal.checker.findings.rebuilds == 1


async def test_the_checker_sees_what_it_is_there_to_see(ordeal: Ordeal) -> None:
    """A row less, a row more, a row from nowhere, a wrong count; a decision less, a command applied twice: each is found."""
    await ordeal.finish()
    await ordeal.system.stop("grouper")
    async with ordeal.system.db() as connection:
        for name in TAMPERING.names():
            assert (await connection.execute(TAMPERING[name])).endswith(" 1"), name
    books = ordeal.load.journal
    checker = Checker(ordeal.system, books, ordeal.commanding.ledger, {owner.tenant: owner for owner in ordeal.load.owners})
    await checker.check(await ordeal.system.log_ends())
    await checker.check_all()
    findings = checker.findings
    assert (len(findings.lost), len(findings.twice), len(findings.invented)) == (2, 2, 1), str(findings)
    assert findings.rebuilds_equal == 0
    for rule in ("versions", "heads", "alerts", "incidents"):
        assert any(item.startswith(rule) for item in findings.other), (rule, findings.other)
