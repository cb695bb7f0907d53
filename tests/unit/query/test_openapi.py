"""The published document: valid, complete, and the same as what is routed."""

import orjson
import pytest
from aiohttp import web
from openapi_spec_validator import validate

from tocsin_contracts.routes import CANONICAL, ROUTES, Owner, owner
from tocsin_control.auth import Authenticator
from tocsin_control.directory import KeyEntry
from tocsin_query.caller import Callers
from tocsin_query.endpoints import ENDPOINTS
from tocsin_query.handler import Reader
from tocsin_query.metrics import QueryMetrics
from tocsin_query.openapi import document
from tocsin_query.ports import Projection
from tocsin_query.publishing import OPENAPI_PATH, _joined, published
from tocsin_query.routes import Api
from tocsin_query.settings import QuerySettings
from tocsin_query.turnstile import Turnstile
from tocsin_runtime.address import Addresses
from tocsin_runtime.buckets import Buckets, Quota
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.health import Health
from tocsin_runtime.http import application
from tocsin_runtime.limits import Failures
from tocsin_runtime.metrics import Metrics

DOCUMENT = orjson.loads(orjson.dumps(document(ENDPOINTS, version="0.1.0")))
PUBLISHED = orjson.loads(orjson.dumps(published(ENDPOINTS, version="0.1.0")))
OPERATIONS = [
    (method, path, operation)
    for path, item in PUBLISHED["paths"].items()
    for method, operation in item.items()
    if method != "servers"
]


class NoKeys:
    """Knows nobody."""

    async def find(self, key_id: str) -> KeyEntry | None:
        return None


class NoProjection:
    """Is never read in these tests."""


def _routed() -> set[tuple[str, str]]:
    metrics = Metrics(process=False)
    clock = ManualClock()
    app = application(health=Health(), metrics=metrics)
    projection: Projection = NoProjection()  # type: ignore[assignment] # no request is made
    Api(
        reader=Reader(projection=projection),
        callers=Callers(
            keys=Authenticator(NoKeys(), clock=clock),
            failures=Failures(Buckets(most=1), clock, Quota(per_minute=1, burst=1)),
            addresses=Addresses(()),
        ),
        turnstile=Turnstile(at_once=1, waiting=1),
        clock=clock,
        metrics=QueryMetrics(metrics),
        version="0.1.0",
    ).attach(app)
    return {(route.method, _path(route)) for route in app.router.routes()}


def _path(route: web.AbstractRoute) -> str:
    assert route.resource is not None
    return route.resource.canonical


def test_the_document_is_valid_openapi() -> None:
    for each in (DOCUMENT, PUBLISHED):
        validate(each)
        assert each["openapi"].startswith("3.1")


def test_every_public_route_of_every_service_has_an_operation_and_nothing_else_has() -> None:
    """A new route is a line of `ROUTES`, and one where its service describes it: `ENDPOINTS`, or the gateway's table."""
    described = {(path, method.upper()) for method, path, _ in OPERATIONS}
    assert described == {(route.path, method) for route in ROUTES for method in route.methods}
    for path, item in PUBLISHED["paths"].items():
        (bare,) = {route.bare for route in ROUTES if route.path == path}
        assert item.get("servers", None if bare else []) == (None if bare else [{"url": CANONICAL}]), path


def test_every_operation_says_who_may_ask_and_what_may_go_wrong() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))
    schemes = set(PUBLISHED["components"]["securitySchemes"])
    for _, _, operation in OPERATIONS:
        assert operation["summary"].endswith(".")
        asked = operation.get("security", PUBLISHED["security"])
        assert {name for each in asked for name in each} <= schemes
        assert not asked or {"401", "429", "503"} <= operation["responses"].keys()
        assert any(status.startswith("2") for status in operation["responses"])


def test_one_name_for_two_things_is_refused() -> None:
    with pytest.raises(ValueError, match="'a'"):
        _joined({"a": 1}, {"a": 2})


def test_every_route_is_documented_and_the_other_way_round() -> None:
    private = {"/-/healthy", "/-/ready", "/metrics", OPENAPI_PATH}
    documented = {
        server["url"].removesuffix("/") + path
        for path, item in DOCUMENT["paths"].items()
        for server in item.get("servers", DOCUMENT["servers"])
    }

    assert {path for _, path in _routed()} - private == documented
    assert {method for method, _ in _routed()} == {"GET", "HEAD"}


def test_the_public_address_sends_every_route_here() -> None:
    for method, path in _routed():
        if not path.startswith(("/-/", "/metrics")):
            assert owner(method, path.replace("{id}", "x")) is Owner.QUERY


def test_every_route_needs_a_scope() -> None:
    """S21: a route without a scope fails here."""
    assert all(endpoint.scopes for endpoint in ENDPOINTS)
    assert DOCUMENT["security"] == [{"apiKey": []}]


def test_every_parameter_is_documented_with_its_meaning() -> None:
    for path in DOCUMENT["paths"].values():
        assert all(parameter["description"].strip() for parameter in path["get"]["parameters"])


def test_every_setting_has_a_meaning() -> None:
    assert all(field.description for field in QuerySettings.model_fields.values())
