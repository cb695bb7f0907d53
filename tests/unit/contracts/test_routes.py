"""The route table: what may be done at each public path."""

import pytest

from tocsin_contracts.routes import ROUTES, Owner, allowed_methods, owner


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/incidents", ("GET", "HEAD")),
        ("/incidents/x/", ("GET", "HEAD")),
        ("/api/v1/incidents/x/status", ("PATCH",)),
        ("/webhooks/sentry", ("POST", "PUT")),
        ("/api/v1/webhooks/sentry/x/", ("POST", "PUT")),
        ("/api/v1/integrations/x", ("GET", "HEAD", "PATCH", "DELETE")),
        ("/integrations/x", ()),
        ("/api/v1/integrations//rotate", ()),
        ("/api/v1", ()),
        ("/", ()),
        ("", ()),
        ("/nothing", ()),
        ("/api/v1/incidents/x/status/y", ()),
        ("/-/healthy", ()),
    ],
)
def test_a_path_takes_the_methods_of_its_route(path: str, methods: tuple[str, ...]) -> None:
    assert allowed_methods(path) == methods


def test_every_route_has_an_owner_for_each_of_its_methods() -> None:
    for route in ROUTES:
        for method in route.methods:
            assert owner(method, "/api/v1" + route.path) in set(Owner), route
            if route.bare:
                assert owner(method, route.path) is owner(method, "/api/v1" + route.path), route
