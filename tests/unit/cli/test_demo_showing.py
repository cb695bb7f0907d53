"""What `demo` prints can be copied as it stands, on any width."""

import io
import shlex
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from tocsin.demo.keeping import DemoIntegration, DemoTenant
from tocsin.demo.showing import EXAMPLE, curl, handout, incident_table, show, summary
from tocsin.demo.tour import plan
from tocsin_contracts.status import EventStatus
from tocsin_sources import registry, samples
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


def test_the_demo_sends_every_sample_firing_before_resolve_and_they_are_ten_incidents_or_more() -> None:
    planned = plan(DEMO)
    by_source = [name for source in DEMO.integrations for name in (f"{source}/{case}" for case in samples.cases(source))]
    assert [item.name for item in planned] == by_source
    problems = set()
    for item in planned:
        source = registry.get(item.sample.source)
        assert source is not None
        answer = source.map(Delivery(document=orjson.loads(item.sample.body), headers=item.sample.headers))
        assert isinstance(answer, Normalized), item.name
        problems |= {
            (item.sample.source, alert.project, alert.environment, alert.problem)
            for alert in answer.alerts
            if alert.status is EventStatus.FIRING and not alert.heartbeat
        }
    assert len(problems) >= 10
