"""What `tocsin demo` prints at the end: the incidents, where they are, and what to try next."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tocsin.demo.addressing import proofs
from tocsin.demo.keeping import DemoTenant
from tocsin_control.integrations import webhook_path

PLAIN_WIDTH = 120
COLUMNS = ("code", "severity", "status", "alerts", "source")
GAP = 2
TITLE_MIN = 10
SEVERITIES = {"CRITICAL": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "cyan", "INFO": "dim"}
STATUSES = {"OPEN": "bold", "RESOLVED": "green", "CLOSED": "dim"}
EXAMPLE = (
    '{"version":"4","status":"firing","alerts":[{"status":"firing",'
    '"labels":{"alertname":"MyFirstAlert","service":"shop","severity":"critical"},'
    '"annotations":{"summary":"My first alert"}}]}'
)
"""The shortest webhook of Alertmanager; sent twice it is a duplicate."""


def show(
    page: Mapping[str, Any],
    outcomes: Mapping[str, int],
    demo: DemoTenant,
    kept: Path,
    *,
    sent: int,
    wrong: Sequence[str] = (),
) -> None:
    """Print the result to standard output.

    Args:
        page: a page of incidents, as the API gives it.
        outcomes: how many deliveries ended in which outcome.
        demo: keys and secrets; printed, for they open nothing but the demo.
        kept: the file with them.
        sent: how many this start sent.
        wrong: what was refused or failed, a line each.
    """
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    console.print()
    console.print(incident_table(page["items"], console.width))
    console.print(summary(page, outcomes, sent=sent), markup=False)
    for line in wrong:
        console.print(f"✗ {line}", style="red", markup=False, soft_wrap=True)
    for title, lines in handout(demo, kept):
        console.print(f"\n[bold]{title}[/bold]")
        for line in lines:
            console.print(f"  {line}", markup=False, soft_wrap=True)
    console.print()


def incident_table(items: Sequence[Mapping[str, Any]], width: int) -> Table:
    """Lay incidents out, one a line of at most `width`; the title alone gives way on a narrow terminal."""
    rows = [_cells(item) for item in items]
    table = Table(box=None, pad_edge=False, header_style="dim")
    left = width
    for name, cells in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        table.add_column(name, no_wrap=True, justify="right" if name == "alerts" else "left")
        left -= max(len(name), *(cell.cell_len for cell in cells)) + GAP
    # rich would shorten every column alike, and a code that is cut cannot be copied
    table.add_column("title", no_wrap=True, overflow="ellipsis", max_width=max(left, TITLE_MIN))
    for item, row in zip(items, rows, strict=True):
        table.add_row(*row, Text(item["title"]))
    return table


def _cells(item: Mapping[str, Any]) -> tuple[Text, ...]:
    return (
        Text(item["short_code"]),
        Text(item["severity"], style=SEVERITIES.get(item["severity"], "")),
        Text(item["status"], style=STATUSES.get(item["status"], "")),
        Text(str(item["alert_count"])),
        Text(item["source"]),
    )


def summary(page: Mapping[str, Any], outcomes: Mapping[str, int], *, sent: int) -> str:
    """Say in a line what became of the deliveries."""
    total, shown = page["total"], len(page["items"])
    cut = f", the newest {shown} shown" if shown < total else ""
    parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items(), key=lambda pair: -pair[1]))
    what = (
        f"{sent} webhooks sent"
        if sent
        else f"{sum(outcomes.values())} webhooks of an earlier start were already there, none sent again"
    )
    return f"\n{total} incidents{cut}. {what}: {parts}."


def handout(demo: DemoTenant, kept: Path) -> list[tuple[str, list[str]]]:
    """Give what can be tried next: titles and lines, each of which works as it is printed."""
    authorization = f"Authorization: Bearer {demo.api_key}"
    alertmanager = demo.integrations["alertmanager"]
    address = demo.url + webhook_path("alertmanager", alertmanager.id)
    return [
        (
            "Where",
            [
                f"Incidents     {demo.url}/api/v1/incidents",
                f"Alerts        {demo.url}/api/v1/alerts",
                f"OpenAPI       {demo.url}/api/v1/openapi.json",
                f"Keys, secrets {_short(kept)}",
            ],
        ),
        ("Read the open incidents", [curl(f"{demo.url}/api/v1/incidents?status=OPEN&limit=3", [authorization])]),
        (
            "Send one more webhook, then read again",
            [curl(address, [f"Authorization: Bearer {alertmanager.secret}", "Content-Type: application/json"], EXAMPLE)],
        ),
        (
            "Send more: a sample, signed as Sentry does it; a stream from all ten sources",
            [f"{program()} send sentry", f"{program()} send stream --count 100"],
        ),
        ("How the senders proved themselves", proofs(demo)),
    ]


def curl(url: str, headers: list[str], body: str | None = None) -> str:
    """Write a curl command, quoted for a shell."""
    parts = ["curl", "-s"]
    for header in headers:
        parts += ["-H", header]
    if body is not None:
        parts += ["-d", body]
    return " ".join(part if part.startswith("-") or part == "curl" else _quoted(part) for part in [*parts, url])


def program() -> str:
    """Give the command that runs this `tocsin` from here."""
    own = Path(sys.argv[0])
    if own.name != "tocsin" or not own.exists():
        return "tocsin"
    found = shutil.which("tocsin")
    if found is not None and Path(found).resolve() == own.resolve():
        return "tocsin"
    return shlex.quote(_short(own))


def _quoted(text: str) -> str:
    """Quote for a shell, always, so that `&` and `?` never surprise."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _short(path: Path) -> str:
    absolute = path.absolute()
    here = Path.cwd()
    return os.path.relpath(absolute, here) if absolute.is_relative_to(here) else str(absolute)
