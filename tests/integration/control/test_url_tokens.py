"""Tokens in URLs on a real PostgreSQL: hashed, two at once, for who opted in; and from the command line (security S17)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.control.conftest import ControlDatabase
from tests.integration.control.test_management_commands import FILE, answer, call, pager, run
from tocsin_contracts.times import MINUTE, from_datetime
from tocsin_control.bootstrap import Role
from tocsin_control.directory_loading import load_directory
from tocsin_control.errors import NoRoom, NotFound, Refused
from tocsin_control.integrations import Terms, change_integration, create_integration, delete_integration, list_integrations
from tocsin_control.master_key import MasterKey
from tocsin_control.tenants import Tenant
from tocsin_control.url_token import find_token, hash_token
from tocsin_control.url_tokens import add_url_token, first_url_token, list_url_tokens
from tocsin_control.usage import UsageBuffer
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.postgres import Connection

__all__ = ["pager", "run"]
OPTED_IN = Terms(url_token=True)
Run = Callable[..., tuple[int, str]]


async def opens(owner: Connection, master_key: MasterKey, integration: str, *tokens: str) -> list[bool]:
    """Tell which tokens a gateway would take now."""
    entry = (await load_directory(owner, master_key)).integration(integration)
    assert entry is not None
    stored = [each.value for each in entry.url_tokens]
    return [find_token(each, stored) is not None for each in tokens]


async def test_s17_nobody_has_a_token_who_did_not_opt_in(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    made = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")
    named = made.integration.id

    assert made.url_token is None
    assert not made.integration.terms.url_token
    assert await first_url_token(owner, tenant=acme.id, integration=named) is None
    with pytest.raises(Refused, match="takes no token"):
        await add_url_token(owner, tenant=acme.id, integration=named)
    with pytest.raises(NotFound):
        await add_url_token(owner, tenant="somebody else", integration=named)
    assert await owner.fetchval("SELECT count(*) FROM control.url_tokens") == 0


async def test_s17_two_tokens_live_at_once_and_then_one(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    made = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web", terms=OPTED_IN)
    named, first = made.integration.id, made.url_token
    assert first is not None
    second = await add_url_token(owner, tenant=acme.id, integration=named, overlap_s=60)
    texts = [first.get_secret_value(), second.get_secret_value()]

    assert await opens(owner, master_key, named, *texts) == [True, True]
    shown = (await list_url_tokens(owner, [named]))[named]
    assert [(each.version, each.not_after is None) for each in shown] == [(2, True), (1, False)]
    with pytest.raises(NoRoom):
        await add_url_token(owner, tenant=acme.id, integration=named)
    last = (await add_url_token(owner, tenant=acme.id, integration=named, overlap_s=0)).get_secret_value()
    assert await opens(owner, master_key, named, *texts, last) == [False, False, True]


async def test_s17_only_a_hash_is_kept_and_the_audit_has_neither(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    made = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web", terms=OPTED_IN)
    assert made.url_token is not None
    text = made.url_token.get_secret_value()

    assert await owner.fetchval("SELECT sha256 FROM control.url_tokens") == hash_token(text)
    assert text not in repr(made)
    entries = await owner.fetch(
        "SELECT action, detail::text AS detail FROM control.audit WHERE subject = $1", made.integration.id
    )
    assert "url-token.added" in {entry["action"] for entry in entries}
    assert text[11:54] not in repr(entries)


async def test_s17_a_token_that_was_ended_never_comes_back(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    made = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web", terms=OPTED_IN)
    named, before = made.integration.id, made.url_token
    assert before is not None
    await change_integration(owner, named, Terms())
    assert await opens(owner, master_key, named, before.get_secret_value()) == [False]

    await change_integration(owner, named, OPTED_IN)
    assert await opens(owner, master_key, named, before.get_secret_value()) == [False]
    after = await first_url_token(owner, tenant=acme.id, integration=named)
    assert after is not None
    assert await opens(owner, master_key, named, before.get_secret_value(), after.get_secret_value()) == [False, True]
    assert await first_url_token(owner, tenant=acme.id, integration=named) is None, "it has one"
    await delete_integration(owner, named)
    assert await owner.fetchval("SELECT count(*) FROM control.url_tokens") == 0


async def test_s17_last_use_is_told_to_the_minute(
    control: ControlDatabase, owner: Connection, acme: Tenant, master_key: MasterKey
) -> None:
    made = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web", terms=OPTED_IN)
    clock, named = ManualClock(), made.integration.id
    revision = await owner.fetchval("SELECT revision FROM control.revision")
    async with control.pool(Role.INGEST) as pool:
        usage = UsageBuffer(pool, clock=clock)
        usage.url_token_used(named, 1)
        assert await usage.flush()

    (state,) = (await list_url_tokens(owner, [named]))[named]
    assert state.last_used_at == clock.now() - clock.now() % MINUTE
    assert await owner.fetchval("SELECT last_used_at FROM control.secrets") is None
    assert await owner.fetchval("SELECT revision FROM control.revision") == revision, "use is no change"
    assert from_datetime(await owner.fetchval("SELECT created_at FROM control.url_tokens")) == state.created_at


async def test_s17_the_command_line_opts_in_shows_once_rotates_and_ends(
    run: Run, pager: dict[str, Any], owner: Connection
) -> None:
    named, form = pager["id"], f"{pager['path']}/t/tocsin_url_"
    with pytest.raises(Refused, match="takes no token"):
        await call(run, "integrations", "rotate", named, "--url-token")
    opted = await answer(run, "integrations", "change", named, "--url-token")
    rotated = await answer(run, "integrations", "rotate", named, "--url-token", "--overlap", "60")

    assert opted["path_with_token"].startswith(form)
    assert rotated["path_with_token"].startswith(form)
    assert rotated["path_with_token"] != opted["path_with_token"]
    assert "path_with_token" not in await answer(run, "integrations", "change", named, "--burst", "7")
    _, output = await call(run, "integrations", "show", named, "--json")
    shown = json.loads(output)
    assert (shown["url_token"], [each["version"] for each in shown["url_tokens"]]) == (True, [2, 1])
    assert "tocsin_url_" not in output
    _, urls = await call(run, "integrations", "url", named, "--url", "https://alerts.example.org")
    plain = f"https://alerts.example.org{pager['path']}"
    assert urls.splitlines() == [plain, f"{plain}/t/<token>"]
    with pytest.raises(Refused, match="never chosen"):
        await call(run, "integrations", "rotate", named, "--url-token", "--secret-file", "-", stdin="x" * 20)
    await call(run, "integrations", "change", named, "--no-url-token")
    assert await owner.fetchval("SELECT count(*) FROM control.url_tokens") == 0
    made = await answer(run, "integrations", "create", "other", "--tenant", "acme", "--source", "sentry", "--url-token")
    assert made["path_with_token"].startswith(f"{made['path']}/t/tocsin_url_")


async def test_s17_a_file_opts_in_and_prints_no_token_unless_asked(run: Run, owner: Connection, tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(FILE.replace("source: sentry", "source: sentry\n        url_token: true"))

    _, output = await call(run, "apply", "-f", str(file))
    made = {each.name: each for each in await list_integrations(owner)}
    web, paging = made["web"], made["pager"]
    assert f"URL with a token: tocsin integrations rotate {web.id} --url-token --overlap 0" in output
    assert "tocsin_url_" not in output
    file.write_text(FILE.replace("source: alertmanager", "source: alertmanager\n        url_token: true"))
    _, output = await call(run, "apply", "-f", str(file))
    assert f"URL with a token: tocsin integrations rotate {paging.id} --url-token" in output
    assert await owner.fetchval("SELECT count(*) FROM control.url_tokens") == 0, "web's ended, pager's waits for a person"
    file.write_text(FILE + "        url_token: true\n      - {name: third, source: sentry, url_token: true}\n")
    assert "/t/tocsin_url_" in (await call(run, "apply", "-f", str(file), "--show-secrets"))[1]
