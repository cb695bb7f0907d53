"""`tocsin rules`: rules as code: checked, tried on alerts, compared, put in force."""

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML

from tocsin.api import Api
from tocsin.commands.delivery_options import Key, Url, ask
from tocsin.commands.owner import Json, show_json
from tocsin.commands.rules_options import File, InForce, rules_in_force, rules_of
from tocsin.commands.trying import Header, read_payload
from tocsin.rules import difference, telling
from tocsin.rules.cases import Case, Result, read_cases, read_cases_file, run_case
from tocsin.rules.file import RulesFile, UnfitFile, read_rules_file, read_text
from tocsin.rules.foreseeing import NOTHING_FORESEEN, Foreseen, foresee
from tocsin.rules.payload import subjects_of
from tocsin.rules.verdict import judge
from tocsin.rules.written_alert import read_alerts
from tocsin_rules.compiled import compile_rules
from tocsin_rules.fields import Subject
from tocsin_rules.linting import Finding
from tocsin_rules.linting import lint as find_all
from tocsin_runtime.errors import Invalid, Recoverable
from tocsin_sources import registry
from tocsin_sources.environments import default_environment

DIFFERS = 2


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Check rules, try them on alerts, compare them, put them in force.", no_args_is_help=True)
    commands.command("lint")(lint)
    commands.command("test")(try_out)
    commands.command("diff")(diff)
    commands.command("apply")(apply)
    commands.command("show")(show)
    app.add_typer(commands, name="rules")


def lint(
    file: File,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for warnings too.")] = False,
    as_json: Json = False,
) -> None:
    """Check a file: faults (exit code 1), and what is probably not meant as it is written. Asks nobody."""
    try:
        read = read_rules_file(file)
        cases = read_cases(read.tests, file, read.written)
    except UnfitFile as unfit:
        _tell([{"level": "fault", "said": fault} for fault in unfit.faults], as_json=as_json)
        raise typer.Exit(1) from None
    doubts = find_all(read.rules, registry.names(), default_environment) + [
        Finding(place=("tests", number), code="no_effect", detail="it expects nothing")
        for number, case in enumerate(cases)
        if case.is_empty
    ]
    doubts += [
        Finding(place=("tests", number, "alert", "source"), code="never", detail=f"there is no source {case.alert.source!r}")
        for number, case in enumerate(cases)
        if case.alert.source not in registry.names()
    ]
    doubts += [
        Finding(
            place=("tests", number, "alert", "environment"),
            code="never",
            detail=f"an environment {named!r} comes as {default_environment(named)!r}",
        )
        for number, case in enumerate(cases)
        if (named := case.alert.environment) is not None and default_environment(named) != named
    ]
    doubts.sort(key=lambda doubt: read.written.line(doubt.place))
    found = [{"level": "warning", "said": read.told(each.place, each.detail), "code": each.code} for each in doubts]
    _tell(found, as_json=as_json)
    if not as_json:
        parts = (read.rules.classification, read.rules.rules, read.rules.escalation, read.rules.heartbeats)
        typer.echo(f"{file}: {sum(map(len, parts))} rules, {len(found)} warnings.")
    raise typer.Exit(1 if found and strict else 0)


def try_out(
    file: File,
    alerts: Annotated[
        Path | None,
        typer.Option("--alerts", help="JSON with alerts, such as `tocsin integrations try --json` prints.", show_default=False),
    ] = None,
    payload: Annotated[
        Path | None,
        typer.Option("--payload", help="A body as --source sends it; - for standard input.", allow_dash=True, show_default=False),
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Of the alerts, or of the payload.", show_default=False)] = None,
    header: Header = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", help="YAML with `tests`, beside those of the file.", show_default=False)
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Explain default classification rules and all rules that do not match.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run alerts through the rules, explain each match and each non-match; exit code 1 if a test case fails. Asks nobody."""
    read = read_rules_file(file)
    compiled = compile_rules(read.rules)
    verdicts = [judge(compiled, subject) for subject in _subjects(alerts, payload, source, header)]
    wanted: Sequence[Case] = [*read_cases(read.tests, file, read.written), *(read_cases_file(cases) if cases is not None else ())]
    results = [run_case(compiled, case, number) for number, case in enumerate(wanted, 1)]
    if not verdicts and not results:
        raise typer.BadParameter("nothing to test: say --alerts, or --source and --payload, or write `tests` into the file")
    if as_json:
        show_json({"alerts": [telling.json_of(each) for each in verdicts], "tests": [_shown(each) for each in results]})
    else:
        for verdict in verdicts:
            typer.echo("\n".join(telling.lines_of(verdict, everything=everything)))
        _tell_results(results, everything=everything)
    raise typer.Exit(1 if any(each.differences for each in results) else 0)


def diff(file: File, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Show what apply would change, open incidents too, and change nothing; exit code 2 if anything would."""
    read = read_rules_file(file)

    async def work(api: Api) -> tuple[InForce, list[str], Foreseen]:
        found = await rules_in_force(api)
        lines = difference.differences(found.rules, read.rules)
        return found, lines, await foresee(api, read.document, found.version) if lines else NOTHING_FORESEEN

    found, lines, foreseen = ask(url, key, work)
    if as_json:
        told = {"regrouped": foreseen.regrouped, "incidents": list(foreseen.incidents), "unknown": foreseen.unknown}
        show_json({"version": found.version, "differences": lines, **told})
    else:
        typer.echo("\n".join([*lines, *foreseen.lines()] if lines else [f"Nothing differs from version {found.version}."]))
    raise typer.Exit(DIFFERS if lines else 0)


def apply(
    file: File,
    comment: Annotated[
        str | None, typer.Option("--comment", help="Why, for whoever looks later: a commit.", show_default=False)
    ] = None,
    if_version: Annotated[
        int | None,
        typer.Option(
            "--if-version", min=0, help="Only in the place of this version: the one of `diff --json`.", show_default=False
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Put the file's rules in force as the tenant's next version, unless they are already. Its test cases must hold.

    Where somebody changed the rules since they were compared with the file, nothing is changed.
    """
    read = read_rules_file(file)
    _must_hold(read)

    async def work(api: Api) -> tuple[InForce, list[str], dict[str, Any]]:
        found = await rules_in_force(api)
        if if_version not in {None, found.version}:
            raise Invalid(
                "version-changed", f"version {found.version} is in force, not {if_version}: see 'tocsin rules diff' again"
            )
        lines = difference.differences(found.rules, read.rules)
        return found, lines, await _put(api, read, found, comment) if lines else {"version": found.version}

    found, lines, answer = ask(url, key, work)
    regrouped = int(answer.get("regrouped") or 0)
    if as_json:
        show_json({"before": found.version, "version": answer["version"], "regrouped": regrouped, "differences": lines})
        return
    typer.echo("\n".join(lines or ["Nothing differs."]))
    typer.echo(f"Version {answer['version']} is in force.")
    if regrouped:
        typer.echo(f"{regrouped} open incident{'s go' if regrouped > 1 else ' goes'} on under another rule or key.")


def show(
    version: Annotated[int | None, typer.Option("--version", min=0, help="Not those in force.", show_default=False)] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show the rules in force: YAML that `apply` takes again, or JSON with their version."""
    found = ask(url, key, lambda api: rules_of(api, version))
    if as_json:
        show_json({"version": found.version, "document": dict(found.document)})
        return
    typer.echo(f"# version {found.version}")
    yaml = YAML()
    yaml.width = 130
    yaml.dump(dict(found.document), sys.stdout)


async def _put(api: Api, read: RulesFile, found: InForce, comment: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"document": dict(read.document)}
    if comment is not None:
        body["comment"] = comment
    answer = await api.put("/rules", body, if_match=f"v{found.version}", key=secrets.token_hex(16))
    if "version" not in answer:
        raise Recoverable(
            f"the rules are logged and not yet decided (command {answer.get('command_id')}): run it again, nothing is done twice"
        )
    return answer


def _must_hold(read: RulesFile) -> None:
    compiled = compile_rules(read.rules)
    results = [run_case(compiled, case, number) for number, case in enumerate(read_cases(read.tests, read.path, read.written), 1)]
    if any(each.differences for each in results):
        _tell_results(results, everything=False)
        raise typer.Exit(1)


def _subjects(alerts: Path | None, payload: Path | None, source: str | None, header: list[str] | None) -> Sequence[Subject]:
    if payload is not None:
        if alerts is not None or source is None:
            raise typer.BadParameter("--payload goes with --source, and without --alerts")
        return subjects_of(source, read_payload(payload), header or [])
    return () if alerts is None else read_alerts(read_text(alerts), str(alerts), source)


def _tell_results(results: Sequence[Result], *, everything: bool) -> None:
    for result in results:
        typer.echo(f"{'FAILED' if result.differences else 'passed'}  {result.name}")
        if result.differences:
            typer.echo("\n".join(f"  {line}" for line in result.differences))
            typer.echo("\n".join(f"  {line}" for line in telling.lines_of(result.verdict, everything=everything)))
    if results:
        failed = sum(bool(each.differences) for each in results)
        typer.echo(f"{len(results)} tests, {failed} failed.")


def _shown(result: Result) -> dict[str, object]:
    return {"name": result.name, "differences": list(result.differences), **telling.json_of(result.verdict)}


def _tell(found: Sequence[dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        show_json(list(found))
        return
    for each in found:
        typer.echo(f"{each['level']}: {each['said']}")
