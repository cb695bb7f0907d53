"""The paths that the source documents name (A1, A3, E1, C), through the one public address, and what is never public."""

from collections.abc import AsyncIterator, Iterator, Mapping

import aiohttp
import pytest
from yarl import URL

from tests.support.bodies import alertmanager, am_alert, hook, sentry_event
from tests.support.customer import CANARIES, Customer, move_in
from tests.support.instance import Instance, eventually
from tests.support.servers import scratch
from tests.support.strangers import stranger
from tests.support.system import Answer, System
from tocsin.local.environment import forwarder_environment
from tocsin.local.ports import Ports
from tocsin.servers.free_port import free_ports

FIRING = alertmanager(am_alert())
EVENT = sentry_event()
ALERTMANAGER, SENTRY = "/api/v1/alerts/webhook/alertmanager", "/webhooks/sentry"
PRIVATE = [
    "/-/healthy",
    "/-/ready",
    "/-/",
    "/metrics",
    "/metrics/",
    "//metrics",
    "/./metrics",
    "/api/../metrics",
    "/api/v1/../../-/ready",
    "/%6detrics",
    "/-/%72eady",
    "/%2d/ready",
    "/x/..%2f..%2fmetrics",
]


class Public:
    """The one address that senders and people know."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        query: str = "",
    ) -> Answer:
        """Ask for a path exactly as it is written."""
        url = URL(f"{self._url}{path}{query}", encoded=True)
        async with self._session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
            return Answer(status=answer.status, headers=dict(answer.headers), body=await answer.read())


@pytest.fixture(scope="module")
def forwarder(shared: System) -> Iterator[Instance]:
    (port,) = free_ports(1)
    ingest, query = (URL(shared.instance(name).url).port or 0 for name in ("ingest", "query"))
    ports = Ports(public=port, ingest=ingest, normalizer=0, grouper=0, query=query, kafka=0, kafka_controller=0, postgres=0)
    with scratch() as directory:
        running = Instance("forwarder", "tocsin.local.forwarder", port, forwarder_environment(ports), directory / "forwarder.log")
        running.start()
        yield running
        running.kill()


@pytest.fixture
async def public(forwarder: Instance) -> AsyncIterator[Public]:
    await eventually(lambda: _listens(forwarder), what="the public address answers")
    async with aiohttp.ClientSession() as session:
        yield Public(forwarder.url, session)


@pytest.fixture
async def prometheus(shared: System) -> Customer:
    return await move_in(shared)


@pytest.fixture
async def sentry(shared: System) -> Customer:
    return await move_in(shared, "sentry")


@pytest.mark.parametrize("prefix", ["/api/v1/webhooks", "/webhooks", "/api/v1/alerts/webhook", "/alerts/webhook"])
async def test_an_integration_in_the_path(shared: System, prometheus: Customer, prefix: str) -> None:
    signed = prometheus.sender.signed(FIRING)
    answer = await shared.request(
        "POST", f"{prefix}/alertmanager/{prometheus.sender.id}", headers=signed, body=FIRING, service="ingest"
    )
    assert answer.status == 202


async def test_the_path_of_document_a_with_a_tenant_in_the_query(public: Public, prometheus: Customer) -> None:
    """The tenant's id finds its only Alertmanager; the integration's secret authorizes."""
    query, signed = f"?tenant_id={prometheus.tenant.id}", prometheus.sender.signed(FIRING)
    answer = await public.ask("POST", ALERTMANAGER, headers=signed, body=FIRING, query=query)
    assert answer.status == 202, answer.body
    assert (await prometheus.outcome(answer.json()["delivery_id"]))["outcome"] == "processed"
    assert (await prometheus.incident())["source"] == "alertmanager"


@pytest.mark.parametrize("named", ["query", "header", "only"])
async def test_the_path_of_document_e_names_its_integration_in_three_ways(public: Public, sentry: Customer, named: str) -> None:
    query = {"query": f"?integration={sentry.sender.id}", "only": f"?tenant_id={sentry.tenant.id}"}.get(named, "")
    extra = {"x-tocsin-integration": sentry.sender.id} if named == "header" else {}
    signed = sentry.sender.signed(EVENT, {**hook("event_alert"), **extra})
    answer = await public.ask("POST", SENTRY, headers=signed, body=EVENT, query=query)
    assert answer.status == 202, answer.body
    assert (await sentry.outcome(answer.json()["delivery_id"]))["outcome"] == "processed"


async def test_a_tenants_id_alone_authorizes_nothing(public: Public, prometheus: Customer, shared: System) -> None:
    stranger = await move_in(shared)
    query = f"?tenant_id={prometheus.tenant.id}"
    plain = {"content-type": "application/json"}
    assert (await public.ask("POST", ALERTMANAGER, headers=plain, body=FIRING, query=query)).status == 401
    assert (
        await public.ask("POST", ALERTMANAGER, headers=stranger.sender.signed(FIRING), body=FIRING, query=query)
    ).status == 401
    assert (await public.ask("POST", ALERTMANAGER, headers=prometheus.sender.signed(FIRING), body=FIRING)).status == 401
    assert await prometheus.incidents() == []


async def test_with_two_integrations_of_a_source_the_tenant_names_none(public: Public, shared: System) -> None:
    first = await move_in(shared)
    second = await move_in(shared, tenant=first.tenant)
    for customer in (first, second):
        signed = customer.sender.signed(FIRING)
        tenant = await public.ask("POST", ALERTMANAGER, headers=signed, body=FIRING, query=f"?tenant_id={first.tenant.id}")
        named = await public.ask("POST", ALERTMANAGER, headers=signed, body=FIRING, query=f"?integration={customer.sender.id}")
        assert (tenant.status, named.status) == (401, 202)


async def test_a_malformed_body_of_sentry_is_a_clear_400(public: Public, sentry: Customer) -> None:
    body = EVENT[:-20]
    signed = sentry.sender.signed(body, hook("event_alert"))
    answer = await public.ask("POST", SENTRY, headers=signed, body=body, query=f"?integration={sentry.sender.id}")
    assert (answer.status, answer.json()["code"], answer.json()["title"]) == (400, "not-json", "Bad Request")


async def test_every_read_answers_at_its_bare_path_too(public: Public, prometheus: Customer) -> None:
    shown = await prometheus.settle(FIRING)
    incident, alert = shown["incident_ids"][0], shown["events"][0]["alert_id"]
    paths = ["/incidents", f"/incidents/{incident}", "/alerts", f"/alerts/{alert}", f"/deliveries/{shown['id']}"]
    paths += [f"/deliveries/{shown['id']}/body", "/incidents?status=OPEN&severity=critical&limit=1&offset=0"]
    bearer = {"authorization": f"Bearer {prometheus.key}"}
    for path in paths:
        bare, canonical = [await public.ask("GET", prefix + path, headers=bearer) for prefix in ("", "/api/v1")]
        assert (bare.status, canonical.status) == (200, 200), path
        if not path.endswith("/body"):
            assert {**bare.json(), "as_of": None} == {**canonical.json(), "as_of": None}


async def test_a_command_at_its_bare_path(public: Public, prometheus: Customer) -> None:
    incident = (await prometheus.settle(FIRING))["incident_ids"][0]
    headers = {"authorization": f"Bearer {prometheus.key}", "content-type": "application/json"}
    answer = await public.ask("PATCH", f"/incidents/{incident}/status", headers=headers, body=b'{"status":"RESOLVED"}')
    assert (answer.status, answer.json()["status"]) == (200, "RESOLVED")
    decided = await public.ask("GET", f"/commands/{answer.json()['command_id']}", headers=headers)
    assert decided.json()["outcome"] == "applied"


async def test_s17_a_url_with_a_token_is_public_and_stands_in_no_line(
    public: Public, forwarder: Instance, prometheus: Customer, shared: System
) -> None:
    """At every path that names an integration; the public address writes down no path at all."""
    place, headers = f"/api/v1/integrations/{prometheus.sender.id}", {"content-type": "application/json"}
    key = {"authorization": f"Bearer {prometheus.key}"}
    opted = await public.ask("PATCH", place, headers=headers | key, body=b'{"url_token":true}')
    token = str(opted.json()["url_with_token"]).rsplit("/", 1)[1]
    CANARIES.update((token, token.removeprefix("tocsin_url_").rsplit("_", 1)[0]))

    async def taken() -> bool:
        """Ask as somebody new each time, as wrong tokens count against their address."""
        asked = await shared.request("POST", f"{prometheus.sender.path}/t/{token}", headers=headers | stranger(), body=FIRING)
        return asked.status == 202

    await eventually(taken, what="the token is taken")
    for prefix in ("/api/v1/webhooks", "/webhooks", "/api/v1/alerts/webhook", "/alerts/webhook"):
        path = f"{prefix}/alertmanager/{prometheus.sender.id}/t/{token}"
        assert (await public.ask("POST", path, headers=headers, body=FIRING)).status == 202
        assert (await public.ask("POST", f"{path[:-1]}-", headers=headers, body=FIRING)).status == 401
        assert (await public.ask("GET", path)).status == 405
    assert not [line for line in forwarder.log.read_text().splitlines() if "tocsin_url_" in line or "/t/" in line]


@pytest.mark.parametrize("path", PRIVATE)
async def test_probes_and_metrics_are_never_public(public: Public, path: str) -> None:
    """Whatever the spelling and the method: no word of a metric or a probe."""
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        answer = await public.ask(method, path)
        assert answer.status in {404, 405}, method
        for word in (b"tocsin_", b"# HELP", b"healthy", b'"ready"', b"not ready"):
            assert word not in answer.body


async def _listens(forwarder: Instance) -> bool:
    return await forwarder.probe("/api/v1/openapi.json") == 200
