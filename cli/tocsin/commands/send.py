"""`tocsin send`: sample webhooks, signed as their senders sign them."""

import asyncio
import time
from collections import Counter
from typing import Annotated

import typer

from tocsin.commands.owner import Json, show, show_all
from tocsin.demo.keeping import read_demo
from tocsin.local.home import find_home
from tocsin.sending import CONCURRENCY_MAX, NO_ANSWER, Receipt, Recipient, chosen, send_all
from tocsin_runtime.errors import Fatal
from tocsin_sources import registry, samples

LINES_MAX = 50
"""More deliveries than this are counted, and only those that were refused are shown, up to this number."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("send")(send)


def send(
    source: Annotated[str, typer.Argument(help=f"One of {', '.join(registry.names())}.")],
    case: Annotated[
        str | None, typer.Option("--case", help="Which sample, or all in their order; else the first.", show_default=False)
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="The public address; else that of `tocsin demo`.", show_default=False)
    ] = None,
    integration: Annotated[
        str | None, typer.Option("--integration", help="Its id; else that of `tocsin demo`.", show_default=False)
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option("--secret", envvar="TOCSIN_SECRET", help="Its secret; else that of `tocsin demo`.", show_default=False),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=10_000_000, help="How many times.")] = 1,
    rate: Annotated[
        float | None,
        typer.Option("--rate", min=0.01, max=100_000, help="Deliveries a second; else as fast as it goes.", show_default=False),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=CONCURRENCY_MAX, help="At the same time; above 1 their order is lost.")
    ] = 1,
    show_list: Annotated[bool, typer.Option("--list", help="List the samples, send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Send sample webhooks; exit code 1 if any was not answered 202."""
    if show_list:
        listed: list[dict[str, object]] = [
            {"case": name, "says": samples.load(source, name).says} for name in samples.cases(source)
        ]
        show_all(listed, ("case", "says"), as_json=as_json)
        return
    try:
        wanted = chosen(source, case, count)
    except LookupError as error:
        raise typer.BadParameter(str(error.args[0])) from None
    recipient = _recipient(source, url, integration, secret)
    report = Report(verbose=not as_json and count * len(samples.cases(source)) <= LINES_MAX)
    asyncio.run(send_all(recipient, wanted, concurrency=concurrency, rate_per_s=rate, told=report.tell))
    report.finish(recipient, as_json=as_json)


class Report:
    """Counts receipts, and shows those that a person wants to see."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._started = time.monotonic()
        self._statuses: Counter[int] = Counter()
        self._kept: list[Receipt] = []

    def tell(self, receipt: Receipt) -> None:
        """Take one receipt."""
        self._statuses[receipt.status] += 1
        if len(self._kept) < LINES_MAX:
            self._kept.append(receipt)
        refused = self._statuses.total() - self._statuses[202]
        if self._verbose or (not receipt.accepted and refused <= LINES_MAX):
            typer.echo(_line(receipt), err=not receipt.accepted)

    def finish(self, recipient: Recipient, *, as_json: bool) -> None:
        """Print the sum and end the command.

        Raises:
            Fatal: not one was answered.
            Exit: with code 1, if any was not accepted.
        """
        total, accepted = self._statuses.total(), self._statuses[202]
        seconds = time.monotonic() - self._started
        if as_json:
            by_status = {str(status): number for status, number in sorted(self._statuses.items())}
            deliveries = [{"case": r.case, "status": r.status, "delivery_id": r.delivery_id} for r in self._kept]
            show({"sent": total, "accepted": accepted, "statuses": by_status, "deliveries": deliveries}, as_json=True)
        elif not self._verbose:
            counts = ", ".join(f"{number} × {status or 'no answer'}" for status, number in sorted(self._statuses.items()))
            typer.echo(f"{total} sent in {seconds:.1f} s ({total / max(seconds, 1e-9):.0f}/s): {counts}")
        if self._statuses[NO_ANSWER] == total:
            raise Fatal(f"nobody answers at {recipient.url}. Start a Tocsin there: tocsin demo, or tocsin up")
        if accepted < total:
            raise typer.Exit(1)


def _line(receipt: Receipt) -> str:
    what = receipt.delivery_id or receipt.detail or ""
    return f"{receipt.status or '---'}  {receipt.case}  {what}"


def _recipient(source: str, url: str | None, integration: str | None, secret: str | None) -> Recipient:
    """Put the recipient together: what was said, else what the demo made.

    Raises:
        Fatal: something is missing, or the secret of one integration would go to another.
    """
    if integration is not None and secret is None:
        raise Fatal("--integration needs its --secret too (or TOCSIN_SECRET)")
    home = find_home()
    demo = None if url and integration else read_demo(home)
    ours = None if demo is None else demo.integrations.get(source)
    address = url or (None if demo is None else demo.url)
    name = integration or (None if ours is None else ours.id)
    proof = secret or (None if ours is None else ours.secret)
    if address is None or name is None or proof is None:
        raise Fatal(f"no demo was made in {home.root}: run 'tocsin demo' first, or say --url, --integration and --secret")
    return Recipient(url=address.rstrip("/"), source=source, integration=name, secret=proof)
