"""What people do to an incident, as commands of `tocsin incidents`: one line each in a table, made in three forms."""

import secrets
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple
from urllib.parse import quote

import typer

from tocsin.api import Api
from tocsin.commands.delivery_options import Key, Url, ask
from tocsin.commands.owner import Json, show, show_json
from tocsin_runtime.errors import Recoverable

Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, or its short code (INC-7K3QF2B).")]
Why = Annotated[str | None, typer.Option("--why", help="Kept with the action.", show_default=False)]
Revision = Annotated[
    int | None, typer.Option("--if-revision", min=0, help="Only if the incident still has this revision.", show_default=False)
]
Once = Annotated[
    str | None, typer.Option("--once", help="A name for it: asked again with it, nothing is done twice.", show_default=False)
]
Body = dict[str, object]
NONE = "-"
"""Stands for nobody, no team, no runbook."""


class Asking(NamedTuple):
    """What every deed may be told beside what it does."""

    why: str | None
    revision: int | None
    once: str | None
    url: str | None
    key: str | None
    as_json: bool


class Deed(NamedTuple):
    """One command."""

    name: str
    help: str
    method: str
    verb: str
    said: str = ""
    """What is said behind the incident; empty for nothing."""
    body: Callable[[Sequence[str]], Body] = lambda _: {}
    """From that to the request's body."""
    several: bool = False


def _snooze(said: Sequence[str]) -> Body:
    (time,) = said
    return {"until": time} if "T" in time else {"for": int(time) if time.isdecimal() else time}


def _number(said: Sequence[str]) -> Body:
    return {"version": int(said[0]) if said[0].isdecimal() else said[0]}


def _text(member: str, *, upper: bool = False, lower: bool = False) -> Callable[[Sequence[str]], Body]:
    def body(said: Sequence[str]) -> Body:
        return {member: said[0].upper() if upper else said[0].lower() if lower else said[0]}

    return body


def _or_none(member: str) -> Callable[[Sequence[str]], Body]:
    return lambda said: {member: None if said[0] == NONE else said[0]}


DEEDS = (
    Deed("ack", "Say that somebody looks after it.", "POST", "acknowledge"),
    Deed("resolve", "Resolve it.", "PATCH", "status", body=lambda _: {"status": "RESOLVED"}),
    Deed("status", "Move it to another status.", "PATCH", "status", "STATUS", _text("status", upper=True)),
    Deed("assign", "Give it to somebody; - for nobody.", "PUT", "assignee", "WHO", _or_none("assignee")),
    Deed("snooze", "Keep it quiet for a while (2h30m), or until a time (RFC 3339).", "PUT", "snooze", "TIME", _snooze),
    Deed("unsnooze", "End a snooze.", "DELETE", "snooze"),
    Deed("comment", "Write something down beside it.", "POST", "comments", "TEXT", _text("text")),
    Deed("severity", "Override its severity.", "PUT", "severity", "SEVERITY", _text("severity", upper=True)),
    Deed("team", "Correct its team; - for none.", "PUT", "team", "TEAM", _or_none("team")),
    Deed("category", "Correct its category.", "PUT", "category", "CATEGORY", _text("category", lower=True)),
    Deed("runbook", "Point at what to do; - for nothing.", "PUT", "runbook", "URL", _or_none("url")),
    Deed("link", "Say that another has to do with it.", "POST", "links", "OTHER", _text("incident")),
    Deed("unlink", "Take a link back.", "DELETE", "links/{}", "OTHER"),
    Deed(
        "merge", "Take other incidents into it.", "POST", "merge", "OTHER", lambda said: {"incidents": list(said)}, several=True
    ),
    Deed(
        "split",
        "Take alerts out of it into a new one.",
        "POST",
        "split",
        "ALERT",
        lambda said: {"alerts": list(said)},
        several=True,
    ),
    Deed("reopen", "Open it again.", "POST", "reopen"),
    Deed("undo", "Take back the merge, split or snooze of a version.", "POST", "undo", "VERSION", _number),
)


def register(commands: typer.Typer) -> None:
    """Add every deed to the group."""
    for deed in DEEDS:
        form = _alone if not deed.said else _with_several if deed.several else _with_one
        commands.command(deed.name, help=deed.help)(form(deed))


def _alone(deed: Deed) -> Callable[..., None]:
    def run(
        incident: Incident,
        why: Why = None,
        revision: Revision = None,
        once: Once = None,
        url: Url = None,
        key: Key = None,
        as_json: Json = False,
    ) -> None:
        do(deed, incident, (), Asking(why, revision, once, url, key, as_json))

    return run


def _with_one(deed: Deed) -> Callable[..., None]:
    def run(
        incident: Incident,
        said: Annotated[str, typer.Argument(metavar=deed.said)],
        why: Why = None,
        revision: Revision = None,
        once: Once = None,
        url: Url = None,
        key: Key = None,
        as_json: Json = False,
    ) -> None:
        do(deed, incident, (said,), Asking(why, revision, once, url, key, as_json))

    return run


def _with_several(deed: Deed) -> Callable[..., None]:
    def run(
        incident: Incident,
        said: Annotated[list[str], typer.Argument(metavar=deed.said)],
        why: Why = None,
        revision: Revision = None,
        once: Once = None,
        url: Url = None,
        key: Key = None,
        as_json: Json = False,
    ) -> None:
        do(deed, incident, said, Asking(why, revision, once, url, key, as_json))

    return run


def do(deed: Deed, incident: str, said: Sequence[str], asking: Asking) -> None:
    """Ask for a deed, wait for the fold's answer and show it.

    Raises:
        Recoverable: it is not known whether it was done; names what to ask again with.
        Invalid: it was rejected; says why and what helps.
    """
    once = asking.once or secrets.token_hex(8)
    path = f"/incidents/{quote(incident, safe='')}/{deed.verb.format(*(quote(each, safe='') for each in said))}"
    body = deed.body(said) | ({} if asking.why is None else {"comment": asking.why})
    if_match = None if asking.revision is None else f"r{asking.revision}"

    async def work(api: Api) -> dict[str, object]:
        return await api.command(deed.method, path, body, key=once, if_match=if_match)

    again = f"Asked again with --once {once} it is done once."
    try:
        answer = ask(asking.url, asking.key, work)
    except Recoverable as error:
        raise Recoverable(f"{error} {again}") from error
    if answer["status"] == "pending":
        raise Recoverable(f"It is in the log, and not decided yet. {again}")
    if asking.as_json:
        show_json(answer)
    else:
        show({name: value for name, value in answer.items() if not isinstance(value, dict)}, as_json=False)
        if isinstance(answer.get("new"), dict):
            show({f"new {name}": value for name, value in answer["new"].items()}, as_json=False)  # type: ignore[attr-defined] # it is a dict, as just seen
