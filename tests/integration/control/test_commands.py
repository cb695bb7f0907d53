"""`tocsin tenants|integrations|keys|migrate` from a person's side."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.integration.control.conftest import ControlDatabase
from tests.support.servers import Database
from tocsin.commands import integrations, keys, migrate, tenants
from tocsin_control.bootstrap import PACKAGE, Role
from tocsin_control.directory_loading import load_directory
from tocsin_control.master_key import create_master_key, load_master_key
from tocsin_runtime.errors import TocsinError
from tocsin_runtime.migrate import find
from tocsin_runtime.postgres import Connection

ALL_MIGRATIONS = [f"{found.number:04}_{found.name}" for found in find(PACKAGE)]
Tocsin = Callable[..., str]


@pytest.fixture
def tocsin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tocsin:
    """Run a command; gives what it prints, raises the one line that it would fail with."""
    app = typer.Typer(pretty_exceptions_enable=False)
    for module in (tenants, integrations, keys, migrate):
        module.register(app)
    create_master_key(tmp_path / "master.key")
    monkeypatch.setenv("TOCSIN_MASTER_KEY_FILE", str(tmp_path / "master.key"))
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "none"))

    def run(*arguments: str, stdin: str | None = None) -> str:
        result = CliRunner().invoke(app, arguments, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def at(control: ControlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the commands to the test's database, as an administrator."""
    monkeypatch.setenv("TOCSIN_ADMIN_POSTGRES", control.database.dsn)


async def run(tocsin: Tocsin, *arguments: str, stdin: str | None = None) -> str:
    """Run a command in a thread: it has an event loop of its own."""
    return await asyncio.to_thread(tocsin, *arguments, stdin=stdin)


async def answer(tocsin: Tocsin, *arguments: str, stdin: str | None = None) -> Any:
    return json.loads(await run(tocsin, *arguments, "--json", stdin=stdin))


@pytest.mark.usefixtures("at")
async def test_a_tenant_an_integration_and_a_key_are_made_and_work(
    tocsin: Tocsin, control: ControlDatabase, tmp_path: Path
) -> None:
    tenant = await answer(tocsin, "tenants", "create", "acme")
    made = await answer(tocsin, "integrations", "create", "prod", "--tenant", "acme", "--source", "alertmanager")
    key = await answer(tocsin, "keys", "create", "ci", "--tenant", tenant["id"], "--scope", "admin", "--expires", "2099-01-01")

    assert made["path"] == f"/api/v1/webhooks/alertmanager/{made['id']}"
    assert key["key"].startswith(f"tocsin_{key['id']}_")
    assert key["expires_at"] == "2099-01-01T00:00:00.000000Z"
    async with control.connected(Role.INGEST) as connection:
        found = await load_directory(connection, load_master_key(tmp_path / "master.key"))
    assert found.integrations[made["id"]].secrets[0].value.decode() == made["secret"]
    assert key["id"] in found.keys


@pytest.mark.usefixtures("at")
async def test_lists_show_what_was_made_and_never_a_secret(tocsin: Tocsin) -> None:
    await run(tocsin, "tenants", "create", "acme")
    made = await answer(tocsin, "integrations", "create", "prod", "--tenant", "acme", "--source", "alertmanager")
    key = await answer(tocsin, "keys", "create", "ci", "--tenant", "acme")

    for command, expected in (("tenants", "acme"), ("integrations", made["path"]), ("keys", key["id"])):
        shown = await run(tocsin, command, "list") + await run(tocsin, command, "list", "--json")
        assert shown.count(expected) >= 2
        assert made["secret"] not in shown
        assert key["key"] not in shown
    assert await answer(tocsin, "keys", "list", "--tenant", "acme") == [
        {name: value for name, value in key.items() if name != "key"}
    ]


@pytest.mark.usefixtures("at")
async def test_a_senders_secret_comes_from_a_file_or_standard_input_and_can_be_rotated(tocsin: Tocsin, tmp_path: Path) -> None:
    await run(tocsin, "tenants", "create", "acme")
    file = tmp_path / "secret"
    file.write_text("sentry-chose-this-one\n")

    create = ("integrations", "create", "--tenant", "acme", "--source", "sentry")
    made = await answer(tocsin, *create, "web", "--secret-file", str(file))
    piped = await answer(tocsin, *create, "app", "--secret-file", "-", stdin="sentry-chose-another\n")
    rotated = await answer(tocsin, "integrations", "rotate", made["id"])

    assert made["secret"] == "sentry-chose-this-one"
    assert piped["secret"] == "sentry-chose-another"
    assert rotated["secret"].startswith("whsec_")


@pytest.mark.usefixtures("at")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("tenants", "create", "acme"), "already"),
        (("integrations", "create", "x", "--tenant", "nobody", "--source", "sentry"), "no tenant 'nobody'"),
        (("integrations", "create", "x", "--tenant", "acme", "--source", "fax"), "known are"),
        (("integrations", "create", "x", "--tenant", "acme", "--source", "sentry", "--settings", '{"dedup": 1}'), "dedup"),
        (("integrations", "create", "x", "--tenant", "acme", "--source", "sentry", "--settings", "{"), "--settings"),
        (("integrations", "create", "x", "--tenant", "acme", "--source", "sentry", "--secret-file", "/none"), "/none"),
        (("integrations", "create", "x", "--tenant", "acme", "--source", "alertmanager", "--unsigned"), "always proves"),
        (("integrations", "rotate", "nobody"), "no integration 'nobody'"),
        (("keys", "revoke", "0000000000"), "no API key"),
        (("tenants", "list", "--dsn", "postgresql://x@127.0.0.1:1/x"), "does not answer"),
    ],
)
async def test_a_failure_is_one_clear_line(tocsin: Tocsin, arguments: tuple[str, ...], line: str) -> None:
    await run(tocsin, "tenants", "create", "acme")

    with pytest.raises(TocsinError, match=line) as caught:
        await run(tocsin, *arguments)
    assert "\n" not in str(caught.value)


async def test_without_a_database_it_says_how_to_get_one(tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_ADMIN_POSTGRES", raising=False)
    with pytest.raises(TocsinError, match="tocsin up"):
        await run(tocsin, "tenants", "list")


async def test_an_empty_database_is_migrated_from_nothing_and_again(tocsin: Tocsin, database: Database) -> None:
    with pytest.raises(TocsinError, match="tocsin migrate"):
        await run(tocsin, "tenants", "list", "--dsn", database.dsn)

    assert await answer(tocsin, "migrate", "--roles", "--dsn", database.dsn) == {"applied": ALL_MIGRATIONS}
    assert "up to date" in await run(tocsin, "migrate", "--dsn", database.dsn)
    assert await answer(tocsin, "tenants", "list", "--dsn", database.dsn) == []


@pytest.mark.usefixtures("at")
async def test_who_asked_is_in_the_audit(tocsin: Tocsin, owner: Connection) -> None:
    await run(tocsin, "tenants", "create", "acme")

    assert (await owner.fetchval("SELECT actor FROM control.audit")).startswith("cli:")
