"""`tocsin send`: sample webhooks and generated streams, signed as their senders sign them."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from tocsin.commands.owner import Json, show, show_all
from tocsin.demo.addressing import own_url, recipients
from tocsin.demo.keeping import DemoTenant, read_demo
from tocsin.local.home import Home, find_home
from tocsin.sending import CONCURRENCY_MAX, NO_ANSWER, Addressed, Receipt, Recipient, chosen, send_all
from tocsin.streams.stream import Traffic, stream
from tocsin_contracts.times import SECOND, from_datetime
from tocsin_runtime.errors import Fatal
from tocsin_sources import registry, samples
from tocsin_sources.samples import Sample

LINES_MAX = 50
"""More deliveries than this are counted, and only those that were refused are shown, up to this number."""
STREAM = "stream"
STREAM_COUNT = 100


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("send")(send)


def send(
    source: Annotated[
        str,
        typer.Argument(help=f"One of {', '.join(registry.names())}; or {STREAM}, to all sources of `tocsin demo`, as they come."),
    ],
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
    sign: Annotated[
        bool, typer.Option("--sign/--no-sign", help="Prove what is sent, as its sender does; or do not, to see it refused.")
    ] = True,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", min=1, max=10_000_000, help=f"How many times; of a {STREAM}, how many.", show_default=f"1; {STREAM_COUNT}"
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", min=0.01, max=100_000, help="Deliveries a second; else as fast as it goes.", show_default=False),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=CONCURRENCY_MAX, help="At the same time; above 1 their order is lost.")
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", help=f"Of a {STREAM}: the same one, with the same --start, is the same.")] = 7,
    start: Annotated[
        datetime | None,
        typer.Option("--start", help=f"When a {STREAM} begins, UTC; else so that it ends about now.", show_default=False),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the samples, send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Send sample webhooks, or a generated stream of them; exit code 1 if any was not answered 202."""
    if show_list:
        _list(source, as_json=as_json)
        return
    if source == STREAM:
        if case or integration or secret:
            raise typer.BadParameter(f"a {STREAM} goes to the integrations of `tocsin demo`: no --case, --integration, --secret")
        many = count or STREAM_COUNT
        address, wanted = _streamed(_traffic(many, rate, seed, start), many, url, sign=sign)
    else:
        many = (count or 1) * (len(samples.cases(source)) if case == "all" else 1)
        repeated = _repeated(source, case, count or 1)
        recipient = _recipient(source, url, integration, secret, sign=sign)
        address, wanted = recipient.url, ((recipient, sample) for sample in repeated)
    report = Report(verbose=not as_json and many <= LINES_MAX)
    asyncio.run(send_all(wanted, concurrency=concurrency, rate_per_s=rate, told=report.tell))
    report.finish(address, as_json=as_json)


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

    def finish(self, url: str, *, as_json: bool) -> None:
        """Print the sum and end the command.

        Raises:
            Fatal: not one was answered.
            Exit: with code 1, if any was not accepted.
        """
        total, accepted = self._statuses.total(), self._statuses[202]
        seconds = time.monotonic() - self._started
        if as_json:
            by_status = {str(status): number for status, number in sorted(self._statuses.items())}
            deliveries = [
                {"source": r.source, "case": r.case, "status": r.status, "delivery_id": r.delivery_id} for r in self._kept
            ]
            show({"sent": total, "accepted": accepted, "statuses": by_status, "deliveries": deliveries}, as_json=True)
        elif not self._verbose:
            counts = ", ".join(f"{number} × {status or 'no answer'}" for status, number in sorted(self._statuses.items()))
            typer.echo(f"{total} sent in {seconds:.1f} s ({total / max(seconds, 1e-9):.0f}/s): {counts}")
        if self._statuses[NO_ANSWER] == total:
            raise Fatal(f"nobody answers at {url}. Start a Tocsin there: tocsin demo, or tocsin up")
        if accepted < total:
            raise typer.Exit(1)


def _line(receipt: Receipt) -> str:
    what = receipt.delivery_id or receipt.detail or ""
    return f"{receipt.status or '---'}  {receipt.source}  {receipt.case}  {what}"


def _list(source: str, *, as_json: bool) -> None:
    listed: list[dict[str, object]] = [{"case": each.case, "says": each.says} for each in _repeated(source, "all", 1)]
    show_all(listed, ("case", "says"), as_json=as_json)


def _repeated(source: str, case: str | None, count: int) -> Iterator[Sample]:
    try:
        return chosen(source, case, count)
    except LookupError as error:
        raise typer.BadParameter(str(error.args[0])) from None


def _traffic(count: int, rate: float | None, seed: int, start: datetime | None) -> Traffic:
    """Describe a stream that was written at the pace at which it is sent, else one a second."""
    rate_per_s = rate or 1.0
    start_at = time.time_ns() // 1000 - round(count / rate_per_s * SECOND) if start is None else _utc(start)
    return Traffic(seed=seed, start_at=start_at, tenants=("demo",), rate_per_s=rate_per_s)


def _utc(moment: datetime) -> int:
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _streamed(traffic: Traffic, count: int, url: str | None, *, sign: bool) -> tuple[str, Iterator[Addressed]]:
    """Address a stream to the demo's integrations.

    Raises:
        Fatal: the demo has not all of them.
    """
    home = find_home()
    demo = read_demo(home)
    missing = [source for source in traffic.sources if demo is None or source not in demo.integrations]
    if demo is None or missing:
        raise Fatal(_no_demo(home, demo, ", ".join(missing)))
    to = recipients(demo, url=url, sign=sign)
    sendings = islice(stream(traffic), count)
    return (url or demo.url), ((to[sending.sample.source], sending.sample) for sending in sendings)


def _recipient(source: str, url: str | None, integration: str | None, secret: str | None, *, sign: bool) -> Recipient:
    """Put the recipient together: what was said, else what the demo made.

    Raises:
        Fatal: something is missing, or a secret would go to another integration than its own, or to another address.
    """
    if integration is not None and secret is None and sign:
        raise Fatal("--integration needs its --secret too (or TOCSIN_SECRET), or --no-sign")
    home = find_home()
    demo = None if url and integration else read_demo(home)
    if demo is not None and url and sign and not secret:
        url = own_url(demo, url)
    ours = None if demo is None else demo.integrations.get(source)
    address = url or (None if demo is None else demo.url)
    name = integration or (None if ours is None else ours.id)
    proof = secret or (None if ours is None else ours.secret)
    if address is None or name is None or (sign and proof is None):
        raise Fatal(f"{_no_demo(home, demo, source)}, or say --url, --integration and --secret")
    return Recipient(url=address.rstrip("/"), source=source, integration=name, secret=proof if sign else None)


def _no_demo(home: Home, demo: DemoTenant | None, source: str) -> str:
    if demo is None:
        return f"no demo was made in {home.root}: run 'tocsin demo' first"
    return f"the demo in {home.root} has no integration of {source}: run 'tocsin demo' again if an older release made it"
