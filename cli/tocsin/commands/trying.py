"""`tocsin integrations try`: what would become of a delivery; writes nothing."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.commands.integration_options import Settings, changed
from tocsin.commands.owner import Dsn, Json, change, show, show_all
from tocsin_contracts.topics import BODY_MAX_BYTES
from tocsin_control.documents import document_of
from tocsin_control.errors import Refused
from tocsin_control.integrations import find_integration
from tocsin_control.mapping_taken import untaken
from tocsin_control.trial import shown, try_delivery
from tocsin_sources import registry
from tocsin_sources.source import Failed

Header = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", help="A header of the request, 'Name: value'; may be given again.", show_default=False),
]

_ORIGIN = ("alert", "field", "path", "value")


def try_out(
    payload: Annotated[
        Path,
        typer.Option("--payload", help="A file with the body as the sender sends it; - for standard input.", allow_dash=True),
    ],
    integration: Annotated[str | None, typer.Argument(metavar="ID", help="Its id.", show_default=False)] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Instead of an integration: needs no database.", show_default=False)
    ] = None,
    settings: Settings = "{}",
    header: Header = None,
    content_type: Annotated[str, typer.Option("--content-type", help="As the sender would say.")] = "application/json",
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Show what today's code makes of a delivery, under the integration's settings and --settings; exit code 1 if it fails."""
    if (integration is None) is (source is None):
        raise typer.BadParameter("say an integration's ID, or --source")
    before: dict[str, object] = {"name": "tried"}
    own = None
    if integration is not None:
        found = change(dsn, lambda connection: find_integration(connection, integration))
        before, source, own = document_of(found), found.source, found.terms.settings.mapping
    known = registry.get(source or "")
    if known is None:
        raise Refused(f"there is no source {source!r}; known are {', '.join(registry.names())}")
    wanted = changed(before, settings).settings
    if why := untaken(known, wanted.mapping, own):
        raise Refused(f"settings.mapping: {why}")
    answer = try_delivery(
        known,
        read_payload(payload),
        settings=wanted,
        headers=headers_of(header or []),
        content_type=content_type,
    )
    _print(shown(answer), as_json=as_json)
    raise typer.Exit(1 if isinstance(answer, Failed) else 0)


def _print(answer: dict[str, object], *, as_json: bool) -> None:
    alerts = answer.pop("alerts", []) if not as_json else []
    taken = answer.pop("taken", []) if not as_json else []
    show({name: value for name, value in answer.items() if as_json or value not in (None, "")}, as_json=as_json)
    for alert in alerts if isinstance(alerts, list) else []:
        typer.echo()
        show({name: value for name, value in alert.items() if value not in (None, "", False, {})}, as_json=False)
    if isinstance(taken, list) and taken:
        typer.echo("\nTaken by the mapping:")
        show_all([_origin(each) for each in taken], _ORIGIN, as_json=False)


def _origin(taken: dict[str, object]) -> dict[str, object]:
    """Say where one value came from, for a line of the table."""
    whole, path, value = taken["alert"] is None, taken["path"], taken["value"]
    default = "(nothing)" if value is None else "(default)"
    return {
        **taken,
        "alert": "body" if whole else taken["alert"],
        "path": path if path is not None else default,
        "value": value or "",
    }


def read_payload(path: Path) -> bytes:
    """Read a body from a file, or from standard input for `-`.

    Raises:
        Refused: it cannot be read, or is larger than any body.
    """
    try:
        body = sys.stdin.buffer.read(BODY_MAX_BYTES + 1) if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise Refused(f"cannot read the payload from {path}: {error.strerror}") from error
    if len(body) > BODY_MAX_BYTES:
        raise Refused(f"a body may have {BODY_MAX_BYTES} bytes, {path} has {len(body)}")
    return body


def headers_of(lines: list[str]) -> dict[str, str]:
    """Read headers written `Name: value`.

    Raises:
        BadParameter: one is not.
    """
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise typer.BadParameter(f"--header {line!r} is not 'Name: value'")
        headers[name.strip()] = value.strip()
    return headers
