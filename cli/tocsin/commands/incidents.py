"""`tocsin incidents`: what is open, what happened to one, and what people do about it."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from tocsin.commands import incident_deeds
from tocsin.commands.delivery_options import Key, Url, ask
from tocsin.commands.incident_deeds import Incident
from tocsin.commands.owner import Json, say, show, show_all, show_json

_COLUMNS = ("short_code", "created_at", "severity", "status", "service", "assignee", "alert_count", "title")
_UNRESOLVED = (("status", "OPEN,ACKNOWLEDGED,INVESTIGATING"),)
_FILTERS = ("status", "severity", "service", "environment", "team", "category", "source", "assignee")
_LISTED = frozenset({"links", "alerts", "actions", "timeline", "labels", "as_of"})


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Look at incidents, and do something about them.", no_args_is_help=True)
    commands.command("ls")(ls)
    commands.command("show")(show_one)
    commands.command("why")(why)
    incident_deeds.register(commands)
    app.add_typer(commands, name="incidents")


def _filter(name: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(f"--{name}", help="Only of these, separated by commas.", show_default=False)
    return option


def _whether(name: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}/--not-{name}", help="Only such, or only others.", show_default=False
    )
    return option


def ls(
    status: Annotated[str | None, _filter("status")] = None,
    severity: Annotated[str | None, _filter("severity")] = None,
    service: Annotated[str | None, _filter("service")] = None,
    environment: Annotated[str | None, _filter("environment")] = None,
    team: Annotated[str | None, _filter("team")] = None,
    category: Annotated[str | None, _filter("category")] = None,
    source: Annotated[str | None, _filter("source")] = None,
    assignee: Annotated[str | None, _filter("assignee")] = None,
    snoozed: Annotated[bool | None, _whether("snoozed")] = None,
    flapping: Annotated[bool | None, _whether("flapping")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved and closed ones too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")] = 50,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List incidents, the newest first; those that are not over, unless something else is asked."""
    said = zip(_FILTERS, (status, severity, service, environment, team, category, source, assignee), strict=True)
    query = [(name, value) for name, value in said if value is not None]
    truths = (("snoozed", snoozed), ("flapping", flapping))
    query += [(name, str(value).lower()) for name, value in truths if value is not None]
    if status is None and not everything:
        query += _UNRESOLVED
    answer = ask(url, key, lambda api: api.get("/incidents", [("limit", str(limit)), *query]))
    if as_json:
        show_json(answer)
        return
    items = [{**item, "created_at": item["created_at"][:19] + "Z"} for item in answer["items"]]
    show_all(items, _COLUMNS, as_json=False, none="No incident. --all shows those that are over too.")
    if answer["total"] > len(items):
        more = "" if answer["total_is_exact"] else " or more"
        typer.echo(f"{len(items)} of {answer['total']}{more}.", err=True)


def show_one(incident: Incident, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Show one incident with its alerts and what people did."""
    answer = ask(url, key, lambda api: api.get(f"/incidents/{quote(incident, safe='')}"))
    if as_json:
        show_json(answer)
        return
    show({name: value for name, value in answer.items() if value is not None and name not in _LISTED}, as_json=False)
    for alert in answer["alerts"]:
        say(f"  {alert['id']}  {alert['status']}  {alert['severity']}  {alert['title']}")
    for link in answer["links"]:
        say(f"  linked to {link['short_code']}  {link['status']}  {link['severity']}  {link['title']}")
    for action in answer["actions"]:
        say(_told(action))


def why(
    incident: Incident,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How much of what happened since.")] = 50,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Tell how an incident began, and what happened since: why, and by whom; the newest first."""
    path = f"/incidents/{quote(incident, safe='')}/why"
    answer = ask(url, key, lambda api: api.get(path, [("limit", str(limit))]))
    if as_json:
        show_json(answer)
        return
    say(f"{answer['short_code']}  {answer['status']}  {answer['severity']}  {answer['title']}")
    for happening in answer["history"]:
        say(_told(happening))
    if answer["next_cursor"]:
        typer.echo("  …", err=True)
    say(_told(answer["began"]))


def _told(happening: Mapping[str, Any]) -> str:
    """Tell a fact in a line: when, at which version, what, and why."""
    comment = f" ({' '.join(happening['comment'].split())})" if happening["comment"] else ""
    return f"  v{happening['version']}  {happening['at'][:19]}Z  {happening['sentence']}{comment}"
