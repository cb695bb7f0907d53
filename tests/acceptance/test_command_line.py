"""What `tocsin deliveries …` and `tocsin tenants erase` say of a running system: to a person, to a program, when refused."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.simulation.redrive import mend, poisoned
from tests.support.command_line import Said, tocsin
from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.system import System
from tocsin.local.forwarder import Forwarder, ForwarderSettings
from tocsin_control.bootstrap import Role

ABSENT = "0" * 26
CHECKS = """\
  gateway    passed        authenticated, within quotas and limits, stored in the log
  read       did not pass  unknown-shape: """


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a key, at a shell."""

    customer: Customer
    url: str

    async def runs(self, *arguments: str) -> Said:
        return await tocsin("deliveries", *arguments, "--url", self.url, "--key", self.customer.key)

    async def failed(self) -> list[str]:
        return [item["id"] for item in (await self.runs("ls", "--json")).json()["items"]]


@pytest.fixture
async def url(shared: System) -> AsyncIterator[str]:
    forwarder = Forwarder(ForwarderSettings(port=0, ingest=shared.instance("ingest").url, query=shared.instance("query").url))
    await forwarder.start()
    yield f"http://127.0.0.1:{forwarder.port}"
    await forwarder.stop()


@pytest.fixture
async def person(shared: System, url: str) -> Person:
    return Person(await poisoned(shared, 3), url)


async def test_what_failed_is_counted_and_listed(person: Person) -> None:
    stats, listed = await person.runs("stats"), await person.runs("ls", "--limit", "1")

    assert [line.split()[:4] for line in stats.out.splitlines()] == [
        ["outcome", "reason", "source", "count"],
        ["failed", "unknown-shape", "generic", "3"],
    ]
    header, row = listed.out.splitlines()
    assert header.split() == ["id", "logged_at", "source", "reason", "detail"]
    assert row.split()[2:4] == ["generic", "unknown-shape"]
    assert listed.err == "1 of 3.\n"
    counted = (await person.runs("stats", "--by", "outcome", "--json")).json()
    assert [(group["outcome"], group["count"]) for group in counted["groups"]] == [("failed", 3)]


async def test_one_is_shown_with_its_checks_and_tried(person: Person) -> None:
    one = (await person.failed())[0]
    shown, tried = await person.runs("show", one), await person.runs("try", one)

    assert f"id                   {one}\noutcome              failed\n" in shown.out
    assert CHECKS in shown.out
    assert "  fold       not reached\n" in shown.out
    assert " -\n" not in shown.out, "what there is nothing to say of is left out"
    assert (tried.code, "outcome              failed" in tried.out, "pointer              /title" in tried.out) == (1, True, True)
    assert (await person.runs("show", one, "--json")).json()["checks"][1]["passed"] is False
    assert (await person.runs("try", one, "--json")).json()["reason"] == "unknown-shape"


async def test_what_was_mended_is_sent_again_and_what_is_noise_let_be(person: Person) -> None:
    one, two, three = await person.failed()
    let_be = await person.runs("discard", three, "--why", "a test of ours")
    assert let_be.out.splitlines()[1].split() == [three, "yes", "yes"]
    again = await person.runs("redrive", "--all")
    assert (again.code, again.out) == (0, "sent          2\nprocessed     0\nfailed_again  2\n")
    assert again.err.splitlines()[-1].startswith("'tocsin deliveries try ID' says")
    assert f"  {one}  failed  unknown-shape" in again.err

    await mend(person.customer)
    fits = await person.runs("try", one)
    assert (fits.code, fits.out.splitlines()[-1]) == (0, "  firing  -  -  almost full")
    sent = (await person.runs("redrive", one, "--json")).json()
    await person.customer.outcome(sent[0]["delivery_id"])
    rest = (await person.runs("redrive", "--all", "--json")).json()
    assert (rest["sent"], rest["processed"], rest["stopped"]) == (1, 1, None)
    for command in (("redrive", "--all"), ("ls",), ("stats",)):
        nothing = await person.runs(*command)
        assert (nothing.code, nothing.out, nothing.err.startswith("No failed delivery waits for")) == (0, "", True)
    assert len((await person.runs("ls", "--all")).out.splitlines()) == 1 + 7
    assert f"  sent again as {sent[0]['delivery_id']}: processed\n" in (await person.runs("show", one)).out
    assert "  let be by Ada: a test of ours\n" in (await person.runs("show", three)).out
    assert two not in await person.failed()


async def test_a_refusal_is_one_line_that_says_what_to_do_next(shared: System, url: str) -> None:
    person = Person(await poisoned(shared, 1), url)
    await mend(person.customer)
    (one,) = await person.failed()
    sent = (await person.runs("redrive", one, "--json")).json()
    await person.customer.outcome(sent[0]["delivery_id"])
    refused = {
        ("redrive", one): f"{one}: This delivery has not failed; 'tocsin deliveries show {one}' tells what became of it",
        (
            "show",
            ABSENT,
        ): f"{ABSENT}: There is nothing under this id; 'tocsin deliveries ls --all' lists those of your key's tenant",
        ("ls", "--since", "yesterday"): "The query cannot be answered as it stands. logged_from: RFC 3339 with a zone, like"
        " 2026-01-31T12:00:00Z.",
        ("redrive",): "Invalid value: say which: one ID or several, or --all with or without filters; see tocsin --help",
        ("discard", one): "Missing option '--why'; see tocsin --help",
    }
    for arguments, line in refused.items():
        said = await person.runs(*arguments)
        assert (said.code in {1, 2}, said.out, said.err) == (True, "", f"tocsin: {line}\n"), arguments
    wrong = await tocsin("deliveries", "ls", "--url", url, "--key", "x")
    assert wrong.err == "tocsin: this API key opens nothing here: say --key or TOCSIN_API_KEY; 'tocsin keys create' makes one\n"
    nobody = await tocsin("deliveries", "ls", "--url", "http://127.0.0.1:1", "--key", "x")
    assert nobody.err.startswith("tocsin: nobody answers at http://127.0.0.1:1 (")
    assert nobody.err.endswith("'tocsin status' tells what runs here\n")


async def test_what_was_turned_away_is_told(person: Person) -> None:
    assert (await person.runs("rejected")).err == "Nothing of this tenant's was turned away.\n"
    headers = {"content-type": "application/json", "authorization": "Bearer wrong"}
    await person.customer.system.request("POST", person.customer.sender.path, headers=headers, body=b"{}")

    async def told() -> str:
        return (await person.runs("rejected")).out

    out = await eventually(told, what="the rejection is told")
    days, samples = out.split("\n\n")
    assert days.splitlines()[1].split()[1:] == [person.customer.sender.id, "wrong-credentials", "1"]
    assert samples.splitlines()[1].split()[2:4] == ["401", "wrong-credentials"]


async def test_a_tenant_is_erased_once_and_again(shared: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_ADMIN_POSTGRES", shared.dsn(Role.OWNER))
    tenant = (await move_in(shared)).tenant
    asked = await tocsin("tenants", "erase", tenant.name)
    refusal = f"tocsin: nobody is here to ask: to erase {tenant.name} ({tenant.id}) for good, say --yes\n"
    assert (asked.code, asked.out, asked.err) == (1, "", refusal)
    missing = await tocsin("tenants", "erase", "nobody", "--yes")
    assert missing.err == "tocsin: there is no tenant 'nobody'; 'tocsin tenants list' shows all\n"

    at_once = await tocsin("tenants", "erase", tenant.id, "--yes", "--wait", "0", "--json")
    assert (at_once.code, at_once.json()["erased_at"]) == (0, None)
    assert at_once.err == "Its rows of control are gone. Its record is written as soon as a gateway runs.\n"
    erased = await tocsin("tenants", "erase", tenant.id, "--yes")
    assert f"name                erased {tenant.id}\n" in erased.out
    assert (await tocsin("tenants", "erase", tenant.id, "--yes", "--json")).json()["erased_at"] is not None
