"""Webhooks on a real socket: every answer, and the order in which things are checked."""

from __future__ import annotations

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest

from tests.unit.ingest.gateway import (
    ACME,
    ACME_PARTITION,
    ALERTMANAGER,
    BEARER,
    BODY,
    DISABLED,
    ERRORS,
    INTEGRATIONS,
    OLD_SECRET,
    PAGER,
    RIVAL,
    RIVAL_SECRET,
    SECRET,
    SENTRY,
    SIGNING,
    Gateway,
    directory,
    integration,
    running,
    secret,
    tenant,
)
from tocsin_contracts.envelope import Kind
from tocsin_contracts.ids import IntegrationId, parse_delivery_id
from tocsin_contracts.routes import DELIVERY_METHODS
from tocsin_control.signature_style import SignatureStyle
from tocsin_runtime.clock import ManualClock
from tocsin_sources import registry
from tocsin_sources.signature import HmacSha256Hex

SIGNER = HmacSha256Hex("sentry-hook-signature")


def signed(body: bytes, key: str = SIGNING) -> dict[str, str]:
    return SIGNER.sign(body, key.encode())


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running() as gateway:
        yield gateway


async def test_an_accepted_delivery_lies_in_its_tenants_partition_as_it_came(gateway: Gateway) -> None:
    answer = await gateway.post(headers=BEARER | {"Content-Type": "application/json"})

    assert answer.status == 202
    assert answer.json["status"] == "accepted"
    assert answer.headers["Location"] == f"/api/v1/deliveries/{answer.json['delivery_id']}"
    record = gateway.stored(answer)
    assert record.value == BODY
    assert record.key == ACME.encode()
    envelope = gateway.envelope()
    assert (envelope.tenant, envelope.integration, envelope.source) == (ACME, PAGER, "alertmanager")
    assert envelope.integration_version == 7
    assert envelope.content_type == "application/json"


async def test_only_headers_that_the_source_names_are_kept(gateway: Gateway) -> None:
    headers = signed(BODY) | {"Sentry-Hook-Resource": "issue", "Request-ID": "abc", "Cookie": "canary", "X-Other": "canary"}
    answer = await gateway.post(SENTRY, headers=headers)

    assert answer.status == 202
    assert gateway.envelope().headers == {"sentry-hook-resource": "issue", "request-id": "abc"}


async def test_header_bytes_that_are_no_text_become_replacement_characters(gateway: Gateway) -> None:
    raw = (
        f"POST {SENTRY} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n"
        f"Sentry-Hook-Signature: {signed(BODY)['sentry-hook-signature']}\r\nConnection: close\r\n"
    ).encode() + b"Sentry-Hook-Resource: \xff\xfe\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
    writer.write(raw + BODY)
    status = await reader.readline()
    writer.close()

    assert b"202" in status
    assert gateway.envelope().headers == {"sentry-hook-resource": "\ufffd\ufffd"}


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {SECRET}",
        f"bearer {OLD_SECRET}",
        "Basic " + base64.b64encode(f"anybody:{SECRET}".encode()).decode(),
    ],
    ids=["bearer", "previous-secret", "basic"],
)
async def test_both_secrets_open_by_bearer_and_basic(gateway: Gateway, authorization: str) -> None:
    assert (await gateway.post(headers={"Authorization": authorization})).status == 202


async def test_the_secret_that_proved_a_request_is_noted(gateway: Gateway) -> None:
    await gateway.post(headers={"Authorization": f"Bearer {OLD_SECRET}"})
    assert gateway.control.secrets_used == [(PAGER, 1)]


async def test_a_secret_past_its_end_no_longer_opens() -> None:
    clock = ManualClock()
    ending = integration(
        PAGER, ACME, "alertmanager", secret(SECRET, 2), secret(OLD_SECRET, 1, not_after=clock.now() + 60_000_000)
    )
    async with running(directory((ending,)), clock=clock) as gateway:
        old = {"Authorization": f"Bearer {OLD_SECRET}"}
        assert (await gateway.post(headers=old)).status == 202
        clock.advance(60)
        assert (await gateway.post(headers=old)).status == 401
        assert (await gateway.post()).status == 202


async def test_an_hmac_covers_the_bytes_as_received(gateway: Gateway) -> None:
    assert (await gateway.post(SENTRY, headers=signed(BODY))).status == 202
    assert (await gateway.post(SENTRY, BODY + b" ", signed(BODY))).status == 401
    assert (await gateway.post(SENTRY, BODY, signed(BODY, "another"))).status == 401


async def test_an_hmac_over_a_gzip_body_covers_the_compressed_bytes(gateway: Gateway) -> None:
    raw = gzip.compress(BODY)
    answer = await gateway.post(SENTRY, raw, signed(raw) | {"Content-Encoding": "gzip"})

    assert answer.status == 202
    assert gateway.stored(answer).value == BODY
    assert gateway.envelope().encoding == "gzip"
    assert (await gateway.post(SENTRY, raw, signed(BODY) | {"Content-Encoding": "gzip"})).status == 401


async def test_a_style_of_its_own_replaces_the_sources_signature() -> None:
    style = SignatureStyle(header="X-Our-Signature", format="sha256=hex")
    own = integration(ERRORS, ACME, "sentry", secret(SIGNING), signature_style=style)
    async with running(directory((own,))) as gateway:
        headers = HmacSha256Hex("x-our-signature", prefix="sha256=").sign(BODY, SIGNING.encode())
        assert (await gateway.post(SENTRY, headers=headers)).status == 202
        assert (await gateway.post(SENTRY, headers=signed(BODY))).status == 401


async def test_an_integration_may_take_unsigned_requests_but_never_wrongly_signed_ones() -> None:
    lenient = integration(ERRORS, ACME, "sentry", secret(SIGNING), signature_required=False)
    async with running(directory((lenient,))) as gateway:
        assert (await gateway.post(SENTRY, headers={})).status == 202
        assert (await gateway.post(SENTRY, headers=signed(BODY))).status == 202
        assert (await gateway.post(SENTRY, headers=signed(BODY, "another"))).status == 401


UNAUTHENTIC = {
    "no-credentials": (ALERTMANAGER, {}),
    "wrong-secret": (ALERTMANAGER, {"Authorization": "Bearer wrong"}),
    "another-tenants-secret": (ALERTMANAGER, {"Authorization": f"Bearer {RIVAL_SECRET}"}),
    "garbled": (ALERTMANAGER, {"Authorization": "Basic !!!"}),
    "unknown-integration": (f"/api/v1/webhooks/alertmanager/{'0' * 26}", BEARER),
    "integration-of-another-source": (f"/api/v1/webhooks/sentry/{PAGER}", BEARER),
    "another-tenant-named": (f"{ALERTMANAGER}?tenant_id={RIVAL}", BEARER),
    "tenant-alone": (f"/api/v1/alerts/webhook/alertmanager?tenant_id={ACME}", {}),
    "nobody-named": ("/api/v1/alerts/webhook/alertmanager", BEARER),
    "unknown-tenant": (f"/webhooks/sentry?tenant_id={'0' * 26}", {}),
}


@pytest.mark.parametrize("case", UNAUTHENTIC)
async def test_whoever_proves_nothing_gets_one_answer(gateway: Gateway, case: str) -> None:
    """401 says the same for an unknown integration and a wrong secret, and names no reason (security S10)."""
    path, headers = UNAUTHENTIC[case]
    answer = await gateway.post(path, headers=headers)

    assert (answer.status, answer.problem) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tocsin"'
    assert {name: value for name, value in answer.json.items() if name != "instance"} == {
        "type": "https://tocsin.dev/problems/unauthenticated",
        "title": "Unauthorized",
        "status": 401,
        "detail": "These credentials do not open this.",
    }
    assert not gateway.deliveries()


@pytest.mark.parametrize(
    "path",
    [
        f"/api/v1/alerts/webhook/alertmanager?tenant_id={ACME}",
        f"/alerts/webhook/alertmanager?tenant_id={ACME}",
        f"/api/v1/alerts/webhook/alertmanager?integration={PAGER}",
        f"/webhooks/alertmanager?integration={PAGER}&tenant_id={ACME}",
        f"/webhooks/alertmanager/{PAGER}",
        f"{ALERTMANAGER}/",
    ],
)
async def test_the_paths_of_the_source_documents_answer_too(gateway: Gateway, path: str) -> None:
    """A1, A3: the tenant's only integration of a source, or one named by query; its secret authorises."""
    answer = await gateway.post(path)
    assert answer.status == 202
    assert gateway.envelope().integration == PAGER


async def test_a_header_may_name_the_integration(gateway: Gateway) -> None:
    answer = await gateway.post("/webhooks/sentry", headers=signed(BODY) | {"X-Tocsin-Integration": ERRORS})
    assert answer.status == 202


async def test_a_tenants_only_enabled_integration_is_meant(gateway: Gateway) -> None:
    """The tenant has a second sentry integration, but that one is disabled."""
    assert (await gateway.post(f"/webhooks/sentry?tenant_id={ACME}", headers=signed(BODY))).status == 202


async def test_two_integrations_of_a_source_must_be_told_apart() -> None:
    second = integration(IntegrationId("0" * 25 + "2"), ACME, "alertmanager", secret(SECRET))
    async with running(directory((*INTEGRATIONS, second))) as gateway:
        assert (await gateway.post(f"/webhooks/alertmanager?tenant_id={ACME}")).status == 401


async def test_a_disabled_integration_says_so_to_its_owner_alone(gateway: Gateway) -> None:
    path = f"/api/v1/webhooks/sentry/{DISABLED}"
    answer = await gateway.post(path, headers=signed(BODY))

    assert (answer.status, answer.problem) == (403, "forbidden")
    assert (await gateway.post(path, headers=signed(BODY, "another"))).status == 401


@pytest.mark.parametrize("path", ["/", "/api/v1/webhooks/nosuchtool/ABC", "/api/v1/nothing", "/api/v1/webhooks/alertmanager/a/b"])
async def test_an_unknown_path_is_404(gateway: Gateway, path: str) -> None:
    answer = await gateway.post(path)
    assert (answer.status, answer.problem) == (404, "not-found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE", "PATCH"])
async def test_another_method_is_405_whatever_a_header_claims(gateway: Gateway, method: str) -> None:
    answer = await gateway.send(method, ALERTMANAGER, headers=BEARER | {"X-HTTP-Method-Override": "POST"})
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert answer.problem == "method-not-allowed"


@pytest.mark.parametrize("prefix", ["/api/v1/webhooks", "/webhooks", "/api/v1/alerts/webhook", "/alerts/webhook"])
async def test_what_grafana_puts_is_a_delivery_as_what_it_posts(prefix: str) -> None:
    """Its contact point has an option for the method; signature, answer and record are the same."""
    pager = integration(PAGER, ACME, "grafana", secret(SECRET))
    async with running(directory((pager,))) as gateway:
        answers = [
            await gateway.send(
                method, f"{prefix}/grafana/{PAGER}", data=BODY, headers=BEARER | {"Content-Type": "application/json"}
            )
            for method in ("POST", "PUT")
        ]
        assert [answer.status for answer in answers] == [202, 202]
        posted, put = gateway.records(ACME_PARTITION, Kind.DELIVERY)
        assert (put.key, put.value) == (posted.key, posted.value) == (posted.key, BODY)

        wrong = await gateway.send("PUT", f"{prefix}/grafana/{PAGER}", data=BODY, headers={"Authorization": "Bearer wrong"})
        assert (wrong.status, wrong.problem) == (401, "unauthenticated")
        for method in ("GET", "PATCH", "OPTIONS", "DELETE"):
            other = await gateway.send(method, f"{prefix}/grafana/{PAGER}", headers=BEARER)
            assert (other.status, other.headers["Allow"]) == (405, "POST, PUT")


async def test_put_is_taken_from_no_sender_that_cannot_be_set_to_it(gateway: Gateway) -> None:
    """Not at another source's path, whatever the integration; what lies at no source is 404 by either method."""
    for name in set(registry.names()) - {"grafana"}:
        answer = await gateway.send("PUT", f"/api/v1/webhooks/{name}/{PAGER}", data=BODY, headers=BEARER)
        assert (answer.status, answer.headers["Allow"]) == (405, "POST"), name
    assert (await gateway.send("PUT", "/api/v1/webhooks/nosuchtool/x", data=BODY)).status == 404
    assert gateway.records(ACME_PARTITION, Kind.DELIVERY) == []


def test_every_source_takes_post_and_what_the_route_table_knows() -> None:
    for name in registry.names():
        source = registry.get(name)
        assert source is not None
        assert "POST" in source.methods
        assert set(source.methods) <= set(DELIVERY_METHODS)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/incidents", "GET, HEAD"),
        ("POST", "/alerts/x", "GET, HEAD"),
        ("POST", "/api/v1/incidents/x/status", "PATCH"),
        ("PUT", "/api/v1/deliveries/x/body", "GET, HEAD"),
    ],
)
async def test_a_path_that_is_only_read_is_405_here_in_the_same_words(
    gateway: Gateway, method: str, path: str, allowed: str
) -> None:
    """The public address sends everything but reads here: what the query service would say is said here too."""
    answer = await gateway.send(method, path)
    assert (answer.status, answer.headers["Allow"], answer.problem) == (405, allowed, "method-not-allowed")
    assert answer.json["detail"] == f"This path takes {allowed}."


async def test_202_is_never_said_before_the_log_acknowledged() -> None:
    """P1: with the broker frozen nothing is answered; thawed, the same request is."""
    async with running() as gateway:
        await gateway.post()
        gateway.log.freeze()
        waiting = asyncio.create_task(gateway.post())
        await gateway.log.until_handed(2)
        assert not waiting.done()
        gateway.log.thaw()
        assert (await waiting).status == 202


async def test_a_silent_log_is_503_at_the_deadline() -> None:
    async with running(append_deadline_s=0.05) as gateway:
        gateway.log.freeze()
        answer = await gateway.post()

        assert (answer.status, answer.problem) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "1"
        assert "may be stored" in answer.json["detail"]


@pytest.mark.parametrize("stored", [True, False])
async def test_a_failed_append_is_503_whether_it_was_stored_or_not(gateway: Gateway, stored: bool) -> None:
    await gateway.next_tick()
    gateway.log.fail_next_appends(1, stored=stored)
    assert (await gateway.post()).status == 503
    assert (await gateway.post()).status == 202
    assert len(gateway.deliveries()) == 1 + stored


async def test_a_full_queue_is_503_at_once() -> None:
    async with running(queued_max_bytes=2 << 20, append_deadline_s=4) as gateway:
        gateway.log.freeze()
        large = b'"' + b"x" * 900_000 + b'"'
        first = [asyncio.create_task(gateway.post(body=large)) for _ in range(2)]
        await gateway.log.until_handed(2)
        assert (await gateway.post(body=large)).status == 503
        gateway.log.thaw()
        assert [answer.status for answer in await asyncio.gather(*first)] == [202, 202]


async def test_too_many_requests_under_way_are_503() -> None:
    async with running(in_flight_max=1) as gateway:
        gateway.log.freeze()
        first = asyncio.create_task(gateway.post())
        await gateway.log.until_handed(1)
        assert (await gateway.post()).status == 503
        gateway.log.thaw()
        assert (await first).status == 202


async def test_a_gateway_that_knows_nobody_answers_503_and_never_401() -> None:
    async with running(unknown=True) as gateway:
        answer = await gateway.post()
        assert (answer.status, answer.problem) == (503, "unavailable")
        ready = await gateway.send("GET", "/-/ready")
        assert ready.status == 503
        gateway.control.put(directory())
        assert (await gateway.post()).status == 202


async def test_secrets_that_cannot_be_read_are_503_and_never_401() -> None:
    sealed = integration(PAGER, ACME, "alertmanager", secrets_unreadable=1)
    async with running(directory((sealed,))) as gateway:
        assert (await gateway.post()).status == 503


async def test_a_new_directory_is_in_force_at_the_next_request(gateway: Gateway) -> None:
    assert (await gateway.post()).status == 202
    gateway.control.put(directory((integration(PAGER, ACME, "alertmanager", secret("new")),)))
    assert (await gateway.post()).status == 401
    assert (await gateway.post(headers={"Authorization": "Bearer new"})).status == 202


async def test_delivery_ids_of_another_tenant_parse_as_nothing(gateway: Gateway) -> None:
    answer = await gateway.post()
    with pytest.raises(ValueError, match="not a delivery id"):
        parse_delivery_id(RIVAL, answer.json["delivery_id"])


async def test_an_old_http_client_gets_the_same_answer_and_a_closed_connection(gateway: Gateway) -> None:
    quick = await gateway.post()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
    head = f"POST {ALERTMANAGER} HTTP/1.0\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    writer.write(head.encode() + BODY)
    head_bytes, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    fields = dict(line.split(": ", 1) for line in head_bytes.decode().splitlines()[1:])

    assert b" 202 " in head_bytes.splitlines()[0] + b" "
    assert orjson.loads(body).keys() == quick.json.keys()
    assert fields.keys() >= quick.headers.keys()


async def test_many_requests_on_one_connection_are_answered_in_order(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
    head = f"POST {ALERTMANAGER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    writer.write((head.encode() + BODY) * 40)
    ids = []
    for _ in range(40):
        answer = await reader.readuntil(b'"status":"accepted"}')
        ids.append(orjson.loads(answer.partition(b"\r\n\r\n")[2])["delivery_id"])
    writer.close()
    assert [parse_delivery_id(ACME, each).offset for each in ids] == sorted(parse_delivery_id(ACME, each).offset for each in ids)


async def test_another_tenants_limit_is_nobody_elses() -> None:
    flooder = replace(INTEGRATIONS[-1], rate_limit_per_min=1, burst=1)
    tenants = (tenant(ACME, 1), tenant(RIVAL, 1))
    async with running(directory((*INTEGRATIONS[:-1], flooder), tenants=tenants)) as gateway:
        path, headers = f"/webhooks/alertmanager/{flooder.id}", {"Authorization": f"Bearer {RIVAL_SECRET}"}
        flood = [(await gateway.post(path, headers=headers)).status for _ in range(5)]
        assert flood == [202, 429, 429, 429, 429]
        assert (await gateway.post()).status == 202
