"""Group keys: a change of one moves alerts of all tenants to other incidents."""

import os
import subprocess
import sys

import pytest

from tests.unit.rules.alerts import alert, compiled, rule_for
from tocsin_rules.keys import default_key, grouped_key

RECORDED = (
    (
        "sentry",
        {"project": "shop", "environment": "Prod", "problem": " Some  Problem "},
        "8df8b7c00aa0ea4963d05150b249d6f915152c9cde6d2f8a59f6e7a1d6425940",
    ),
    ("alertmanager", {"problem": "ü"}, "1bd7b009ba354928cfc3488cd0b18af1e6dad2a29e1a9837b72559a4620e1b7f"),
)


@pytest.mark.parametrize(("source", "said", "key"), RECORDED)
def test_the_default_key_is_what_it_always_was(source: str, said: dict[str, str], key: str) -> None:
    assert default_key(source, alert(**said)) == key
    assert rule_for(compiled(), alert(**said), source).key == key


def test_the_key_of_a_rule_is_what_it_always_was() -> None:
    assert (
        grouped_key("api-errors", [("service", "api"), ("labels.region", "EU")])
        == "a01b34e87c777e327411798f0a421d2149b2bbf3f02265f6533b79e12ee9eec4"
    )


@pytest.mark.parametrize(
    "other",
    [
        ("b", [("service", "api"), ("labels.region", "eu")]),
        ("a", [("service", "api")]),
        ("a", [("service", "api"), ("labels.zone", "eu")]),
        ("a", [("service", "eu"), ("labels.region", "api")]),
        ("a", [("service", "apilabels.region"), ("", "eu")]),
    ],
)
def test_rule_names_fields_and_values_separate_keys(other: tuple[str, list[tuple[str, str]]]) -> None:
    assert grouped_key(*other) != grouped_key("a", [("service", "api"), ("labels.region", "eu")])


def test_the_order_of_fields_case_and_spaces_do_not() -> None:
    assert grouped_key("a", [("service", "API "), ("host", "h  1")]) == grouped_key("a", [("host", "H 1"), ("service", "api")])


def test_keys_do_not_depend_on_the_hash_seed() -> None:
    code = "from tocsin_rules.keys import *; print(grouped_key('a', {('x', 'y'), ('z', 'w'), ('k', 'v')}))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1", "7")
    }
    assert len(said) == 1
