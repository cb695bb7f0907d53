"""The one parser: what it refuses, by which code, and that nothing it accepts has changed."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_sources.document import Limits, NotJson, NotJsonCode, parse, parse_templated

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=8)
    ),
    max_leaves=60,
)


def code_of(body: bytes, limits: Limits | None = None) -> NotJsonCode | None:
    try:
        parse(body, limits or Limits())
    except NotJson as error:
        return error.code
    return None


@given(_VALUES)
def test_what_it_accepts_is_what_was_written(value: object) -> None:
    assert parse(orjson.dumps(value), Limits(depth=300)) == value


@given(_VALUES)
def test_the_standard_parser_agrees(value: object) -> None:
    body = json.dumps(value).encode()
    assert parse(body, Limits(depth=300)) == json.loads(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_clear_refusal(body: bytes) -> None:
    assert code_of(body) in {None, *NotJsonCode}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b'{"alerts": [',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e400]",
        rb'["\ud800"]',
        b"\xef\xbb\xbf{}",
        b'["\xff"]',
        b'["\xc0\x80"]',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "line\nbreak"}',
        b"{'a': 1}",
        b"[1,]",
        b"[01]",
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    assert code_of(body) is NotJsonCode.NOT_JSON


def test_a_refusal_says_where_and_repeats_nothing_of_the_body() -> None:
    with pytest.raises(NotJson, match="line 2 column 6") as refused:
        parse(b'{"a":\n "b" hunter2}')
    assert "hunter2" not in str(refused.value)


def test_nul_is_json_and_passes() -> None:
    assert parse(b'{"a": "x\\u0000y"}') == {"a": "x\x00y"}


def test_the_last_of_equal_keys_wins() -> None:
    assert parse(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    ("depth", "code"), [(64, None), (65, NotJsonCode.TOO_DEEP), (1_000, NotJsonCode.TOO_DEEP), (1_100, NotJsonCode.NOT_JSON)]
)
@pytest.mark.parametrize(("opener", "closer"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_sixty_fifth_level_is_too_deep(depth: int, code: NotJsonCode | None, opener: bytes, closer: bytes) -> None:
    """Beyond 1,024 levels orjson itself gives up, cleanly: no depth is a RecursionError."""
    inner = b"1" if opener != b"[" else b""
    assert code_of(opener * depth + inner + closer * depth) is code


@given(st.integers(1, 6), st.integers(1, 6))
def test_a_document_passes_up_to_its_depth_and_no_further(depth: int, most: int) -> None:
    assert (code_of(b"[" * depth + b"]" * depth, Limits(depth=most)) is None) == (depth <= most)


def test_brackets_inside_of_strings_are_not_levels() -> None:
    assert code_of(orjson.dumps(["[" * 500, "{" * 500])) is None


def count(value: object) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(count(member) for member in members)


@given(_VALUES, st.integers(1, 40))
def test_values_are_counted_exactly(value: object, most: int) -> None:
    given_code = code_of(orjson.dumps(value), Limits(depth=300, nodes=most))
    assert (given_code is NotJsonCode.TOO_MANY_NODES) == (count(value) > most)


def test_a_megabyte_of_ones_has_too_many_values() -> None:
    assert code_of(b"[" + b",".join([b"1"] * 500_000) + b"]") is NotJsonCode.TOO_MANY_NODES


def test_a_body_beyond_the_size_is_refused_unread() -> None:
    assert code_of(b"\xff" * 11, Limits(size_bytes=10)) is NotJsonCode.TOO_LARGE


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -(2**63), 10**18, 0])
def test_integers_of_64_bits_stay_exact(number: int) -> None:
    assert parse(b'{"id": %d}' % number) == {"id": number}


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**24, int("9" * 25)])
@pytest.mark.parametrize("around", [b"%d", b"[%d]", b'{"a": %d, "b": "x"}', b'["\\\\", "\\"", %d]', b"[1,%d ]"])
def test_integers_beyond_64_bits_are_refused_and_never_become_floats(number: int, around: bytes) -> None:
    assert code_of(around % number) is NotJsonCode.NUMBER_TOO_LARGE


@pytest.mark.parametrize(
    "body",
    [
        b'"9999999999999999999999999"',
        b'{"9999999999999999999999999": 1}',
        b'["\\"9999999999999999999999999"]',
        b'["a\\\\", "9999999999999999999999999"]',
        b"[0.12345678901234567890123]",
        b"[12345678901234567890123.5]",
        b"[1e0000000000000000000000001]",
        b"[1e-0000000000000000000000001]",
        b"[1e+0000000000000000000000001]",
        b"[99999999999999999999999e2]",
    ],
)
def test_long_digits_in_text_and_in_floats_are_no_integers(body: bytes) -> None:
    assert code_of(body) is None


@given(st.lists(st.integers(-(10**30), 10**30) | st.text('0123456789\\"e.-', max_size=40) | st.floats(0, 1), max_size=8))
def test_exactly_the_documents_with_a_long_integer_are_refused(values: list[object]) -> None:
    long = any(isinstance(value, int) and not -(2**63) <= value < 2**64 for value in values)
    assert (code_of(json.dumps(values).encode()) is NotJsonCode.NUMBER_TOO_LARGE) == long


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a":"b\nc\td\r\n","e":1}', {"a": "b\nc\td\r\n", "e": 1}),
        (b'{\n"a":"x\\"y\nz"\n}', {"a": 'x"y\nz'}),
        (b'["\x00\x1f"]', ["\x00\x1f"]),
        (b'{"a":"b"}', {"a": "b"}),
    ],
)
def test_line_breaks_inside_of_texts_are_read_where_people_write_the_template(body: bytes, document: object) -> None:
    assert parse_templated(body) == document


@pytest.mark.parametrize(
    "body", [b'{"a":"b"c"}', b'{"a":\n}', b'"\n', b"{\n", b'{"a":"\n", "b":NaN}', b'["\n",1e999]', b'["\n' * 50_000]
)
def test_a_template_that_makes_no_json_is_none(body: bytes) -> None:
    with pytest.raises(NotJson):
        parse_templated(body)


def test_limits_hold_for_templates_too() -> None:
    for body in (b'["\n"' + b",1" * 300_000 + b"]", b"[" * 70 + b'"\n"' + b"]" * 70, b'["\n", 123456789012345678901234567890]'):
        with pytest.raises(NotJson) as fault:
            parse_templated(body)
        assert fault.value.code is not NotJsonCode.NOT_JSON
