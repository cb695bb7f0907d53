"""Bodies of deliveries, by position."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest

from tests.unit.ingest.gateway import (
    ACME,
    ACME_PARTITION,
    BEARER,
    BODY,
    RIVAL,
    RIVAL_PARTITION,
    Answer,
    Gateway,
    running,
)
from tocsin_contracts.ids import delivery_id, parse_delivery_id
from tocsin_contracts.position import Position
from tocsin_contracts.topics import LOG
from tocsin_runtime.clock import ManualClock


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running() as gateway:
        await gateway.next_tick()
        yield gateway


async def body(gateway: Gateway, delivery: str, key: str = "writer", method: str = "GET") -> Answer:
    return await gateway.send(method, f"/api/v1/deliveries/{delivery}/body", headers={"Authorization": gateway.keys[key]})


async def accepted(gateway: Gateway, **headers: str) -> str:
    answer = await gateway.post(headers=BEARER | {"Content-Type": "application/json; charset=utf-8"} | headers)
    return str(answer.json["delivery_id"])


async def test_a_body_comes_back_as_it_was_sent(gateway: Gateway) -> None:
    delivery = await accepted(gateway)
    answer = await body(gateway, delivery)

    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{delivery}.body"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_a_compressed_body_comes_back_decoded(gateway: Gateway) -> None:
    answer = await gateway.post(body=gzip.compress(BODY), headers=BEARER | {"Content-Encoding": "gzip"})
    found = await body(gateway, answer.json["delivery_id"])
    assert (found.body, found.headers["X-Tocsin-Received-Encoding"]) == (BODY, "gzip")
    assert "Content-Encoding" not in found.headers


async def test_head_tells_of_a_body_without_it(gateway: Gateway) -> None:
    answer = await body(gateway, await accepted(gateway), method="HEAD")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", str(len(BODY)))


async def test_a_delivery_of_another_tenant_is_404(gateway: Gateway) -> None:
    delivery = await accepted(gateway)
    answer = await body(gateway, delivery, key="rival")
    assert (answer.status, answer.problem) == (404, "not-found")


async def test_an_id_forged_for_ones_own_tenant_opens_no_other_record(gateway: Gateway) -> None:
    """The hash is no secret: whoever knows their tenant can compute one for any position. The record's word decides."""
    mine = parse_delivery_id(ACME, await accepted(gateway))
    for forged in (delivery_id(RIVAL, mine), delivery_id(RIVAL, Position(RIVAL_PARTITION, 0))):
        assert (await body(gateway, forged, key="rival")).status == 404


async def test_two_tenants_of_one_partition_do_not_meet(gateway: Gateway) -> None:
    offset = parse_delivery_id(ACME, await accepted(gateway)).offset
    record = gateway.log.topics[LOG].partitions[ACME_PARTITION].records[offset]
    copied = gateway.log.topics[LOG].partitions[RIVAL_PARTITION]
    copied.records.append(record._replace(partition=RIVAL_PARTITION, offset=copied.next))

    forged = delivery_id(RIVAL, Position(RIVAL_PARTITION, copied.next - 1))
    assert (await body(gateway, forged, key="rival")).status == 404


@pytest.mark.parametrize("delivery", ["ABC", "0" * 21, "%00", "x" * 300])
async def test_what_is_no_id_is_404(gateway: Gateway, delivery: str) -> None:
    assert (await body(gateway, delivery)).status == 404


async def test_a_position_that_is_a_tick_is_404(gateway: Gateway) -> None:
    assert (await body(gateway, delivery_id(ACME, Position(ACME_PARTITION, 0)))).status == 404


@pytest.mark.parametrize("ahead", [0, 1000])
async def test_a_position_that_is_not_written_yet_is_404(gateway: Gateway, ahead: int) -> None:
    end = gateway.log.topics[LOG].partitions[ACME_PARTITION].next
    assert (await body(gateway, delivery_id(ACME, Position(ACME_PARTITION, end + ahead)))).status == 404


async def test_a_body_that_retention_took_is_410(gateway: Gateway) -> None:
    delivery = await accepted(gateway)
    await accepted(gateway)
    await gateway.log.admin().truncate(LOG, ACME_PARTITION, parse_delivery_id(ACME, delivery).offset + 1)
    answer = await body(gateway, delivery)
    assert (answer.status, answer.problem) == (410, "gone")


async def test_a_content_type_that_is_no_line_of_text_becomes_a_download(gateway: Gateway) -> None:
    delivery = await accepted(gateway, **{"Content-Type": "text/html\u00ff"})
    assert (await body(gateway, delivery)).headers["Content-Type"] == "application/octet-stream"


async def test_html_of_a_sender_runs_nowhere(gateway: Gateway) -> None:
    delivery = await accepted(gateway, **{"Content-Type": "text/html"})
    answer = await body(gateway, delivery)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


async def test_a_key_without_the_scope_is_403(gateway: Gateway) -> None:
    assert (await body(gateway, await accepted(gateway), key="reader")).status == 403


async def test_reads_have_a_quota() -> None:
    async with running(clock=ManualClock(), bodies_burst=1) as gateway:
        delivery = await accepted(gateway)
        assert [(await body(gateway, delivery)).status for _ in range(2)] == [200, 429]


async def test_another_method_is_405(gateway: Gateway) -> None:
    answer = await body(gateway, await accepted(gateway), method="DELETE")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
