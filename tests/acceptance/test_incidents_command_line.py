"""`tocsin incidents …` against a running system: what is open is listed, everything that people do can be done."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.bodies import alertmanager, am_alert
from tests.support.command_line import Said, tocsin
from tests.support.customer import Customer, move_in
from tests.support.system import System
from tocsin.commands.incident_deeds import DEEDS
from tocsin.local.forwarder import Forwarder, ForwarderSettings
from tocsin_ingest.commands.table import OPERATIONS


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a key, at a shell."""

    customer: Customer
    url: str

    async def runs(self, *arguments: str) -> Said:
        return await tocsin("incidents", *arguments, "--url", self.url, "--key", self.customer.key)


@pytest.fixture
async def person(shared: System) -> AsyncIterator[Person]:
    forwarder = Forwarder(ForwarderSettings(port=0, ingest=shared.instance("ingest").url, query=shared.instance("query").url))
    await forwarder.start()
    customer = await move_in(shared)
    for name in ("one", "two", "three"):
        await customer.settle(
            alertmanager(am_alert(f"{name} a", name=name, service=name), am_alert(f"{name} b", name=name, service=name))
        )
    yield Person(customer, f"http://127.0.0.1:{forwarder.port}")
    await forwarder.stop()


def test_every_command_for_one_incident_is_one_at_the_shell() -> None:
    asked = {(deed.method, f"/incidents/{{id}}/{deed.verb.format('{other}')}") for deed in DEEDS}
    assert asked == {(each.method, each.form) for each in OPERATIONS if "{id}" in each.form}


async def test_what_is_open_is_listed_and_one_is_shown(person: Person) -> None:
    listed = await person.runs("ls")
    assert listed.code == 0
    header, *rows = listed.out.splitlines()
    assert header.split() == ["short_code", "created_at", "severity", "status", "service", "assignee", "alert_count", "title"]
    assert [row.split()[4] for row in rows] == ["three", "two", "one"]
    assert len((await person.runs("ls", "--service", "one", "--json")).json()["items"]) == 1
    shown = await person.runs("show", rows[0].split()[0])
    assert (shown.code, "three" in shown.out) == (0, True)
    assert shown.out.count("OPEN") == 3


async def test_what_happened_is_told_in_sentences_and_a_refusal_names_what_helps(person: Person) -> None:
    """Whoever reads it at the shell has no members of a problem to look at."""
    codes = {item["service"]: item["short_code"] for item in (await person.runs("ls", "--json")).json()["items"]}
    one, two = codes["one"], codes["two"]
    await person.runs("assign", one, "ada", "--why", "hers")
    await person.runs("snooze", two, "2h")
    await person.runs("link", one, two)

    await person.runs("comment", one, "look\x1b]0;owned\x07here")

    shown, told = await person.runs("show", one), await person.runs("why", one)
    assert "Ada wrote a comment. (look\ufffd]0;owned\ufffdhere)" in shown.out
    assert "\x1b" not in shown.out + told.out, "a terminal does what it is told"
    assert "Ada changed its assignee from none to ada. (hers)" in shown.out
    assert f"linked to {two}" in shown.out
    lines = told.out.splitlines()
    assert lines[0].startswith(f"{one}  OPEN")
    assert "An alert fired that no incident of its group could take" in lines[-1]
    assert [row.split()[4] for row in (await person.runs("ls", "--snoozed")).out.splitlines()[1:]] == ["two"]
    assert [row.split()[4] for row in (await person.runs("ls", "--assignee", "ada")).out.splitlines()[1:]] == ["one"]

    early = await person.runs("status", one, "closed")
    assert (early.code, early.err.splitlines()[0].endswith("Allowed: ACKNOWLEDGED, INVESTIGATING, RESOLVED.")) == (1, True)
    await person.runs("merge", one, two)
    merged = await person.runs("ack", two)
    assert f"Merged into: {one}." in merged.err
    missing = await person.runs("link", one, "0" * 26)
    assert f"Not there: {'0' * 26}." in missing.err


async def test_everything_that_people_do_is_done(person: Person) -> None:
    codes = {item["service"]: item["short_code"] for item in (await person.runs("ls", "--json")).json()["items"]}
    one, two, three = codes["one"], codes["two"], codes["three"]
    alert = (await person.runs("show", three, "--json")).json()["alerts"][0]["id"]
    for arguments in (
        ("ack", one, "--why", "mine", "--if-revision", "0"),
        ("assign", one, "ada"),
        ("assign", one, "-"),
        ("snooze", one, "2h"),
        ("unsnooze", one),
        ("comment", one, "It is the disk."),
        ("severity", one, "low"),
        ("team", one, "storage"),
        ("category", one, "Capacity"),
        ("runbook", one, "https://runbooks.example/1"),
        ("link", one, two),
        ("unlink", one, two),
        ("merge", one, two),
        ("split", three, alert),
        ("status", one, "investigating"),
        ("resolve", one),
        ("reopen", one),
    ):
        said = await person.runs(*arguments)
        assert said.code == 0, (arguments, said.err)
    incident = await person.customer.get(f"/incidents/{one}")
    assert (incident["team"], incident["severity"], incident["assignee"], incident["alert_count"]) == ("storage", "LOW", None, 4)


async def test_a_rejection_is_one_line_and_what_is_named_is_done_once(person: Person) -> None:
    code = (await person.runs("ls", "--service", "one", "--json")).json()["items"][0]["short_code"]
    rejected = await person.runs("reopen", code)
    assert (rejected.code, rejected.out, len(rejected.err.splitlines())) == (1, "", 1)
    assert "not over" in rejected.err
    first, again = [await person.runs("comment", code, "once", "--once", "mine", "--json") for _ in range(2)]
    assert first.json() == again.json()
