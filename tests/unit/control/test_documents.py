"""What people write of an integration is read strictly, and a merge patch changes just what it names (RFC 7396)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_contracts.ids import IntegrationId, TenantId
from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.documents import FAULTS_MAX, IntegrationDocument, UnfitDocument, document_of, merged, read_integration
from tocsin_control.integrations import Integration, Terms
from tocsin_control.signature_style import SignatureStyle

MAPPING = {
    "alerts": "events",
    "identity": "id",
    "title": {"path": ["summary", "message"], "default": "nothing said"},
    "severity": {"path": "level", "values": {"sev1": "critical"}},
    "labels": {"team": "owner.team"},
}
NAMES = st.text("ab", max_size=2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(NAMES, inner, max_size=3)
)


def integration(**terms: Any) -> Integration:
    return Integration(
        id=IntegrationId("i"), tenant=TenantId("t"), source="sentry", name="web", version=3, created_at=0, terms=Terms(**terms)
    )


def faults_of(document: object) -> dict[str, str]:
    with pytest.raises(UnfitDocument) as unfit:
        read_integration(IntegrationDocument, document)
    return {fault.pointer: fault.code for fault in unfit.value.faults}


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"enabled": False, "burst": 3, "signature_required": False},
        {"signature_style": SignatureStyle(header="X-Sig", format="sha256=hex")},
        {"settings": IntegrationSettings(dedup_window_s=1, environment_aliases={"live": "prod"})},
        {"settings": IntegrationSettings.model_validate({"mapping": MAPPING, "sns_topics": ["arn:aws:sns:eu-west-1:1:a"]})},
    ],
)
def test_the_document_of_an_integration_makes_the_same_integration(terms: dict[str, Any]) -> None:
    found = integration(**terms)

    assert read_integration(IntegrationDocument, document_of(found)).terms() == found.terms


def test_a_name_is_all_that_must_be_said() -> None:
    assert read_integration(IntegrationDocument, {"name": "web"}).terms() == Terms()


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ({}, "/name", "missing"),
        ([], "", "model_type"),
        ({"name": "web", "id": "x"}, "/id", "extra_forbidden"),
        ({"name": "web", "burst": True}, "/burst", "int_type"),
        ({"name": "web", "burst": 2**70}, "", "unfit-number"),
        ({"name": "web", "settings": {"a/b~c": 1}}, "/settings/a~1b~0c", "extra_forbidden"),
        ({"name": "web", "settings": {"mapping": {"title": "t", "tilte": "t"}}}, "/settings/mapping/tilte", "extra_forbidden"),
        ({"name": "web", "settings": {"mapping": {"title": "/a~2"}}}, "/settings/mapping/title/path/0", "unfit-mapping"),
        ({"name": "web", "settings": {"sns_topics": ["*"]}}, "/settings/sns_topics/0", "unfit-topic"),
        ({"name": "web", "settings": {"mapping": {"title": "a[?"}}}, "/settings/mapping/title/path/0", "unfit-mapping"),
    ],
)
def test_a_fault_says_where_it_is(document: object, pointer: str, code: str) -> None:
    assert faults_of(document) == {pointer: code}


def test_all_faults_come_at_once_and_are_bounded() -> None:
    assert set(faults_of({"name": "", "burst": 0, "x": 1})) == {"/name", "/burst", "/x"}
    assert len(faults_of({"name": "web", **{f"x{number}": 1 for number in range(100)}})) == FAULTS_MAX


def test_a_merge_patch_replaces_removes_and_goes_down_into_objects() -> None:
    document = {"a": 1, "b": {"c": 2, "d": 3}, "e": [1, 2]}

    assert merged(document, {"b": {"c": None, "f": 4}, "e": [9], "g": {"h": None, "i": 5}}) == {
        "a": 1,
        "b": {"d": 3, "f": 4},
        "e": [9],
        "g": {"i": 5},
    }
    assert document == {"a": 1, "b": {"c": 2, "d": 3}, "e": [1, 2]}, "the document itself is left alone"


@given(st.dictionaries(NAMES, JSON), st.dictionaries(NAMES, JSON))
def test_a_patch_made_twice_changes_nothing_more(document: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merged(document, patch)

    assert merged(once, patch) == once
    assert merged(document, {}) == document
