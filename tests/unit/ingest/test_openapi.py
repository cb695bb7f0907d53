"""The gateway's part of the published document: fresh, complete, and true of what is routed."""

from pathlib import Path
from typing import get_args

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # its stubs are one more package

import tocsin_query
from tocsin_contracts.routes import CANONICAL, ROUTES, Owner, owner
from tocsin_control.documents import IntegrationDocument
from tocsin_ingest.domain.target import Target, find_target
from tocsin_ingest.management.dispatch import OPERATIONS
from tocsin_ingest.openapi.__main__ import written
from tocsin_ingest.openapi.described import Described
from tocsin_ingest.openapi.document import gateway_part
from tocsin_ingest.openapi.patch import IntegrationChange
from tocsin_ingest.openapi.table import DESCRIBED
from tocsin_query.publishing import GATEWAY_FILE

PART = orjson.loads(orjson.dumps(gateway_part()))


def test_the_file_that_query_ships_is_what_the_gateway_says_of_itself() -> None:
    shipped = (Path(tocsin_query.__file__).parent / GATEWAY_FILE).read_bytes()
    assert shipped == written(), "run 'make openapi' and commit what it writes"


def test_every_route_of_the_gateway_is_described_and_nothing_else_is() -> None:
    ours = {(route.path, method) for route in ROUTES for method in route.methods if owner(method, route.path) is Owner.INGEST}
    ours |= {(route.path, method) for route in ROUTES if not route.bare for method in route.methods if _owned(method, route.path)}
    assert {(each.path, each.method) for each in DESCRIBED} == ours


def test_every_kind_of_target_is_described_and_every_description_is_a_target() -> None:
    found = {type(find_target(CANONICAL + each.path.replace("{", "").replace("}", ""))) for each in DESCRIBED}
    assert found == set(get_args(Target))


def test_managing_operations_are_those_of_the_table_that_routes_them() -> None:
    described = {each.name: (each.method, CANONICAL + each.path, each.scope) for each in DESCRIBED}
    for operation in OPERATIONS:
        assert described[operation.name] == (operation.method, operation.path, operation.scope)


@pytest.mark.parametrize("each", [each for each in DESCRIBED if each.body is not None], ids=lambda each: each.name)
def test_every_body_has_an_example_that_fits(each: Described) -> None:
    operation = PART["paths"][each.path][each.method.lower()]
    for content in operation["requestBody"]["content"].values():
        schema = {**content["schema"], "components": PART["components"]}
        assert content["example"] is not None
        assert not [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]


def test_a_change_takes_every_member_that_an_integration_is_made_with() -> None:
    assert set(IntegrationChange.model_fields) == set(IntegrationDocument.model_fields)
    assert not any(field.is_required() for field in IntegrationChange.model_fields.values())


def _owned(method: str, path: str) -> bool:
    return owner(method, CANONICAL + path) is Owner.INGEST
