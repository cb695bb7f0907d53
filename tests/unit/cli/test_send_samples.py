"""What `tocsin send` sends: the sample's own bytes and headers, signed, at the pace that was asked for."""

import orjson
import pytest
import typer

from tocsin.commands.send import Report
from tocsin.sending import Pace, Receipt, Recipient, chosen, prove, receipt
from tocsin_runtime.errors import Fatal
from tocsin_sources import registry, samples
from tocsin_sources.signature import Accepted, Rejected, SignedRequest, authenticate

SECRET = "fedcba9876543210fedcba9876543210"
NOW = 1_772_446_530_000_000
URL = "http://127.0.0.1:1"
SAMPLE = samples.load("alertmanager", samples.cases("alertmanager")[0])


def recipient(source: str = "alertmanager", secret: str | None = SECRET) -> Recipient:
    return Recipient(url=URL, source=source, integration="int", secret=secret)


def one(status: int, *, delivery: str | None = None, detail: str | None = None) -> Receipt:
    return Receipt(source="grafana", case="a", status=status, delivery_id=delivery, detail=detail)


@pytest.mark.parametrize("source", registry.names())
def test_what_is_sent_convinces_the_gateways_own_check(source: str) -> None:
    found = registry.get(source)
    assert found is not None
    for sample in chosen(source, "all", 1):
        proven = prove(recipient(source), sample, NOW)
        request = SignedRequest(headers=proven.headers, body=proven.body, now=NOW)
        assert isinstance(authenticate(found.schemes, request, [SECRET.encode()]), Accepted)


@pytest.mark.parametrize("source", registry.names())
def test_without_a_secret_nothing_is_proven_and_nothing_changed(source: str) -> None:
    found = registry.get(source)
    assert found is not None
    for sample in chosen(source, "all", 1):
        sent = prove(recipient(source, secret=None), sample, NOW)
        assert sent == sample
        request = SignedRequest(headers=sent.headers, body=sent.body, now=NOW)
        assert isinstance(authenticate(found.schemes, request, [SECRET.encode()]), Rejected)


def test_tools_of_the_events_api_prove_themselves_by_the_key_in_the_body() -> None:
    """And nothing else: no header of PagerDuty's webhooks, which such tools do not have."""
    sample = samples.load("pagerduty", "events_v2_trigger")
    sent = prove(recipient("pagerduty"), sample, NOW)
    assert orjson.loads(sent.body) == {**orjson.loads(sample.body), "routing_key": SECRET}
    assert sent.headers == sample.headers


def test_a_sample_of_standard_webhooks_is_signed_by_them() -> None:
    sent = prove(recipient("generic"), samples.load("generic", "standard_webhooks"), NOW)
    assert sent.headers["webhook-signature"].startswith("v1,")
    assert "authorization" not in sent.headers


def test_a_recipient_and_its_secret_are_told_apart_in_logs() -> None:
    assert SECRET not in repr(recipient())


def test_the_first_case_is_sent_unless_another_is_named() -> None:
    first, second = samples.cases("sentry")[:2]
    assert [sample.case for sample in chosen("sentry", None, 2)] == [first, first]
    assert [sample.case for sample in chosen("sentry", second, 1)] == [second]


def test_all_sends_each_case_once_in_the_order_that_makes_sense() -> None:
    assert tuple(sample.case for sample in chosen("sentry", "all", 1)) == samples.cases("sentry")
    assert tuple(sample.case for sample in chosen("sentry", "all", 2)) == samples.cases("sentry") * 2


@pytest.mark.parametrize(("source", "case"), [("nagios-of-mars", None), ("sentry", "nope")])
def test_an_unknown_source_or_case_is_named(source: str, case: str | None) -> None:
    with pytest.raises(LookupError, match=case or source):
        chosen(source, case, 1)


def test_a_pace_spreads_turns_evenly_and_without_a_rate_never_waits() -> None:
    pace = Pace(10, lambda: 100.0)
    assert [round(pace.wait_s(), 3) for _ in range(4)] == [0.0, 0.1, 0.2, 0.3]
    free = Pace(None, lambda: 100.0)
    assert [free.wait_s() for _ in range(3)] == [0.0, 0.0, 0.0]


def test_a_pace_that_was_held_up_does_not_catch_up_by_a_flood() -> None:
    now = [100.0]
    pace = Pace(10, lambda: now[0])
    pace.wait_s()
    now[0] += 60
    without_waiting = 0
    while pace.wait_s() == 0 and without_waiting < 600:
        without_waiting += 1
    assert without_waiting <= 11


def test_an_answer_of_another_program_is_kept_as_its_first_words() -> None:
    read = receipt(SAMPLE, 502, b"<html>Bad Gateway</html>")
    assert (read.accepted, read.detail) == (False, "<html>Bad Gateway</html>")
    assert receipt(SAMPLE, 202, b'{"status":"accepted"}').delivery_id is None
    assert receipt(SAMPLE, 202, orjson.dumps({"delivery_id": "d1"})).delivery_id == "d1"


def test_a_single_refusal_among_many_is_an_exit_code_and_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(verbose=False)
    for _ in range(99):
        report.tell(one(202, delivery="d"))
    report.tell(one(429, detail="slow down"))
    with pytest.raises(typer.Exit) as left:
        report.finish(URL, as_json=False)
    assert left.value.exit_code == 1
    said = capsys.readouterr()
    assert "429  grafana  a  slow down" in said.err
    assert "99 × 202, 1 × 429" in said.out


def test_all_accepted_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(verbose=True)
    report.tell(one(202, delivery="d1"))
    report.finish(URL, as_json=False)
    assert capsys.readouterr().out == "202  grafana  a  d1\n"


def test_nobody_answering_is_said_with_what_to_do() -> None:
    report = Report(verbose=False)
    report.tell(one(0, detail="refused"))
    with pytest.raises(Fatal, match="tocsin demo"):
        report.finish(URL, as_json=False)
