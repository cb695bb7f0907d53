"""`tocsin deliveries`: what came, what became of it; failed ones tried, sent again, let be."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tocsin.api import Api
from tocsin.commands.delivery_lines import about, told
from tocsin.commands.delivery_options import (
    Delivery,
    Integrations,
    Key,
    Reasons,
    Since,
    Sources,
    Until,
    Url,
    ask,
    filters,
    members,
)
from tocsin.commands.owner import Json, say, show, show_all, show_json
from tocsin.redriving import Redriven, redrive_all

_WAITING = (("outcome", "failed"), ("attempt", "no"), ("discarded", "no"))
"""Failed ones that wait for somebody: not sent again with success, no attempt of another, not let be."""
_COLUMNS = ("id", "logged_at", "source", "reason", "detail")
_NONE_WAITS = "No failed delivery waits for anybody. --all shows every delivery."


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Look at deliveries; try failed ones, send them again, let them be.", no_args_is_help=True)
    commands.command("stats")(stats)
    commands.command("ls")(ls)
    commands.command("show")(show_one)
    commands.command("try")(try_one)
    commands.command("redrive")(redrive)
    commands.command("discard")(discard)
    commands.command("rejected")(rejected)
    app.add_typer(commands, name="deliveries")


All = Annotated[bool, typer.Option("--all", help="Whatever became of them; else failed ones that wait for somebody.")]


def stats(
    by: Annotated[str, typer.Option("--by", help="Of outcome, reason, source, integration_id.")] = "outcome,reason,source",
    everything: All = False,
    reasons: Reasons = None,
    sources: Sources = None,
    integrations: Integrations = None,
    since: Since = None,
    until: Until = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Count deliveries by what they share."""
    query = [("by", by), *(() if everything else _WAITING), *filters(reasons, sources, integrations, since, until)]
    answer = ask(url, key, lambda api: api.get("/deliveries/stats", query))
    if as_json:
        show_json(answer)
        return
    groups = [{**group, "last_logged_at": _to_seconds(group["last_logged_at"])} for group in answer["groups"]]
    show_all(groups, (*answer["by"], "count", "last_logged_at", "last_id"), as_json=False, none=_none(everything))
    if not answer["total_is_exact"]:
        typer.echo(f"The newest {answer['total']} were counted; there are more.", err=True)


def ls(
    everything: All = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")] = 50,
    reasons: Reasons = None,
    sources: Sources = None,
    integrations: Integrations = None,
    since: Since = None,
    until: Until = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first."""
    query = [("limit", str(limit)), *(() if everything else _WAITING), *filters(reasons, sources, integrations, since, until)]
    answer = ask(url, key, lambda api: api.get("/deliveries", query))
    if as_json:
        show_json(answer)
        return
    columns = (_COLUMNS[0], "outcome", *_COLUMNS[1:]) if everything else _COLUMNS
    items = [{**item, "logged_at": _to_seconds(item["logged_at"])} for item in answer["items"]]
    show_all(items, columns, as_json=False, none=_none(everything))
    if answer["total"] > len(answer["items"]):
        more = "" if answer["total_is_exact"] else " or more"
        typer.echo(f"{len(answer['items'])} of {answer['total']}{more}.", err=True)


def show_one(delivery: Delivery, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Show one delivery: what was checked, its alert events, their incidents."""
    answer = ask(url, key, lambda api: about(delivery, api.get(f"/deliveries/{delivery}")))
    if as_json:
        show_json(answer)
        return
    said = {name: value for name, value in answer.items() if value is not None and not isinstance(value, (list, dict))}
    show(said, as_json=False)
    for line in told(answer):
        say(f"  {line}")


def try_one(delivery: Delivery, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Say what today's code and settings would make of a delivery; exit code 1 if it fails. Nothing is written."""
    answer = ask(url, key, lambda api: about(delivery, api.post(f"/deliveries/{delivery}/try")))
    if as_json:
        show_json(answer)
    else:
        show({name: value for name, value in answer.items() if name != "alerts" and value is not None}, as_json=False)
        for alert in answer.get("alerts", ()):
            say(f"  {alert['status']}  {alert['severity'] or '-'}  {alert['service'] or '-'}  {alert['title']}")
    raise typer.Exit(1 if answer["outcome"] == "failed" else 0)


def redrive(
    deliveries: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Which.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All failed ones that match.")] = False,
    most: Annotated[int | None, typer.Option("--max", min=1, help="So many at most.", show_default=False)] = None,
    rate: Annotated[int, typer.Option("--rate", min=1, max=1000, help="Deliveries a second.")] = 50,
    reasons: Reasons = None,
    sources: Sources = None,
    integrations: Integrations = None,
    since: Since = None,
    until: Until = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Send failed deliveries again, in log order; each counts once, whatever happens in the middle.

    Stops when too many fail again: exit code 1.
    """
    if bool(deliveries) is everything:
        raise typer.BadParameter("say which: one ID or several, or --all with or without filters")
    if deliveries:
        one_by_one = ask(url, key, lambda api: _each(api, deliveries, "redrive", {}))
        show_all(one_by_one, ("delivery_id", "redrive_of", "status"), as_json=as_json)
        return
    wanted = members(reasons, sources, integrations, since, until)
    done = ask(url, key, lambda api: redrive_all(api, wanted, most=most, rate=rate, told=_tell))
    shown = {name: getattr(done, name) for name in Redriven.__slots__ if name not in {"not_processed", "after", "more"}}
    if as_json:
        show_json(shown | {"not_processed": list(done.not_processed)})
    else:
        _show_redriven(done, shown)
    raise typer.Exit(1 if done.stopped else 0)


def discard(
    deliveries: Annotated[list[str], typer.Argument(metavar="ID...", help="Which.")],
    why: Annotated[str, typer.Option("--why", help="For whoever looks later.")],
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Let failed deliveries be: they stay failed, and wait for nobody. They can still be sent again by their id."""
    answers = ask(url, key, lambda api: _each(api, deliveries, "discard", {"why": why}))
    show_all(answers, ("delivery_id", "discarded", "first"), as_json=as_json)


def rejected(url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Show what the gateway turned away: counts by day, and samples."""
    answer = ask(url, key, lambda api: api.get("/deliveries/rejected"))
    if as_json:
        show_json(answer)
        return
    if not answer["days"] and not answer["samples"]:
        typer.echo("Nothing of this tenant's was turned away.", err=True)
        return
    show_all(answer["days"], ("day", "integration_id", "reason", "count"), as_json=False)
    typer.echo("")
    columns = ("at", "integration_id", "status", "reason", "address", "size", "request_id")
    show_all(answer["samples"], columns, as_json=False)


def _show_redriven(done: Redriven, counts: Mapping[str, Any]) -> None:
    """Tell a person how many and which; what did not happen is left out."""
    if not done.sent and not done.stopped and not done.gone:
        typer.echo("No failed delivery waits for this.", err=True)
        return
    show({name: value for name, value in counts.items() if value or name in {"sent", "processed"}}, as_json=False)
    for each in done.not_processed:
        typer.echo(f"  {each['delivery_id']}  {each['outcome']}  {each['reason'] or '-'}", err=True)
    if done.not_processed:
        typer.echo("'tocsin deliveries try ID' says what today's code makes of one; mend it, then run this again.", err=True)


async def _each(api: Api, deliveries: list[str], verb: str, body: Mapping[str, object]) -> list[dict[str, Any]]:
    """Ask for one after the other; the first refusal ends it, and says of which."""
    return [await about(delivery, api.post(f"/deliveries/{delivery}/{verb}", body)) for delivery in deliveries]


def _none(everything: bool) -> str:
    return "There is no delivery that matches." if everything else _NONE_WAITS


def _to_seconds(time: str) -> str:
    """Cut a time to the second: more is noise in a table, and `--json` has it."""
    return f"{time[:19]}Z"


def _tell(so_far: Redriven) -> None:
    if so_far.more:
        typer.echo(f"sent {so_far.sent}, processed {so_far.processed}, failed again {so_far.failed_again}", err=True)
