"""Rules as code, against a running system: a file put in force decides where the next alert goes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.bodies import alertmanager, am_alert
from tests.support.command_line import Said, tocsin
from tests.support.customer import Customer, move_in
from tests.support.system import System
from tocsin.api import open_api
from tocsin.commands.rules import _put
from tocsin.commands.rules_options import rules_in_force
from tocsin.local.forwarder import Forwarder, ForwarderSettings
from tocsin.rules.file import read_rules_file
from tocsin_control.principal import Scope
from tocsin_runtime.errors import Invalid

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "rules.yaml"
FIRST = """\
version: 1
rules:
  - name: by-region
    matchers: 'alertname=~"Disk.*"'
    group_by: [labels.region]
    team: storage
tests:
  - alert: {title: DiskFull, labels: {alertname: DiskFull, region: eu}}
    expect: {rule: by-region}
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a key and a file, at a shell."""

    customer: Customer
    url: str
    file: Path

    async def runs(self, *arguments: str) -> Said:
        return await tocsin("rules", *arguments, "--url", self.url, "--key", self.customer.key)


@pytest.fixture
async def person(shared: System, tmp_path: Path) -> AsyncIterator[Person]:
    forwarder = Forwarder(ForwarderSettings(port=0, ingest=shared.instance("ingest").url, query=shared.instance("query").url))
    await forwarder.start()
    file = tmp_path / "rules.yaml"
    file.write_text(FIRST)
    yield Person(await move_in(shared), f"http://127.0.0.1:{forwarder.port}", file)
    await forwarder.stop()


async def test_a_file_put_in_force_decides_where_alerts_go(person: Person) -> None:
    before = await person.runs("show", "--json")
    assert (before.code, before.json()["version"]) == (0, 0)
    differs = await person.runs("diff", str(person.file))
    assert (differs.code, differs.out.startswith("+ rules by-region: ")) == (2, True)

    applied = await person.runs("apply", str(person.file), "--comment", "by region")
    assert (applied.code, applied.out.splitlines()[-1]) == (0, "Version 1 is in force."), applied.err
    for instance in ("a", "b"):
        await person.customer.settle(alertmanager(am_alert(instance, name=f"Disk{instance}", region="eu")))

    incident = await person.customer.incident()
    assert (incident["alert_count"], incident["team"]) == (2, "storage")


async def test_a_difference_says_what_becomes_of_open_incidents_and_changes_nothing(person: Person) -> None:
    await person.customer.settle(alertmanager(am_alert("a", name="DiskFull", region="eu")))
    before = await person.customer.incident()
    asked = await person.runs("diff", str(person.file))
    assert asked.code == 2, asked.err
    assert asked.out.splitlines()[1:] == [
        "1 open incident would go on otherwise:",
        f"  {before['short_code']}: default -> by-region, under another key",
    ]
    told = (await person.runs("diff", str(person.file), "--json")).json()
    assert [each["incident"] for each in told["incidents"]] == [before["id"]]
    assert (told["version"], told["regrouped"], told["unknown"]) == (0, 1, None)
    assert (await person.customer.incident())["rule"] == "default"

    applied = await person.runs("apply", str(person.file))
    assert applied.out.splitlines()[-2:] == ["Version 1 is in force.", "1 open incident goes on under another rule or key."]
    person.file.write_text(FIRST.replace("team: storage", "team: disks"))
    assert (await person.runs("diff", str(person.file))).out.splitlines()[-1] == "Every open incident goes on as it is."


async def test_the_same_file_again_changes_nothing_and_another_is_the_next_version(person: Person) -> None:
    assert (await person.runs("apply", str(person.file))).code == 0
    again = await person.runs("apply", str(person.file))
    assert (again.code, again.out) == (0, "Nothing differs.\nVersion 1 is in force.\n")
    assert (await person.runs("diff", str(person.file))).code == 0

    person.file.write_text("version: 1\n")
    gone = await person.runs("apply", str(person.file), "--json")
    assert gone.json() == {"before": 1, "version": 2, "regrouped": 0, "differences": ["- rules by-region"]}
    shown, first = await person.runs("show"), await person.runs("show", "--version", "1")
    assert (shown.out, "name: by-region" in first.out) == ("# version 2\nversion: 1\n", True)


async def test_what_is_shown_can_be_applied_again(person: Person) -> None:
    await person.runs("apply", str(person.file))
    person.file.write_text((await person.runs("show")).out)
    assert (await person.runs("diff", str(person.file))).out == "Nothing differs from version 1.\n"


async def test_the_whole_way_of_a_file(person: Person) -> None:
    """lint, test, diff, apply, show; the shipped example goes it too, over what was in force."""
    for file, version in ((person.file, 1), (EXAMPLE, 2)):
        assert (await tocsin("rules", "lint", str(file), "--strict")).code == 0
        tested = await tocsin("rules", "test", str(file))
        assert tested.code == 0, tested.out
        assert (await person.runs("diff", str(file))).code == 2
        assert (await person.runs("apply", str(file))).out.splitlines()[-1] == f"Version {version} is in force."
        assert (await person.runs("diff", str(file))).code == 0
        assert (await person.runs("show")).out.startswith(f"# version {version}\n")


async def test_a_file_takes_the_place_of_the_version_that_somebody_looked_at(person: Person) -> None:
    """A difference that a person approved is put in force later, by a machine."""
    seen = (await person.runs("diff", str(person.file), "--json")).json()["version"]
    other = person.file.with_name("other.yaml")
    other.write_text(FIRST.replace("team: storage", "team: disks"))
    assert (await person.runs("apply", str(other), "--if-version", str(seen))).code == 0

    late = await person.runs("apply", str(person.file), "--if-version", str(seen))
    assert (late.code, late.out) == (1, "")
    assert late.err == "tocsin: version 1 is in force, not 0: see 'tocsin rules diff' again\n"
    assert "team: disks" in (await person.runs("show")).out
    assert (await person.runs("apply", str(person.file), "--if-version", "1")).code == 0


async def test_what_somebody_else_put_in_force_between_the_difference_and_the_change_stays(person: Person) -> None:
    """`apply` sends the version that its difference was made from, whatever is in force when it is decided."""
    other = person.file.with_name("other.yaml")
    other.write_text(FIRST.replace("team: storage", "team: disks"))
    wanted = read_rules_file(person.file)
    async with open_api(person.url, person.customer.key) as api:
        found = await rules_in_force(api)
        assert (await person.runs("apply", str(other))).code == 0
        with pytest.raises(Invalid) as refused:
            await _put(api, wanted, found, None)
    assert refused.value.reason == "status-412"
    assert "team: disks" in (await person.runs("show")).out


async def test_two_who_apply_at_once_make_two_versions_or_one_is_told(person: Person) -> None:
    """Each read what was in force before it put: nobody's change goes under unseen."""
    other = person.file.with_name("other.yaml")
    other.write_text(FIRST.replace("team: storage", "team: disks"))
    applied = await asyncio.gather(person.runs("apply", str(person.file)), person.runs("apply", str(other)))
    shown = (await person.runs("show", "--json")).json()
    assert shown["version"] == [said.code for said in applied].count(0)


async def test_a_file_whose_tests_fail_is_not_applied(person: Person) -> None:
    person.file.write_text(FIRST.replace("expect: {rule: by-region}", "expect: {rule: other}"))
    refused = await person.runs("apply", str(person.file))
    assert (refused.code, "rule: expected other, found by-region" in refused.out) == (1, True)
    assert (await person.runs("show", "--json")).json()["version"] == 0


async def test_a_key_that_does_not_reach_is_told_how_one_is_made_that_does(person: Person) -> None:
    """The gateway says it of `apply`, the query service of `show`."""
    keys = await person.customer.keys(Scope.ALERTS_READ, Scope.INCIDENTS_READ)
    told = {
        ("show",): (Scope.ALERTS_READ, "incidents:read"),
        ("apply", str(person.file)): (Scope.INCIDENTS_READ, "rules:write"),
    }
    for arguments, (held, wanted) in told.items():
        said = await tocsin("rules", *arguments, "--url", person.url, "--key", keys[held])
        assert (said.code, said.out) == (1, "")
        assert said.err.lower() == (
            f"tocsin: this needs an api key with the scope {wanted}: say --key or tocsin_api_key; "
            f"'tocsin keys create holder --tenant tenant --scope {wanted}' makes one\n"
        )


async def test_no_answer_is_one_line(person: Person) -> None:
    said = await tocsin("rules", "show", "--url", "http://127.0.0.1:9", "--key", person.customer.key)
    assert (said.code, said.err.count("\n")) == (1, 1)
