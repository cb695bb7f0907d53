"""Pages: reading them, composing their statements, and cursors that only fit the query they came from."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tocsin_query
from tocsin_contracts.times import to_datetime
from tocsin_query.domain import cursor
from tocsin_query.domain.alerts import ALERTS
from tocsin_query.domain.deliveries import DELIVERIES, GROUPS
from tocsin_query.domain.grouping import read_grouping
from tocsin_query.domain.incidents import INCIDENTS
from tocsin_query.domain.kind import Choice, IncidentName, Instant
from tocsin_query.domain.listing import Listing, PageRequest, next_cursor, read_page
from tocsin_query.domain.parameter import Refused
from tocsin_query.domain.rule_sets import RULE_SETS
from tocsin_query.domain.shapes import Alert, AlertRow, Incident, IncidentRow
from tocsin_query.domain.statement import Statement, count, groups, page
from tocsin_query.lookup import QUERIES

PROBE = "probe"
"""The one statement that belongs to no tenant: positions and clocks only."""


def _queries(listing: Listing) -> st.SearchStrategy[dict[str, str]]:
    """Draw any accepted combination of the listing's parameters."""
    values: dict[str, st.SearchStrategy[str]] = {}
    for each in listing.filters:
        kind = each.parameter.kind
        if isinstance(kind, Choice):
            most = 3 if each.parameter.many else 1
            values[each.parameter.name] = st.lists(st.sampled_from(kind.values), min_size=1, max_size=most).map(",".join)
        elif isinstance(kind, IncidentName):
            values[each.parameter.name] = st.text("0123456789ABCDEF", min_size=7, max_size=26)
        elif isinstance(kind, Instant):
            late = each.parameter.name.endswith("_to")
            values[each.parameter.name] = st.just("2026-02-01T00:00:00Z" if late else "2026-01-01T00:00:00Z")
        else:
            values[each.parameter.name] = st.text(
                st.characters(codec="ascii", exclude_characters="\x00,"), min_size=1, max_size=20
            )
    values["sort"] = st.sampled_from([order.name for order in listing.orders])
    values["limit"] = st.integers(1, 200).map(str)
    values["offset"] = st.integers(0, 10_000).map(str)
    return st.fixed_dictionaries({}, optional=values)


@given(st.data())
def test_every_composed_statement_carries_the_tenant_and_no_value(data: st.DataObject) -> None:
    """Values are bound, never written: the text holds our own words and placeholders only (S50)."""
    listing = data.draw(st.sampled_from([INCIDENTS, ALERTS, DELIVERIES, RULE_SETS]))
    query = data.draw(_queries(listing))
    request = read_page(listing, query.items(), tenant="acme")

    for statement in (page(listing, request, tenant="acme"), count(listing, request, tenant="acme", most=10)):
        assert statement.args[0] == "acme"
        assert re.search(r"WHERE tenant_id = \$1( AND | ORDER BY | LIMIT )", statement.sql)
        assert " OR " not in statement.sql
        assert sorted(set(re.findall(r"\$(\d+)", statement.sql)), key=int) == [str(n + 1) for n in range(len(statement.args))]
        assert _vocabulary(statement) <= _vocabulary(_everything(listing))


@given(st.data())
def test_counts_by_group_carry_the_tenant_and_no_value(data: st.DataObject) -> None:
    query = data.draw(_queries(DELIVERIES))
    for name in ("sort", "limit", "offset"):
        query.pop(name, None)
    query["by"] = ",".join(data.draw(st.lists(st.sampled_from(GROUPS.columns), min_size=1)))
    statement = groups(GROUPS, read_grouping(GROUPS, query.items()), tenant="acme", most=10)
    assert statement.args[0] == "acme"
    assert re.search(r"WHERE tenant_id = \$1( AND | ORDER BY )", statement.sql)
    assert sorted(set(re.findall(r"\$(\d+)", statement.sql)), key=int) == [str(n + 1) for n in range(len(statement.args))]
    words = Statement(
        sql=f"{_everything(DELIVERIES).sql} NULL GROUP BY min max last_id sum OVER count array_agg bigint newest"
        " first_logged_at last_logged_at",
        args=(),
    )
    assert _vocabulary(statement) <= _vocabulary(words)


def test_every_named_statement_carries_the_tenant() -> None:
    for name in set(QUERIES.names()) - {PROBE, "enter"}:
        assert re.search(r"WHERE tenant_id = \$1\b", QUERIES[name]), name
        relations = len(re.findall(r"FROM (?:proj|control)\.", QUERIES[name]))
        assert relations == QUERIES[name].count("tenant_id = $1"), name
    assert "tenants.id = $1" in QUERIES["enter"]
    assert re.findall(r"FROM (\S+)", QUERIES[PROBE]) == ["proj.partitions"]


def test_every_relation_is_named_with_its_schema() -> None:
    for name in QUERIES.names():
        for relation in re.findall(r"(?:FROM|JOIN) (?!\()(\S+)", QUERIES[name]):
            assert re.match(r"(proj|control)\.", relation), (name, relation)


def test_no_statement_is_composed_outside_its_module() -> None:
    """S50: a SELECT in other Python code would escape the tests above."""
    sources = Path(tocsin_query.__file__).parent.rglob("*.py")
    found = [path.name for path in sources if re.search(r"\bSELECT\b.*\bFROM\b|\bFROM proj\b", path.read_text())]

    assert set(found) <= {"statement.py"}


@pytest.mark.parametrize(
    ("name", "shape", "computed"),
    [
        (
            "incident",
            Incident,
            {"short_code", "opened_position", "changed_position", "alerts", "alerts_total", "actions", "links", "timeline"},
        ),
        ("alert", Alert, {"changed_position", "events", "waiting_for", "description", "labels", "metadata", "raw"}),
        ("incident_alerts", AlertRow, {"waiting_for"}),
    ],
)
def test_a_statement_selects_what_its_answer_shows(name: str, shape: type[IncidentRow | AlertRow], computed: set[str]) -> None:
    match = re.search(r"SELECT(.*?)FROM", QUERIES[name], re.DOTALL)
    assert match is not None
    selected = {column.strip().split(" AS ")[-1] for column in match[1].split(",")}

    hidden = {"partition", "opened_offset", "changed_offset", "held"}
    assert selected - hidden == set(shape.model_fields) - computed - {"as_of"}


def test_a_page_reads_one_row_more_than_it_shows() -> None:
    request = read_page(INCIDENTS, [("limit", "7"), ("offset", "3")], tenant="acme")

    assert page(INCIDENTS, request, tenant="acme").args[1:] == (8, 3)


def test_a_cursor_of_one_list_does_not_fit_another() -> None:
    """Both are sorted alike and filtered by nothing: without the table their cursors would be one."""
    text = _cursor(read_page(INCIDENTS, [], tenant="acme"))

    assert read_page(INCIDENTS, [("cursor", text)], tenant="acme").after is not None
    with pytest.raises(Refused):
        read_page(ALERTS, [("cursor", text)], tenant="acme")


def test_a_count_ignores_the_page() -> None:
    """The total of every page of one query is the same."""
    first = read_page(INCIDENTS, [("team", "core")], tenant="acme")
    later = read_page(INCIDENTS, [("team", "core"), ("cursor", _cursor(first)), ("limit", "5")], tenant="acme")

    counts = [count(INCIDENTS, request, tenant="acme", most=10) for request in (first, later)]
    assert counts[0] == counts[1]


@given(st.integers(0, 4_102_444_800_000_000), st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26))
def test_a_cursor_is_read_back_exactly(at: int, incident: str) -> None:
    text = cursor.encode([at, incident], tenant="acme", query="q")

    assert cursor.decode(text, tenant="acme", query="q") == [at, incident]
    for tenant, query in (("globex", "q"), ("acme", "p"), ("acm", "eq")):
        with pytest.raises(ValueError, match="another query"):
            cursor.decode(text, tenant=tenant, query=query)


@given(st.one_of(st.text(max_size=200), st.binary(max_size=100).map(lambda data: data.hex())))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        cursor.decode(text, tenant="acme", query="q")


def test_a_cursor_with_values_of_other_types_is_refused() -> None:
    """Also one that passes the check: whoever can make the check sees 422 at worst, never a 500."""
    request = read_page(INCIDENTS, [], tenant="acme")
    for values in ([1], [1, "x", 2], ["x", "y"], [10**18, "x"], []):
        text = cursor.encode(values, tenant="acme", query=request.query)  # type: ignore[arg-type] # unfit on purpose
        with pytest.raises(Refused):
            read_page(INCIDENTS, [("cursor", text)], tenant="acme")


def test_an_empty_range_is_refused() -> None:
    same = "2026-01-01T00:00:00Z"
    with pytest.raises(Refused) as refusal:
        read_page(INCIDENTS, [("created_from", same), ("created_to", same)], tenant="acme")

    assert [(fault.parameter, fault.code) for fault in refusal.value.faults] == [("created_to", "empty-range")]


def _cursor(request: PageRequest) -> str:
    return next_cursor(request, {"id": "A" * 26, "created_at": to_datetime(5)}, tenant="acme")


def _everything(listing: Listing) -> Statement:
    """Compose a statement from every declaration of the listing."""
    words = [listing.table, *listing.columns, *(each.predicate for each in listing.filters)]
    words += [f"{key.sql} {key.cast}" for order in listing.orders for key in order.keys]
    words.append("SELECT FROM WHERE AND ORDER BY LIMIT OFFSET DESC tenant_id count(*) AS total 1 matching")
    return Statement(sql=" ".join(words), args=())


def _vocabulary(statement: Statement) -> set[str]:
    return set(re.findall(r"[A-Za-z_][\w.]*", statement.sql))
