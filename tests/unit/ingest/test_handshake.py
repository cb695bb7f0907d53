"""The CloudEvents webhook handshake: who may send here is told by OPTIONS, at integrations of that source and nowhere else."""

import pytest

from tests.unit.ingest.gateway import (
    ACME,
    ACME_PARTITION,
    ALERTMANAGER,
    PAGER,
    SECRET,
    Gateway,
    directory,
    integration,
    running,
    secret,
    tenant,
)
from tocsin_contracts.envelope import Kind

PATH = f"/api/v1/webhooks/cloudevents/{PAGER}"
ASKED = {"WebHook-Request-Origin": "eventgrid.azure.net"}
EVENTS = integration(PAGER, ACME, "cloudevents", secret(SECRET), rate_limit_per_min=120)
KNOWN = directory((EVENTS,))


async def ask(gateway: Gateway, path: str = PATH, **headers: str) -> tuple[int, str | None, str | None]:
    sent = ASKED | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await gateway.send("OPTIONS", path, headers=sent)
    return answer.status, answer.headers.get("WebHook-Allowed-Origin"), answer.headers.get("WebHook-Allowed-Rate")


async def test_a_sender_is_permitted_at_the_rate_of_the_integration() -> None:
    async with running(KNOWN) as gateway:
        answer = await gateway.send("OPTIONS", PATH, headers=ASKED)

        assert (answer.status, answer.body, answer.headers["Allow"]) == (200, b"", "POST, OPTIONS")
        assert await ask(gateway) == (200, "eventgrid.azure.net", "120")
        assert gateway.records(ACME_PARTITION, Kind.DELIVERY) == []


@pytest.mark.parametrize(
    ("asked", "rate"), [("60", "60"), ("120", "120"), ("9999", "120"), ("0", "120"), ("x", "120"), ("", "120")]
)
async def test_no_more_is_permitted_than_was_asked_for(asked: str, rate: str) -> None:
    async with running(KNOWN) as gateway:
        assert (await ask(gateway, WebHook_Request_Rate=asked))[2] == rate


async def test_no_more_is_permitted_than_the_tenant_has() -> None:
    async with running(directory((EVENTS,), tenants=(tenant(ACME, ACME_PARTITION, rate=90),))) as gateway:
        assert (await ask(gateway))[2] == "90"


async def test_credentials_that_come_must_be_right_and_none_are_needed() -> None:
    """Azure asks without any; the specification: the handshake establishes no authorization."""
    async with running(KNOWN) as gateway:
        assert (await ask(gateway, Authorization=f"Bearer {SECRET}"))[0] == 200
        assert await ask(gateway, Authorization="Bearer wrong") == (401, None, None)


@pytest.mark.parametrize("origin", ["", "a b", "x" * 254, "é.example", "a,b", "-", "a\tb"])
async def test_an_options_that_names_no_origin_asks_for_nothing(origin: str) -> None:
    async with running(KNOWN) as gateway:
        assert await ask(gateway, WebHook_Request_Origin=origin) == (405, None, None)
        assert (await gateway.send("OPTIONS", PATH)).status == 405


@pytest.mark.parametrize("path", [ALERTMANAGER, "/api/v1/webhooks/cloudevents/" + "0" * 26, "/api/v1/webhooks/nobody/x"])
async def test_nobody_else_is_asked(path: str) -> None:
    pager = integration(PAGER, ACME, "alertmanager", secret(SECRET))
    async with running(directory((pager,))) as gateway:
        assert await ask(gateway, path) == (405, None, None)


async def test_a_disabled_integration_permits_nothing() -> None:
    off = integration(PAGER, ACME, "cloudevents", secret(SECRET), enabled=False)
    async with running(directory((off,))) as gateway:
        assert await ask(gateway) == (405, None, None)
