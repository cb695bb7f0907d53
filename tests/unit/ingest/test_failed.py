"""Failed deliveries at the gateway: tried, sent again, let be; many at once, paced, with an end (DESIGN 3, "Redrive")."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from tests.unit.ingest.folding import InMemoryFailed
from tests.unit.ingest.gateway import ACME, ACME_PARTITION, BEARER, BODY, PAGER, Answer, Gateway, running
from tocsin_contracts.ids import delivery_id, parse_delivery_id
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Outcome, Reason
from tocsin_contracts.position import Position
from tocsin_ingest.domain.redrive import FailureBound, next_chunk
from tocsin_ingest.failed.bulk import CHUNK, FIRST

ALL = {"rate": 1000, "max": 1000}


@asynccontextmanager
async def folded(**settings: Any) -> AsyncIterator[tuple[Gateway, InMemoryFailed]]:
    """A gateway beside a fold that understands nothing, until a test mends it."""
    made: list[InMemoryFailed] = []

    def store(log: Any) -> InMemoryFailed:
        made.append(InMemoryFailed(log))
        return made[0]

    async with running(failed=store, **settings) as gateway:
        yield gateway, made[0]


async def fails(gateway: Gateway, count: int = 1, **headers: str) -> list[str]:
    answers = [await gateway.post(headers=BEARER | {"Content-Type": "application/json"} | headers) for _ in range(count)]
    return [answer.json["delivery_id"] for answer in answers]


def places(deliveries: list[str]) -> list[int]:
    return [parse_delivery_id(ACME, each).offset for each in deliveries]


async def ask(gateway: Gateway, path: str, body: object = None, key: str = "redriver") -> Answer:
    headers = {"Authorization": gateway.keys[key], "Content-Type": "application/json"}
    return await gateway.send(
        "POST", f"/api/v1/deliveries/{path}", headers=headers, data=orjson.dumps({} if body is None else body)
    )


async def test_a_redrive_is_a_new_record_of_the_same_bytes() -> None:
    """Headers, query, content type and received time are the original's; settings, request and place are new."""
    async with folded() as (gateway, _):
        (failed,) = await fails(gateway)
        answer = await ask(gateway, f"{failed}/redrive")
        before, after = gateway.deliveries()
        original, redrive = gateway.envelope(0), gateway.envelope(1)

        assert (answer.status, answer.json["redrive_of"]) == (202, failed)
        assert answer.headers["Location"] == f"/api/v1/deliveries/{answer.json['delivery_id']}"
        assert gateway.stored(answer).offset == after.offset
        assert (after.value, after.key) == (before.value, before.key) == (BODY, ACME.encode())
        assert redrive.redrive_of == str(parse_delivery_id(ACME, failed))
        changed = {"redrive_of": None, "request_id": original.request_id}
        assert redrive.model_copy(update=changed) == original


async def test_the_settings_of_today_decide_a_redrive() -> None:
    """What was mended may be the integration's mapping: a redrive under the old version would fail for ever."""
    async with folded() as (gateway, _):
        (failed,) = await fails(gateway)
        before = gateway.control.directory
        assert before is not None
        newer = {**before.integrations, PAGER: replace(before.integrations[PAGER], version=8)}
        gateway.control.put(replace(before, integrations=newer))
        await ask(gateway, f"{failed}/redrive")
        assert [gateway.envelope(number).integration_version for number in (0, 1)] == [7, 8]


async def test_a_redrive_that_failed_again_stands_for_its_original() -> None:
    """Both are failed; were each sent again, a delivery without a sender's id would count twice."""
    async with folded() as (gateway, store):
        (failed,) = await fails(gateway)
        again = (await ask(gateway, f"{failed}/redrive")).json["delivery_id"]
        store.fold()
        store.understands = lambda _body, _envelope: True
        third = await ask(gateway, f"{again}/redrive")
        store.fold()
        assert third.json["redrive_of"] == failed
        assert store.applied == [parse_delivery_id(ACME, failed).offset]
        assert (await ask(gateway, f"{again}/redrive")).problem == "not-failed"


async def test_what_has_not_failed_is_409_and_nothing_is_appended() -> None:
    async with folded() as (gateway, store):
        store.understands = lambda _body, _envelope: True
        (fine,) = await fails(gateway)
        for verb, body in (("redrive", None), ("discard", {"why": "x"})):
            answer = await ask(gateway, f"{fine}/{verb}", body)
            assert (answer.status, answer.problem, answer.json["outcome"]) == (409, "not-failed", "processed")
        assert len(gateway.deliveries()) == 1


async def test_without_postgres_a_redrive_goes_into_the_log_and_the_fold_decides() -> None:
    """P8: what became of the original is not known here, and need not be."""
    async with folded() as (gateway, store):
        (failed,) = await fails(gateway)
        store.away = True
        assert (await ask(gateway, f"{failed}/redrive")).status == 202
        assert (await ask(gateway, f"{failed}/discard", {"why": "x"})).status == 503
        assert (await ask(gateway, "redrive")).status == 503


@pytest.mark.parametrize("verb", ["try", "redrive", "discard"])
async def test_a_delivery_of_another_tenant_is_404_and_a_key_needs_the_scope(verb: str) -> None:
    async with folded() as (gateway, _):
        (failed,) = await fails(gateway)
        body = {"why": "x"} if verb == "discard" else None
        assert (await ask(gateway, f"{'0' * 21}/{verb}", body)).status == 404
        assert (await ask(gateway, f"{failed}/{verb}", body, key="rival")).status == (404 if verb == "try" else 403)
        assert (await ask(gateway, f"{failed}/{verb}", body, key="reader")).status == 403
        assert (await gateway.send("GET", f"/api/v1/deliveries/{failed}/{verb}")).status == 405


async def test_try_says_what_todays_code_makes_of_it_and_writes_nothing() -> None:
    async with folded() as (gateway, store):
        store.versions[PAGER, 7] = IntegrationSettings(default_service="shop")
        (failed,) = await fails(gateway)
        answer = await ask(gateway, f"{failed}/try")
        assert (answer.status, answer.json["outcome"], answer.json["alerts_total"]) == (200, "normalized", 1)
        assert (answer.json["alerts"][0]["title"], answer.json["alerts"][0]["service"]) == ("Down", "shop")
        assert (answer.json["delivery_id"], answer.json["integration_version"]) == (failed, 7)
        assert len(gateway.deliveries()) == 1


async def test_a_body_that_killed_the_normalizer_is_not_tried_in_the_gateway() -> None:
    async with folded() as (gateway, store):
        (failed,) = await fails(gateway)
        store.fold()
        offset = parse_delivery_id(ACME, failed).offset
        store._rows[offset] = (Outcome.FAILED, Reason.KILLED_NORMALIZER, store._rows[offset][2])
        assert (await ask(gateway, f"{failed}/try")).status == 409


async def test_who_lets_a_delivery_be_says_why_and_the_first_word_stands() -> None:
    async with folded() as (gateway, store):
        (failed,) = await fails(gateway)
        said = [await ask(gateway, f"{failed}/discard", {"why": why}) for why in ("a test", "another")]
        assert [answer.json["first"] for answer in said] == [True, False]
        assert list(store.discards.values()) == ["Ada: a test"]
        refused = [await ask(gateway, f"{failed}/discard", body) for body in ({}, {"why": ""}, {"why": "x", "more": 1})]
        assert [answer.status for answer in refused] == [422] * 3


async def test_who_sent_again_what_and_how_many_is_noted_for_the_audit() -> None:
    """One entry a redrive; of a bulk one before its first record, with what was wanted, and one with the counts."""
    async with folded() as (gateway, store):
        one, _ = await fails(gateway, 2)
        again = (await ask(gateway, f"{one}/redrive")).json["delivery_id"]
        store.fold()
        await ask(gateway, "redrive", {"reason": ["unknown-shape"], "rate": 1000})
        (redriven, many) = gateway.control.deeds
        assert redriven == ("person:Ada", "delivery.redriven", one, {"as": again})
        assert many[:3] == ("person:Ada", "deliveries.redriven", ACME)
        assert (many[3]["sent"], many[3]["failed_again"], "not_processed" in many[3]) == (2, 2, False)
        assert store.begun == [{"reason": ["unknown-shape"], "rate": 1000}]


async def test_a_refused_redrive_leaves_no_entry() -> None:
    async with folded() as (gateway, store):
        store.understands = lambda _body, _envelope: True
        (fine,) = await fails(gateway)
        await ask(gateway, f"{fine}/redrive")
        store.away = True
        await ask(gateway, "redrive")
        assert (gateway.control.deeds, store.begun) == ([], [])


async def test_many_are_sent_again_in_log_order_each_once() -> None:
    async with folded() as (gateway, store):
        offsets = places(await fails(gateway, 50))
        store.fold()
        store.understands = lambda _body, _envelope: True
        said = (await ask(gateway, "redrive", ALL)).json
        again = (await ask(gateway, "redrive", ALL)).json
        assert (said["sent"], said["processed"], said["failed_again"], said["more"]) == (50, 50, 0, False)
        assert store.applied == offsets
        assert (again["sent"], again["more"], again["after"]) == (0, False, None)


async def test_a_redrive_goes_on_where_the_last_answer_says() -> None:
    async with folded() as (gateway, store):
        offsets = places(await fails(gateway, 30))
        store.fold()
        store.understands = lambda _body, _envelope: True
        answers: list[dict[str, Any]] = []
        while not answers or answers[-1]["more"]:
            after = {"after": answers[-1]["after"]} if answers else {}
            answers.append((await ask(gateway, "redrive", {"rate": 1000, "max": 12, **after})).json)
        assert [answer["sent"] for answer in answers] == [12, 12, 6]
        assert store.applied == offsets


async def test_it_stops_once_too_many_fail_again() -> None:
    """The first few are looked at before more are sent: what was to be mended is not."""
    async with folded() as (gateway, store):
        await fails(gateway, FIRST + 30)
        store.fold()
        said = (await ask(gateway, "redrive", ALL)).json
        assert (said["stopped"], said["sent"], said["failed_again"]) == ("too-many-failed-again", FIRST, FIRST)
        assert said["more"] is True
        assert said["not_processed"][0]["reason"] == "unknown-shape"
        assert len(gateway.deliveries()) == 2 * FIRST + 30


async def test_a_few_that_fail_again_stop_nothing() -> None:
    async with folded() as (gateway, store):
        await fails(gateway, 50)
        store.fold()
        store.understands = lambda _body, envelope: int((envelope.redrive_of or ":0").partition(":")[2]) % 10 != 0
        said = (await ask(gateway, "redrive", ALL)).json
        assert (said["stopped"], said["processed"], said["failed_again"]) == (None, 45, 5)


async def test_what_a_gateway_sent_before_it_died_is_not_sent_again() -> None:
    """The next one waits until the fold has everything that lies in the log, then chooses: the rows are the progress."""
    async with folded() as (gateway, store):
        first, second = await fails(gateway, 2)
        store.fold()
        store.understands = lambda _body, _envelope: True
        store.stands_still = True  # the redrive of the first lies in the log, nobody has folded it
        await ask(gateway, f"{first}/redrive")
        store.stands_still = False
        said = (await ask(gateway, "redrive", ALL)).json
        assert said["sent"] == 1
        assert store.applied == places([first, second])


async def test_while_the_fold_lags_nothing_is_chosen() -> None:
    async with folded(redrive_request_s=0.1) as (gateway, store):
        await fails(gateway, 3)
        store.fold()
        await fails(gateway, 1)
        store.stands_still = True
        assert (await ask(gateway, "redrive", ALL)).status == 503
        assert len(gateway.deliveries()) == 4


async def test_what_was_let_be_or_does_not_match_is_left_out() -> None:
    async with folded() as (gateway, store):
        one, two = await fails(gateway, 2)
        await ask(gateway, f"{one}/discard", {"why": "a test"})
        store.understands = lambda _body, _envelope: True
        assert (await ask(gateway, "redrive", ALL | {"reason": ["not-json"]})).json["sent"] == 0
        assert (await ask(gateway, "redrive", ALL | {"integration_id": [PAGER]})).json["sent"] == 1
        assert store.applied == places([two])


async def test_one_bulk_redrive_of_a_tenant_runs_at_a_time() -> None:
    async with folded() as (gateway, store):
        store.busy = True
        answer = await ask(gateway, "redrive", ALL)
        assert (answer.status, answer.problem) == (409, "busy")


@pytest.mark.parametrize(
    "body", [{"max": 0}, {"rate": 10**6}, {"reasons": ["x"]}, {"after": "7"}, {"logged_from": "2026-01-01"}, []]
)
async def test_a_body_that_does_not_fit_is_422(body: object) -> None:
    async with folded() as (gateway, _):
        assert (await ask(gateway, "redrive", body)).status == 422


async def test_bytes_that_retention_took_are_told_and_the_rest_goes_on() -> None:
    async with folded() as (gateway, store):
        failed = await fails(gateway, 4)
        store.fold()
        await gateway.log.admin().truncate("tocsin.log", ACME_PARTITION, places(failed)[2])
        store.understands = lambda _body, _envelope: True
        said = (await ask(gateway, "redrive", ALL)).json
        assert (said["gone"], said["processed"]) == (2, 2)
        gone = await ask(gateway, f"{failed[0]}/redrive")
        assert (gone.status, gone.problem) == (410, "gone")


@pytest.mark.parametrize(
    ("tried", "failed", "over"), [(19, 19, False), (20, 4, False), (20, 5, True), (100, 20, False), (100, 21, True)]
)
def test_a_bulk_ends_above_a_fifth_of_at_least_twenty(tried: int, failed: int, over: bool) -> None:
    assert FailureBound(share=0.2, least=20).is_crossed(tried=tried, failed=failed) is over


def test_a_few_go_first() -> None:
    assert [next_chunk(tried, 500, first=FIRST, most=CHUNK) for tried in (0, FIRST, 300)] == [FIRST, CHUNK, CHUNK]
    assert next_chunk(0, 7, first=FIRST, most=CHUNK) == 7


async def test_an_id_of_ones_own_that_names_no_delivery_is_404() -> None:
    async with folded() as (gateway, _):
        await gateway.next_tick()
        tick = delivery_id(ACME, Position(ACME_PARTITION, 0))
        assert (await ask(gateway, f"{tick}/redrive")).status == 404
