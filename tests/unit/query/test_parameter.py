"""Query strings: what is read, what is refused, and that both agree with the documented schema."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # its stubs are one more package

from tocsin_contracts.times import to_datetime
from tocsin_query.domain.incidents import INCIDENTS
from tocsin_query.domain.kind import Choice, Instant, Text, Unfit, Whole
from tocsin_query.domain.parameter import Parameter, Refused, read_query

MANY = Parameter(name="service", meaning="", many=True)
ONE = Parameter(name="limit", meaning="", kind=Whole(1, 200), default=50)


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["a"], ("a",)),
        (["a,b"], ("a", "b")),
        (["a", "b"], ("a", "b")),
        (["a,b", "b,c"], ("a", "b", "c")),
        ([r"a\,b,c"], ("a,b", "c")),
        ([" a "], (" a ",)),
    ],
)
def test_repeated_and_comma_separated_values_are_one_list(texts: list[str], values: tuple[str, ...]) -> None:
    assert MANY.read(texts) == values


@pytest.mark.parametrize(
    ("texts", "code"),
    [([""], "empty"), (["a,"], "empty"), (["a\x00"], "not-text"), (["x" * 1001], "too-long"), (["a"] * 51, "too-many")],
)
def test_an_unfit_list_is_refused(texts: list[str], code: str) -> None:
    with pytest.raises(Unfit) as refusal:
        MANY.read(texts)
    assert refusal.value.code == code


@pytest.mark.parametrize("text", ["0", "201", "-1", "+1", "1.0", "1e2", " 1", "١", "0x1", "9" * 30, "\x00"])
def test_a_number_outside_its_bounds_or_alphabet_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        ONE.read([text])


def test_one_value_is_not_a_list() -> None:
    with pytest.raises(Unfit, match="takes one value"):
        ONE.read(["1", "2"])


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", 1_000_000),
        ("1970-01-01 02:00:00+02:00", 0),
        ("1970-01-01T02:00:00 02:00", 0),
        ("1970-01-01T00:00:00.123456Z", 123_456),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("1969-12-31T23:00:00-01:00", 0),
    ],
)
def test_a_moment_is_read_as_microseconds(text: str, at: int) -> None:
    """A `+` arrives as a space where a caller did not encode it: before a zone it can mean nothing else."""
    assert Instant().read(text) == at


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00Z",
        "20260101T000000Z",
        "2026-W01-1T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+25:00",
        "1969-12-31T23:59:59Z",
        "2100-01-01T00:00:01Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1767225600",
        "now",
        "٢٠٢٦-01-01T00:00:00Z",
    ],
)
def test_a_moment_without_zone_or_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        Instant().read(text)


@given(st.integers(0, 4_102_444_800_000_000))
def test_every_moment_that_we_write_is_read_back(at: int) -> None:
    assert Instant().read(to_datetime(at).isoformat()) == at


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=30), max_size=4))
def test_any_query_is_read_or_refused_and_never_breaks(query: dict[str, str]) -> None:
    with suppress(Refused):
        assert set(read_query(INCIDENTS.parameters, query.items())) == set(query)


def test_faults_are_bounded_and_never_repeat_a_value() -> None:
    with pytest.raises(Refused) as refusal:
        read_query(INCIDENTS.parameters, [*((f"x{n}", "canary") for n in range(100)), ("status", "canary")])

    assert len(refusal.value.faults) == 20
    assert "canary" not in repr(refusal.value.faults)


@pytest.mark.parametrize("kind", [Text(), Choice(("A", "B")), Whole(0, 5), Instant()])
def test_a_kind_describes_itself_as_json_schema(kind: Text | Choice | Whole | Instant) -> None:
    Draft202012Validator.check_schema(kind.schema())
