"""Every sample of every source gives exactly the result that somebody read and committed."""

import pytest

from tests.unit.sources.golden import GOLDEN, golden_of, path_of
from tests.unit.sources.payloads import PAYLOADS, all_payloads, answer_to, body_of, source_of
from tocsin_sources import registry
from tocsin_sources.document import parse
from tocsin_sources.source import Delivery


@pytest.mark.parametrize(("source", "name"), all_payloads())
def test_a_sample_maps_as_its_golden_file_says(source: str, name: str) -> None:
    assert golden_of(answer_to(source, name)).decode() == path_of(source, name).read_text()


def test_every_golden_file_has_its_sample() -> None:
    """A renamed sample must not leave a golden file behind that nothing compares any more."""
    written = {path.relative_to(GOLDEN).with_suffix("") for path in GOLDEN.rglob("*.json")}
    assert {str(path) for path in written} == {f"{source}/{name}" for source, name in all_payloads()}


@pytest.mark.parametrize("source", registry.names())
def test_a_registered_source_has_samples_with_their_origin(source: str) -> None:
    origin = (PAYLOADS / source / "ORIGIN.md").read_text()
    assert all(f"`{path.name}`" in origin for path in (PAYLOADS / source).glob("*.json"))


@pytest.mark.parametrize(("source", "name"), [pair for pair in all_payloads() if pair[0] == "sentry"])
def test_sentry_samples_are_told_apart_without_the_header_too(source: str, name: str) -> None:
    """SOURCES 3a: "Without the header tell by the key in `data`"; but for a comment, whose data has no key of its own."""
    given = source_of(source).map(Delivery(document=parse(body_of(source, name))))
    assert type(given) is type(answer_to(source, name))
