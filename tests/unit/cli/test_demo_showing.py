"""What `demo` prints can be copied as it stands, on any width."""

import io
import shlex
from asyncio import run
from collections import Counter
from itertools import islice
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from tests.simulation.sim import straight
from tests.simulation.streaming import image_records
from tocsin.demo.keeping import DemoIntegration, DemoTenant
from tocsin.demo.opening import NAMES
from tocsin.demo.plan import DELIVERIES, plan, traffic
from tocsin.demo.showing import EXAMPLE, curl, handout, incident_table, show, summary
from tocsin.demo.tour import SHOWN
from tocsin.streams.registry import SOURCES
from tocsin.streams.stream import stream
from tocsin_contracts.status import EventStatus
from tocsin_sources import registry
from tocsin_sources.source import Delivery, Normalized

DEMO = DemoTenant(
    url="http://127.0.0.1:8080",
    tenant="T1",
    api_key="tocsin_key",
    integrations={
        "alertmanager": DemoIntegration(id="A1", secret="whsec_a+/="),
        "sentry": DemoIntegration(id="S1", secret="0" * 64),
    },
)
ALL = DEMO.model_copy(
    update={
        "began_at": 1_772_446_530_000_000,
        "integrations": {source: DemoIntegration(id=f"I{source}", secret="0" * 64) for source in SOURCES},
    }
)
ITEM = {
    "short_code": "INC-7K3QF2B",
    "severity": "CRITICAL",
    "status": "ACKNOWLEDGED",
    "alert_count": 60,
    "source": "alertmanager",
    "title": "A [bold]title[/bold] that is longer than any terminal is wide, " * 5,
}


def printed(width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(incident_table([ITEM], width))
    return out.getvalue().splitlines()


def test_codes_and_words_are_whole_on_a_narrow_terminal_and_the_title_gives_way() -> None:
    head, line = printed(80)
    for word in ("INC-7K3QF2B", "CRITICAL", "ACKNOWLEDGED", "60", "alertmanager", "A [bold]title"):
        assert word in line
    assert "severity" in head
    assert len(line) <= 80


def test_a_senders_markup_is_text() -> None:
    assert "A [bold]title[/bold] that" in printed(200)[1]


def test_printed_curl_lines_survive_a_shell() -> None:
    sections = dict(handout(DEMO, Path("demo.json")))
    read = shlex.split(sections["Read the open incidents"][0])
    assert read[:4] == ["curl", "-s", "-H", "Authorization: Bearer tocsin_key"]
    assert read[-1] == "http://127.0.0.1:8080/api/v1/incidents?status=OPEN&limit=3"
    sent = shlex.split(sections["Send one more webhook, then read again"][0])
    assert sent[-1] == "http://127.0.0.1:8080/api/v1/webhooks/alertmanager/A1"
    assert "Authorization: Bearer whsec_a+/=" in sent
    assert sent[sent.index("-d") + 1] == EXAMPLE


def test_a_quote_in_a_curl_line_is_quoted() -> None:
    line = curl("http://x/?a=1&b=2", ["X: it's"], "{'a'}")
    assert shlex.split(line) == ["curl", "-s", "-H", "X: it's", "-d", "{'a'}", "http://x/?a=1&b=2"]


def test_no_line_to_copy_is_broken_where_output_is_narrow(capsys: pytest.CaptureFixture[str]) -> None:
    show({"items": [ITEM], "total": 1}, {"processed": 1}, DEMO, Path("demo.json"), sent=1)
    assert any(line.strip().startswith("curl") and line.endswith("limit=3'") for line in capsys.readouterr().out.splitlines())


def test_the_example_is_one_firing_alert_and_sent_again_says_the_same() -> None:
    source = registry.get("alertmanager")
    assert source is not None
    answer = source.map(Delivery(document=orjson.loads(EXAMPLE)))
    assert isinstance(answer, Normalized)
    assert [alert.status for alert in answer.alerts] == [EventStatus.FIRING]
    assert source.map(Delivery(document=orjson.loads(EXAMPLE))) == answer


def test_the_summary_says_what_was_sent_or_that_all_was_there() -> None:
    page = {"items": [ITEM] * 10, "total": 16}
    first = summary(page, {"processed": 14, "ignored": 1}, sent=15)
    assert "16 incidents, the newest 10 shown" in first
    assert "15 webhooks sent: 14 processed, 1 ignored" in first
    again = summary(page, {"processed": 15}, sent=0)
    assert "15 webhooks of an earlier start were already there" in again


def test_what_went_wrong_is_shown_and_not_counted_away(capsys: pytest.CaptureFixture[str]) -> None:
    show({"items": [ITEM], "total": 1}, {"processed": 1}, DEMO, Path("demo.json"), sent=2, wrong=["06 github: answered 401"])
    assert "✗ 06 github: answered 401" in capsys.readouterr().out


def test_the_handout_says_how_each_sender_proved_itself_and_what_was_not_checked() -> None:
    lines = "\n".join(dict(handout(ALL, Path("demo.json")))["How the senders proved themselves"])
    assert all(source in lines for source in SOURCES)
    assert "only Amazon can make" in lines


def test_the_demo_has_an_integration_of_each_of_ten_sources() -> None:
    assert set(NAMES) == set(SOURCES)
    assert len(SOURCES) == 10


def test_the_demo_sends_the_same_hour_at_each_start_under_names_of_its_own() -> None:
    assert plan(ALL) == plan(ALL)
    names = [item.name for item in plan(ALL)]
    assert len(names) == len(set(names))


def test_the_demos_hour_opens_incidents_at_every_source_some_of_them_over_and_holds_repeats() -> None:
    """What the first screen shows, by the real map and the real fold."""
    sendings = list(islice(stream(traffic(ALL.began_at)), DELIVERIES))
    tables = run(straight(image_records(sendings)))
    assert {row["outcome"] for row in tables.deliveries.values()} == {"processed", "duplicate"}
    assert {row["source"] for row in tables.incidents.values()} == set(SOURCES)
    statuses = Counter(row["status"] for row in tables.incidents.values())
    assert statuses["OPEN"] >= 5
    assert statuses["RESOLVED"] >= 5
    assert len(tables.incidents) <= SHOWN
    assert any(each.retry for each in sendings)
    assert any(each.late for each in sendings)
