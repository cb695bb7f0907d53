"""The samples that ship: they can be loaded, signed and accepted, and they tell whole stories."""

import pytest

from tests.unit.sources.payloads import PAYLOADS, source_of
from tocsin_contracts.status import EventStatus
from tocsin_sources import registry, samples
from tocsin_sources.document import parse
from tocsin_sources.signature import Accepted, SignedRequest, authenticate
from tocsin_sources.source import Delivery, Failed, Normalized

CASES = [(source, case) for source in registry.names() for case in samples.cases(source)]


@pytest.mark.parametrize("source", registry.names())
def test_every_source_ships_samples(source: str) -> None:
    """A firing and its resolve at least (E5)."""
    assert len(samples.cases(source)) >= 2


@pytest.mark.parametrize(("source", "case"), CASES)
def test_a_sample_signed_by_us_is_accepted_and_maps(source: str, case: str) -> None:
    sample, secret = samples.load(source, case), b"whsec_example"
    headers = {**sample.headers, **samples.sign(source, sample.body, secret)}
    found = source_of(source)
    assert authenticate(found.schemes, SignedRequest(headers=headers, body=sample.body), [secret]) == Accepted(0)
    kept = {name: value for name, value in headers.items() if name in found.headers}
    assert not isinstance(found.map(Delivery(document=parse(sample.body), headers=kept)), Failed)


@pytest.mark.parametrize(("source", "case"), CASES)
def test_a_shipped_sample_is_the_one_whose_origin_is_known(source: str, case: str) -> None:
    assert samples.load(source, case).body == (PAYLOADS / source / f"{case}.json").read_bytes()


@pytest.mark.parametrize("source", registry.names())
def test_a_resolve_comes_behind_the_firing_that_it_closes(source: str) -> None:
    fired: set[str] = set()
    closed = 0
    for case in samples.cases(source):
        sample = samples.load(source, case)
        answer = source_of(source).map(Delivery(document=parse(sample.body), headers=sample.headers))
        assert isinstance(answer, Normalized)
        whole = all(alert.status is EventStatus.RESOLVED for alert in answer.alerts)
        closed += whole
        assert not whole or {alert.identity for alert in answer.alerts} <= fired
        fired |= {alert.identity for alert in answer.alerts}
    assert closed


def test_the_samples_make_at_least_ten_incidents() -> None:
    """What the demo shows (issue 3): group keys of alerts that may open an incident."""
    groups = set()
    for source, case in CASES:
        sample = samples.load(source, case)
        answer = source_of(source).map(Delivery(document=parse(sample.body), headers=sample.headers))
        assert isinstance(answer, Normalized)
        groups |= {(source, alert.problem, alert.environment) for alert in answer.alerts if not alert.heartbeat}
    assert len(groups) >= 10


@pytest.mark.parametrize(("source", "case"), [("alertmanager", "nothing"), ("../alertmanager", "x"), ("", "")])
def test_an_unknown_sample_is_a_clear_error(source: str, case: str) -> None:
    with pytest.raises(LookupError, match="no sample"):
        samples.load(source, case)


def test_nothing_signs_for_an_unknown_source() -> None:
    with pytest.raises(LookupError, match="nothing signs"):
        samples.sign("unknown", b"", b"k")
