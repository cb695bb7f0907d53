"""Security check list, comparing credentials (docs/reference/security-checks.md): what a clock cannot prove, the calls do.

A test of time is a test of the machine it runs on. What makes times equal is looked at instead: every comparison is
`hmac.compare_digest` on bytes of equal length, and who is unknown causes as many as who is wrong.
"""

from __future__ import annotations

import ast
import hmac
from pathlib import Path

import pytest

import tocsin_control
import tocsin_sources
from tests.unit.ingest.gateway import ACME, BODY, SECRET, directory, integration, key, running, secret
from tocsin_contracts.ids import IntegrationId
from tocsin_control.principal import Scope
from tocsin_sources import registry, samples

Comparison = tuple[object, object]
COMPARING = ("signature.py", "schemes", "api_key.py", "auth.py")
"""Where credentials are compared."""


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Comparison]:
    """Every comparison in constant time, in order."""
    seen: list[Comparison] = []
    compare = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        seen.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    return seen


@pytest.mark.parametrize("source", registry.names())
async def test_s10_who_is_unknown_costs_as_many_comparisons_as_who_is_wrong(source: str, compared: list[Comparison]) -> None:
    """A wrong secret, another tenant's, an integration that does not exist, one of another source: the same work."""
    name = IntegrationId("0000000000000000000000S0CE")
    async with running(directory((integration(name, ACME, source, secret(SECRET)),))) as gateway:
        headers = samples.sign(source, BODY, b"wrong", 1_000_000) or {"Authorization": "Bearer wrong"}
        answers, counts = [], []
        for path in (name, "0" * 26, "1" * 26):
            compared.clear()
            answers.append(await gateway.post(f"/api/v1/webhooks/{source}/{path}", BODY, headers))
            counts.append(len(compared))
    assert [answer.status for answer in answers] == [401, 401, 401]
    assert len({tuple(sorted((k, v) for k, v in answer.json.items() if k != "instance")) for answer in answers}) == 1
    assert len(set(counts)) == 1


async def test_s10_credentials_are_compared_as_bytes_of_equal_length(compared: list[Comparison]) -> None:
    """Text with other signs than ASCII would raise, and another length would show."""
    async with running() as gateway:
        for credentials in (
            "Bearer wrong",
            "Bearer h\u00e9",
            f"Bearer {SECRET}x",
            "Basic d3Jvbmc6d3Jvbmc=",
            f"Bearer {SECRET[:-1]}",
        ):
            assert (await gateway.post(headers={"Authorization": credentials})).status == 401
    assert compared
    for one, other in compared:
        assert isinstance(one, bytes)
        assert isinstance(other, bytes)
        assert len(one) == len(other)


async def test_s25_a_key_that_is_unknown_costs_a_comparison_like_one_that_is_wrong(compared: list[Comparison]) -> None:
    async with running() as gateway:
        known = gateway.keys["writer"]
        unknown = f"Bearer {key(ACME, Scope.DELIVERIES_READ)[0].get_secret_value()}"
        counts = []
        for authorization in (unknown, known):
            compared.clear()
            await gateway.send("GET", "/api/v1/deliveries/x/body", headers={"Authorization": authorization})
            counts.append(len(compared))
    assert counts == [1, 1]


def test_s10_no_code_that_checks_credentials_compares_with_equals() -> None:
    """A digest, a secret or a signature beside `==` is a comparison that ends at the first difference."""
    found = []
    for package in (tocsin_sources, tocsin_control):
        root = Path(package.__file__ or "").parent
        for name in COMPARING:
            files = sorted((root / name).glob("*.py")) if (root / name).is_dir() else [root / name]
            found += [f"{file.name}:{line}" for file in files if file.exists() for line in _equalities(file)]
    assert found == []


def _equalities(file: Path) -> list[int]:
    """List the lines on which something secret stands beside `==`."""
    lines = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Compare) or not any(isinstance(op, (ast.Eq, ast.NotEq, ast.In)) for op in node.ops):
            continue
        names = {each.id for side in (node.left, *node.comparators) for each in ast.walk(side) if isinstance(each, ast.Name)}
        names |= {
            each.attr for side in (node.left, *node.comparators) for each in ast.walk(side) if isinstance(each, ast.Attribute)
        }
        if names & {"secret", "secrets", "digest", "digests", "claimed", "claim", "expected", "sha256", "signature", "password"}:
            lines.append(node.lineno)
    return lines
