"""Every sample of every source through the running system: the answer and the outcome that it must have, and never a 5xx."""

import asyncio
from collections.abc import Mapping

from tests.support.system import Sender, System
from tests.unit.sources.payload_headers import CONTENT_TYPES
from tests.unit.sources.payloads import all_payloads, answer_to, body_of, headers_of, source_of
from tocsin.sending import Receipt, Recipient, chosen, open_session, send
from tocsin_sources import registry, samples, sns
from tocsin_sources.document import NotJson
from tocsin_sources.samples import Sample
from tocsin_sources.source import Failed, Ignored

SOURCES = tuple(source for source in registry.names() if samples.cases(source))
WRONG = "nobody's secret, and long enough to be one"


async def test_every_shipped_sample_is_accepted_as_its_sender_proves_itself_and_becomes_something(shared: System) -> None:
    """What `tocsin send <source> --case all` does; a repeat inside of a story may be a duplicate, none is failed or ignored."""
    key, senders = await _moved_in(shared)
    wanted = [sample for source in SOURCES for sample in chosen(source, "all", 1)]
    receipts = await _sent(shared, senders, wanted)
    assert {_name(each): each.status for each in receipts} == {f"{each.source}/{each.case}": 202 for each in wanted}
    outcomes = {_name(each): (await shared.outcome(key, each.delivery_id or ""))["outcome"] for each in receipts}
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in ("processed", "duplicate")} == {}


async def test_a_sample_that_proves_nothing_or_the_wrong_thing_is_401_at_every_source(shared: System) -> None:
    """What `tocsin send <source> --no-sign` shows."""
    _, senders = await _moved_in(shared)
    first = [samples.load(source, samples.cases(source)[0]) for source in SOURCES]
    unsigned = await _sent(shared, senders, first, sign=False)
    wrong = await _sent(shared, senders, first, secret=WRONG)
    assert [each.status for each in (*unsigned, *wrong)] == [401] * 2 * len(SOURCES)


async def test_every_recorded_payload_has_its_answer_and_its_outcome(shared: System) -> None:
    """202, and what the source's own map says of it; 400 for what is no JSON at a source that always sends it."""
    key, senders = await _moved_in(shared)
    expected, found = dict[str, object](), dict[str, object]()
    for source, name in all_payloads():
        body = body_of(source, name)
        if source not in senders or _confirms(body):
            continue
        expected[f"{source}/{name}"] = _expected(source, name)
        content_type = {"content-type": CONTENT_TYPES.get(source, "application/json")}
        answer = await shared.post(senders[source], body, {**content_type, **headers_of(source, name)})
        found[f"{source}/{name}"] = answer.json()["delivery_id"] if answer.status == 202 else answer.status
    for name, delivery in found.items():
        if isinstance(delivery, str):
            outcome = (await shared.outcome(key, delivery))["outcome"]
            found[name] = "processed" if outcome == "duplicate" else outcome
    assert found == expected
    assert len(found) > 150


def _expected(source: str, name: str) -> object:
    try:
        answer = answer_to(source, name)
    except NotJson:
        return 400 if source_of(source).fixed_format else "failed"
    return "ignored" if isinstance(answer, Ignored) else "failed" if isinstance(answer, Failed) else "processed"


def _confirms(body: bytes) -> bool:
    """Tell whether a gateway would ask Amazon about it; `tests/unit/ingest/test_sns.py` has those, without a network."""
    message = sns.message_of(body)
    return message is not None and message.kind == sns.SUBSCRIPTION


async def _moved_in(system: System) -> tuple[str, Mapping[str, Sender]]:
    """Make a tenant with an integration of every source, and a key."""
    tenant = await system.tenant()
    senders = await asyncio.gather(*(system.integration(tenant, source) for source in SOURCES))
    return await system.key(tenant), dict(zip(SOURCES, senders, strict=True))


async def _sent(
    system: System, senders: Mapping[str, Sender], wanted: list[Sample], *, sign: bool = True, secret: str | None = None
) -> list[Receipt]:
    """Send as `tocsin send` does."""
    url, receipts = system.instance("ingest").url, []
    async with open_session() as session:
        for sample in wanted:
            sender = senders[sample.source]
            proof = (secret or sender.secret.get_secret_value()) if sign else None
            to = Recipient(url=url, source=sample.source, integration=sender.id, secret=proof)
            receipts.append(await send(session, to, sample))
    return receipts


def _name(receipt: Receipt) -> str:
    return f"{receipt.source}/{receipt.case}"
