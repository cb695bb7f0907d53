"""Generated streams: a pure function of their `Traffic`, in formats that every source reads, disturbed as networks do."""

import os
import subprocess
import sys
from collections import Counter, defaultdict
from hashlib import sha256
from itertools import islice, pairwise

import pytest

from tests.unit.sources.payloads import source_of
from tocsin.streams.catalogue import troubles
from tocsin.streams.registry import SOURCES, VOICES
from tocsin.streams.stream import Sending, Traffic, stream
from tocsin.streams.telling import Step, Telling, Told
from tocsin.streams.trouble import Trouble, digest
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import MINUTE, SECOND
from tocsin_sources import samples
from tocsin_sources.document import parse
from tocsin_sources.signature import Accepted, SignedRequest, authenticate
from tocsin_sources.source import Delivery, Normalized

START = 1_772_446_530_000_000
SECRET = b"0123456789abcdef0123456789abcdef"
TRAFFIC = Traffic(seed=7, start_at=START, tenants=("acme", "globex"))


def drawn(many: int, traffic: Traffic = TRAFFIC) -> list[Sending]:
    return list(islice(stream(traffic), many))


def fingerprint(many: int, traffic: Traffic = TRAFFIC) -> str:
    """Hash everything that leaves."""
    hasher = sha256()
    for sending in drawn(many, traffic):
        sample = sending.sample
        hasher.update(repr((sending.tenant, sample.source, sending.leaves_at, sorted(sample.headers.items()))).encode())
        hasher.update(sample.body)
    return hasher.hexdigest()


def mapped(source: str, told: Told) -> Normalized:
    found = source_of(source)
    kept = {name: value for name, value in told.headers.items() if name in found.headers}
    answer = found.map(Delivery(document=parse(told.body), headers=kept, content_type=told.headers["content-type"]))
    assert isinstance(answer, Normalized), answer
    return answer


def tell(trouble: Trouble, step: Step, number: int, *, episode: int = 0, at: int = START) -> Told:
    ends = step is Step.ENDS
    telling = Telling(
        trouble=trouble,
        step=step,
        id=digest(str(number)),
        episode=episode,
        number=number,
        began_at=START,
        at=at,
        recovered=trouble.replicas if ends else 0,
    )
    return VOICES[trouble.source](telling)


def test_the_ten_sources_have_a_voice() -> None:
    ten = "alertmanager sentry grafana datadog pagerduty github gitlab cloudwatch_sns opsgenie generic"
    assert set(SOURCES) == set(ten.split())


# The same every time


def test_a_stream_is_its_traffic() -> None:
    assert drawn(400) == drawn(400)
    assert drawn(400)[:150] == drawn(150)


@pytest.mark.parametrize(
    "other", [Traffic(seed=8, start_at=START, tenants=TRAFFIC.tenants), Traffic(seed=7, start_at=START + SECOND)]
)
def test_another_seed_or_start_gives_other_deliveries_and_other_delivery_ids(other: Traffic) -> None:
    """So that two streams to the same integration are never duplicates of each other."""
    ours, others = drawn(400), drawn(400, other)
    assert not {each.sample.body for each in ours} & {each.sample.body for each in others}
    assert not sender_ids(ours) & sender_ids(others)


def sender_ids(sendings: list[Sending]) -> set[str]:
    found = (mapped(each.sample.source, Told(body=each.sample.body, headers=each.sample.headers)) for each in sendings)
    return {answer.sender_id for answer in found if answer.sender_id is not None}


def test_the_hash_seed_of_python_changes_no_byte() -> None:
    expected = fingerprint(300)
    for seed in ("0", "4711"):
        program = "from tests.unit.cli.test_streams import fingerprint; print(fingerprint(300))"
        environment = os.environ | {"PYTHONHASHSEED": seed}
        said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        assert said.stdout.strip() == expected


def test_what_goes_wrong_at_a_tenants_is_the_same_in_every_stream() -> None:
    """Another seed tells other episodes of the same alerts."""
    assert troubles("acme", SOURCES, 300) == troubles("acme", SOURCES, 300)
    assert len({(each.source, each.key) for each in troubles("acme", SOURCES, 3000)}) == 3000
    assert troubles("acme", SOURCES, 300)[:20] == troubles("acme", SOURCES, 20)


# In each source's own format


@pytest.mark.parametrize("source", SOURCES)
def test_begin_repeat_and_end_are_one_alert_and_another_trouble_is_another(source: str) -> None:
    ours, other = [each for each in troubles("acme", (source,), 60) if each.replicas == 1][:2]
    steps = [mapped(source, tell(ours, step, number, at=START + number * MINUTE)) for number, step in enumerate(Step)]
    events = [only(each) for each in steps]
    assert len({event.identity for event in events}) == 1
    assert events[0].status is EventStatus.FIRING
    assert events[1].status in (EventStatus.FIRING, EventStatus.ACKNOWLEDGED)
    assert events[2].status is EventStatus.RESOLVED
    assert len({each.sender_id for each in steps if each.sender_id}) == sum(each.sender_id is not None for each in steps)
    assert only(mapped(source, tell(other, Step.BEGINS, 9))).identity != events[0].identity


@pytest.mark.parametrize("source", SOURCES)
def test_what_comes_back_is_a_new_episode_of_something_that_has_a_name(source: str) -> None:
    trouble = troubles("acme", (source,), 1)[0]
    again = mapped(source, tell(trouble, Step.BEGINS, 7, episode=1, at=START + 90 * MINUTE))
    assert {event.status for event in again.alerts} == {EventStatus.FIRING}


@pytest.mark.parametrize("source", SOURCES)
def test_a_voice_says_service_severity_and_when(source: str) -> None:
    for trouble in troubles("acme", (source,), 20):
        for event in mapped(source, tell(trouble, Step.BEGINS, 1, at=START)).alerts:
            assert trouble.service in (event.service or event.project or event.title).lower()
            assert event.occurred_at is not None
            assert abs(event.occurred_at - START) < SECOND
            assert event.link or source in ("alertmanager", "opsgenie")


def only(answer: Normalized) -> AlertEvent:
    (alert,) = answer.alerts
    return alert


def test_every_delivery_maps_to_the_alerts_that_it_says_and_convinces_the_gateways_check() -> None:
    told: Counter[str] = Counter()
    for sending in drawn(1500):
        sample = sending.sample
        answer = mapped(sample.source, Told(body=sample.body, headers=sample.headers))
        assert len(answer.alerts) == sending.alerts
        proven = samples.prove(sample, SECRET, START)
        request = SignedRequest(headers=proven.headers, body=proven.body, now=START)
        assert isinstance(authenticate(source_of(sample.source).schemes, request, [SECRET]), Accepted)
        told[sample.source] += 1
    assert set(told) == set(SOURCES)


def test_groups_recover_one_by_one() -> None:
    """Some deliveries of Alertmanager hold firing and resolved alerts at once."""
    mixed = 0
    for sending in drawn(1500, Traffic(seed=7, start_at=START, sources=("alertmanager",))):
        answer = mapped("alertmanager", Told(body=sending.sample.body, headers=sending.sample.headers))
        statuses = {alert.status for alert in answer.alerts}
        mixed += len(statuses) == 2
        assert sending.step is not Step.ENDS or statuses == {EventStatus.RESOLVED}
    assert mixed > 50


# Disturbed as networks do


def test_deliveries_leave_in_order_and_not_before_the_stream_begins() -> None:
    times = [each.leaves_at for each in drawn(2000)]
    assert times == sorted(times)
    assert times[0] >= START


def test_a_retry_has_the_same_bytes_and_nothing_about_its_trouble_comes_in_between() -> None:
    """So that it is a duplicate for sure (P4), at sources without a delivery id too."""
    before: dict[tuple[str, str, str], Sending] = {}
    retries = 0
    for sending in drawn(4000):
        key = (sending.tenant, sending.trouble.source, sending.trouble.key)
        if sending.retry:
            retries += 1
            assert sending.sample == before[key].sample
        before[key] = sending
    assert 100 < retries < 400


def test_late_ones_come_behind_newer_news_and_only_where_times_can_be_trusted() -> None:
    late = [each for each in drawn(6000) if each.late]
    assert len(late) > 40
    assert all(source_of(each.trouble.source).trusted_time for each in late)


def test_others_overtake_some_but_news_of_one_trouble_keep_their_order_unless_late() -> None:
    numbers: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    overtaken, written = 0, -1
    for sending in drawn(4000):
        number = int(sending.sample.case.split()[0])
        if not sending.late and not sending.retry:
            numbers[sending.tenant, sending.trouble.source, sending.trouble.key].append(number)
            overtaken += number < written
            written = max(written, number)
    assert overtaken > 50
    assert all(first < second for each in numbers.values() for first, second in pairwise(each))


def test_a_few_troubles_are_most_of_the_traffic() -> None:
    counted = Counter((each.tenant, each.trouble.source, each.trouble.key) for each in drawn(4000))
    assert sum(many for _, many in counted.most_common(40)) > 2000  # a tenth of the 400
    assert len(counted) > 150


def test_tenants_services_environments_and_severities_are_mixed() -> None:
    sendings = drawn(1000)
    assert {each.tenant for each in sendings} == {"acme", "globex"}
    assert {each.trouble.environment for each in sendings} == {"production", "staging"}
    assert len({each.trouble.service for each in sendings}) >= 8
    assert {each.trouble.severity for each in sendings} == {"critical", "high", "medium", "low"}


def test_a_dense_stream_holds_little_back() -> None:
    """Delays shrink with the pace, so that memory stays bounded whatever the rate."""
    many, rate = 20_000, 10_000.0
    last = drawn(many, Traffic(seed=7, start_at=START, rate_per_s=rate, troubles=2000))[-1]
    assert last.leaves_at - START < 2 * many / rate * SECOND + 50 * SECOND
