"""`tocsin integrations show|change|disable|delete|try|url`, `tenants disable|limit`, `apply`, `diff` from a person's side."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.integration.control.conftest import ControlDatabase
from tocsin.commands import apply, diff, integrations, tenants
from tocsin_control.errors import NotFound, Refused, VersionChanged
from tocsin_control.integrations import list_integrations
from tocsin_control.master_key import create_master_key
from tocsin_runtime.errors import TocsinError
from tocsin_runtime.postgres import Connection

Run = Callable[..., tuple[int, str]]
FILE = """\
version: 1
tenants:
  - name: acme
    rate_limit_per_min: 600
    enabled: true
    integrations:
      - name: pager
        source: alertmanager
        settings: {dedup_window_s: 60, default_environment: prod, default_labels: {region: eu}}
      - name: web
        source: sentry
"""
FIRING = '{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Down"}}]}'


@pytest.fixture
def run(control: ControlDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command on the test's database; gives exit code and output, raises the one line that it would fail with."""
    app = typer.Typer(pretty_exceptions_enable=False)
    for module in (tenants, integrations, apply, diff):
        module.register(app)
    create_master_key(tmp_path / "master.key")
    monkeypatch.setenv("TOCSIN_MASTER_KEY_FILE", str(tmp_path / "master.key"))
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("TOCSIN_ADMIN_POSTGRES", control.database.dsn)
    monkeypatch.delenv("TOCSIN_URL", raising=False)

    def run(*arguments: str, stdin: str | None = None) -> tuple[int, str]:
        result = CliRunner().invoke(app, arguments, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout

    return run


async def call(run: Run, *arguments: str, stdin: str | None = None) -> tuple[int, str]:
    """Run a command in a thread: it has an event loop of its own."""
    return await asyncio.to_thread(run, *arguments, stdin=stdin)


async def answer(run: Run, *arguments: str) -> Any:
    code, output = await call(run, *arguments, "--json")
    assert code == 0, output
    return json.loads(output)


@pytest.fixture
async def pager(run: Run) -> dict[str, Any]:
    await call(run, "tenants", "create", "acme")
    made: dict[str, Any] = await answer(run, "integrations", "create", "pager", "--tenant", "acme", "--source", "alertmanager")
    return made


async def test_an_integration_is_changed_switched_shown_and_deleted(run: Run, pager: dict[str, Any]) -> None:
    named = pager["id"]
    changed = await answer(
        run, "integrations", "change", named, "--name", "paging", "--burst", "9", "--settings", '{"dedup_window_s": 60}'
    )
    assert (changed["name"], changed["version"]) == ("paging", 2)
    assert (await answer(run, "integrations", "disable", named))["enabled"] is False
    assert (await answer(run, "integrations", "enable", named))["version"] == 4

    shown = await answer(run, "integrations", "show", named)
    assert (shown["burst"], shown["settings"]["dedup_window_s"], shown["rate_limit_per_min"]) == (9, 60, 1_000)
    assert [secret["version"] for secret in shown["secrets"]] == [1]
    assert pager["secret"] not in repr(shown)
    _, lines = await call(run, "integrations", "show", named)
    settings = next(line for line in lines.splitlines() if line.startswith("settings "))
    assert json.loads(settings.removeprefix("settings")) == shown["settings"], "what is printed can be given back"
    restored = await answer(run, "integrations", "change", named, "--settings", '{"dedup_window_s": null}', "--if-version", "4")
    assert restored["version"] == 5
    with pytest.raises(VersionChanged):
        await call(run, "integrations", "change", named, "--burst", "1", "--if-version", "4")

    await call(run, "integrations", "delete", named)
    with pytest.raises(NotFound):
        await call(run, "integrations", "show", named)


async def test_a_signature_style_is_set_shown_and_taken_back(run: Run, pager: dict[str, Any]) -> None:
    named, slack = pager["id"], '{"header": "X-Sig", "format": "v0=hex", "signs": "v0:time:body", "time_header": "X-Time"}'

    await call(run, "integrations", "change", named, "--signature-style", slack)
    shown = (await answer(run, "integrations", "show", named))["signature_style"]
    assert shown == {**json.loads(slack), "algorithm": "hmac-sha256", "tolerance_s": 300}
    await call(run, "integrations", "change", named, "--signature-style", '{"tolerance_s": 60}')
    assert (await answer(run, "integrations", "show", named))["signature_style"] == {**shown, "tolerance_s": 60}
    for wrong in ('{"format": "md5"}', '{"time_header": null}', "[]", "{"):
        with pytest.raises(Refused, match=r"^--signature-style"):
            await call(run, "integrations", "change", named, "--signature-style", wrong)
    await call(run, "integrations", "change", named, "--signature-style", "null")
    assert (await answer(run, "integrations", "show", named))["signature_style"] is None


async def test_the_url_for_the_sender_is_the_public_address_and_the_path(run: Run, pager: dict[str, Any]) -> None:
    code, output = await call(run, "integrations", "url", pager["id"], "--url", "https://alerts.example.org/")

    assert (code, output) == (0, f"https://alerts.example.org{pager['path']}\n")
    with pytest.raises(TocsinError, match="say --url"):
        await call(run, "integrations", "url", pager["id"])


async def test_trying_says_what_would_become_of_a_file_and_writes_nothing(
    run: Run, pager: dict[str, Any], owner: Connection, tmp_path: Path
) -> None:
    file = tmp_path / "f.json"
    file.write_text(FIRING)
    entries = await owner.fetchval("SELECT count(*) FROM control.audit")
    try_it = ("integrations", "try", pager["id"], "--payload")

    tried = await answer(run, *try_it, str(file), "--settings", '{"default_environment": "prod"}', "-H", "X-Any: thing")
    assert (tried["outcome"], tried["alerts"][0]["environment"]) == ("normalized", "prod")
    code, output = await call(run, *try_it, "-", stdin='{"alerts": 7}')
    assert code == 1
    assert "unknown-shape" in output
    assert "/alerts" in output
    with pytest.raises(Refused, match="dedup"):
        await call(run, *try_it, str(file), "--settings", '{"dedup": 1}')
    with pytest.raises(Refused, match="/none"):
        await call(run, *try_it, "/none")
    assert await owner.fetchval("SELECT count(*) FROM control.audit") == entries


async def test_a_mapping_is_tried_before_there_is_an_integration_or_a_database(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOCSIN_ADMIN_POSTGRES", "postgresql://x@127.0.0.1:1/x")
    settings = tmp_path / "settings.json"
    settings.write_text(
        '{"mapping": {"title": "what", "identity": "id", "severity": {"path": "how", "values": {"bad": "critical"}}}}'
    )

    tried = ("integrations", "try", "--source", "generic", "--settings", f"@{settings}", "--payload", "-")
    code, output = await call(run, *tried, "--json", stdin='{"id": 7, "what": "It burns", "how": "bad"}')

    assert code == 0
    (alert,) = json.loads(output)["alerts"]
    assert (alert["title"], alert["severity"]) == ("It burns", "CRITICAL")
    assert {"alert": 0, "field": "severity", "path": "how", "value": "critical"} in json.loads(output)["taken"]
    code, output = await call(run, *tried, stdin='{"id": 7, "what": "It burns", "how": "bad"}')
    assert "It burns" in output
    assert re.search(r"^0 +severity +how +critical$", output, re.MULTILINE)


async def test_a_mapping_is_refused_where_no_source_would_read_by_it(
    run: Run, pager: dict[str, Any], owner: Connection, tmp_path: Path
) -> None:
    """It would be saved without effect, and nobody would know."""
    mapping = ("--settings", '{"mapping": {"title": "what"}}')
    file = tmp_path / "tocsin.yaml"
    file.write_text(FILE.replace("{dedup_window_s: 60, ", "{mapping: {title: what}, "))
    before = await owner.fetchval("SELECT count(*) FROM control.audit")
    for command in (
        ("integrations", "change", pager["id"], *mapping),
        ("integrations", "create", "second", "--tenant", pager["tenant"], "--source", "sentry", *mapping),
        ("integrations", "try", "--source", "grafana", *mapping, "--payload", "-"),
        ("integrations", "try", pager["id"], *mapping, "--payload", "-"),
        ("diff", "-f", str(file)),
        ("apply", "-f", str(file)),
    ):
        with pytest.raises(Refused, match=r"settings\.mapping: .* sources that take one: generic, cloudevents$"):
            await call(run, *command)
    assert await owner.fetchval("SELECT count(*) FROM control.audit") == before


async def test_a_tenant_is_limited_disabled_and_enabled(run: Run) -> None:
    await call(run, "tenants", "create", "acme")

    limited = await answer(run, "tenants", "limit", "acme", "--rate-limit", "60", "--burst", "5")
    assert (limited["rate_limit_per_min"], limited["burst"]) == (60, 5)
    assert (await answer(run, "tenants", "disable", "acme"))["enabled"] is False
    assert (await answer(run, "tenants", "show", "acme")) == {**limited, "enabled": False}
    assert (await answer(run, "tenants", "enable", "acme"))["enabled"] is True


async def test_what_one_worker_folds_is_shown_and_said(run: Run) -> None:
    assert await answer(run, "tenants", "worker-rate") == {"worker_rate_per_min": 300_000}
    assert await answer(run, "tenants", "worker-rate", "5000") == {"worker_rate_per_min": 5_000}
    assert await answer(run, "tenants", "worker-rate") == {"worker_rate_per_min": 5_000}
    with pytest.raises(TocsinError, match="no partition has room"):
        await call(run, "tenants", "create", "acme")


async def test_a_file_is_put_in_force_once_and_then_differs_in_nothing(run: Run, owner: Connection, tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(FILE)
    where = ("-f", str(file))

    code, shown = await call(run, "diff", *where)
    assert (code, shown.splitlines()[-1]) == (2, "3 to create, 0 to change, 0 to delete.")
    assert await owner.fetchval("SELECT count(*) FROM control.tenants") == 0, "diff changes nothing"

    code, output = await call(run, "apply", *where)
    assert code == 0
    assert output.startswith(shown)
    assert "whsec_" not in output, "a log keeps what is printed here"
    assert await call(run, "diff", *where) == (0, "Nothing differs.\n")
    assert (await call(run, "apply", *where))[1] == "Nothing differs.\n"
    found = {each.name: each for each in await list_integrations(owner)}
    assert found["pager"].terms.settings.dedup_window_s == 60
    assert found["pager"].terms.settings.default_labels == {"region": "eu"}
    assert (await answer(run, "tenants", "show", "acme"))["rate_limit_per_min"] == 600

    file.write_text(FILE.replace("dedup_window_s: 60, ", "").replace("enabled: true", "enabled: false"))
    assert (await call(run, "diff", *where))[0] == 2
    await call(run, "apply", *where)
    again = {each.name: each for each in await list_integrations(owner)}
    assert (again["pager"].id, again["pager"].version, again["web"].version) == (found["pager"].id, 2, 1)
    assert again["pager"].terms.settings.dedup_window_s == 900
    assert (await answer(run, "tenants", "show", "acme"))["enabled"] is False


async def test_pruning_needs_its_flag(run: Run, owner: Connection, tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(FILE)
    await call(run, "apply", "-f", str(file))
    file.write_text(FILE[: FILE.index("      - name: web")])

    assert (await call(run, "diff", "-f", str(file)))[0] == 0
    assert "web (sentry) is not in the file and stays" in (await call(run, "apply", "-f", str(file)))[1]
    assert len(await list_integrations(owner)) == 2
    assert (await call(run, "diff", "-f", str(file), "--prune"))[0] == 2
    await call(run, "apply", "-f", str(file), "--prune")
    assert [each.name for each in await list_integrations(owner)] == ["pager"]


async def test_secrets_of_new_integrations_are_shown_if_asked(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(FILE)

    made = (await answer(run, "apply", "-f", str(file), "--show-secrets"))["made"]

    assert [each["secret"][:6] for each in made] == ["whsec_", "whsec_"]


async def test_a_plan_is_taken_whole_or_not_at_all(run: Run, owner: Connection, tmp_path: Path) -> None:
    """The second tenant has no room in its partition: nothing of the first one is made."""
    file = tmp_path / "tocsin.yaml"
    file.write_text(FILE + "  - {name: huge, rate_limit_per_min: 9000000}\n")

    with pytest.raises(TocsinError, match="no partition has room"):
        await call(run, "apply", "-f", str(file))
    assert await owner.fetchval("SELECT count(*) FROM control.tenants") == 0


async def test_a_file_that_cannot_be_read_is_one_line(run: Run, tmp_path: Path) -> None:
    for command in ("apply", "diff"):
        with pytest.raises(Refused, match="cannot read"):
            await call(run, command, "-f", str(tmp_path / "none.yaml"))
