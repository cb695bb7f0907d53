"""`tocsin incidents`: what is open, what happened to one, and what people do about it."""

from typing import Annotated
from urllib.parse import quote

import typer

from tocsin.commands import incident_deeds
from tocsin.commands.delivery_options import Key, Url, ask
from tocsin.commands.incident_deeds import Incident
from tocsin.commands.owner import Json, show, show_all, show_json

_COLUMNS = ("short_code", "created_at", "severity", "status", "service", "assignee", "alert_count", "title")
_UNRESOLVED = (("status", "OPEN,ACKNOWLEDGED,INVESTIGATING"),)
_FILTERS = ("status", "severity", "service", "environment", "team", "source")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Look at incidents, and do something about them.", no_args_is_help=True)
    commands.command("ls")(ls)
    commands.command("show")(show_one)
    incident_deeds.register(commands)
    app.add_typer(commands, name="incidents")


def _filter(name: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(f"--{name}", help="Only of these, separated by commas.", show_default=False)
    return option


def ls(
    status: Annotated[str | None, _filter("status")] = None,
    severity: Annotated[str | None, _filter("severity")] = None,
    service: Annotated[str | None, _filter("service")] = None,
    environment: Annotated[str | None, _filter("environment")] = None,
    team: Annotated[str | None, _filter("team")] = None,
    source: Annotated[str | None, _filter("source")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved and closed ones too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")] = 50,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List incidents, the newest first; those that are not over, unless something else is asked."""
    said = zip(_FILTERS, (status, severity, service, environment, team, source), strict=True)
    query = [(name, value) for name, value in said if value is not None]
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
    show(
        {name: value for name, value in answer.items() if value is not None and not isinstance(value, list | dict)}, as_json=False
    )
    for alert in answer["alerts"]:
        typer.echo(f"  {alert['id']}  {alert['status']}  {alert['severity']}  {alert['title']}")
    for action in answer["actions"]:
        why = f": {action['comment']}" if action["comment"] else ""
        typer.echo(f"  v{action['version']}  {action['at'][:19]}Z  {action['actor_name']}  {action['kind']}{why}")
