"""The pure rules of ingest: targets, content, quotas, refusals, addresses, what a command asks."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_contracts.delivery import DeliveryEnvelope, encode_accepted
from tocsin_contracts.routes import Owner, owner
from tocsin_contracts.tick import Refused
from tocsin_ingest.domain.content import ContentFault, ContentLimits, UnfitContent, encoding_of, gunzip
from tocsin_ingest.domain.overcommit import overcommitted
from tocsin_ingest.domain.refusals import Refusals
from tocsin_ingest.domain.request import (
    Precondition,
    UnfitRequest,
    read_if_match,
    read_key,
    read_patience,
    request_hash,
)
from tocsin_ingest.domain.target import Body, Commanded, Managed, Target, Webhook, find_target

SECOND = 1_000_000_000
LIMITS = ContentLimits(decoded_bytes=1 << 20, ratio=100)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/webhooks/sentry/ABC", Webhook(source="sentry", integration="ABC")),
        ("/webhooks/sentry/ABC", Webhook(source="sentry", integration="ABC")),
        ("/webhooks/sentry/ABC/", Webhook(source="sentry", integration="ABC")),
        ("/webhooks/sentry", Webhook(source="sentry", integration=None)),
        ("/webhooks/sentry/", Webhook(source="sentry", integration=None)),
        ("/api/v1/alerts/webhook/alertmanager", Webhook(source="alertmanager", integration=None)),
        ("/alerts/webhook/alertmanager", Webhook(source="alertmanager", integration=None)),
        ("/api/v1/deliveries/ABC/body", Body(delivery="ABC")),
        ("/deliveries/ABC/body", Body(delivery="ABC")),
        ("/api/v1/incidents/ABC/status", Commanded(form="/incidents/{id}/status", incident="ABC")),
        ("/incidents/ABC/status/", Commanded(form="/incidents/{id}/status", incident="ABC")),
        ("/incidents/ABC/links/DEF", Commanded(form="/incidents/{id}/links/{other}", incident="ABC", other="DEF")),
        ("/api/v1/incidents/bulk", Commanded(form="/incidents/bulk")),
        ("/api/v1/rules", Commanded(form="/rules")),
        ("/rules", None),
        ("/api/v1/incidents/ABC/links/DEF/more", None),
        ("/api/v1/incidents//status", None),
        ("/api/v1/webhooks/", None),
        ("/api/v1/webhooks/sentry/ABC/more", None),
        ("/api/v1/incidents/ABC", None),
        ("/deliveries//body", None),
        ("/", None),
        ("*", None),
        ("http://host/webhooks/sentry", None),
    ],
)
def test_a_path_names_one_target(path: str, target: Target | None) -> None:
    """Every path answers with and without `/api/v1`; nothing else is guessed."""
    assert find_target(path) == target


@pytest.mark.parametrize(
    "path", ["/api/v1/webhooks/sentry/A", "/webhooks/sentry", "/api/v1/alerts/webhook/alertmanager", "/deliveries/A/body"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_route_table_sends_what_ingest_answers_to_ingest(method: str, path: str) -> None:
    assert owner(method, path) is Owner.INGEST


@pytest.mark.parametrize("path", ["/api/v1/integrations", "/api/v1/integrations/A/rotate", "/api/v1/keys", "/api/v1/tenants"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_the_route_table_sends_management_to_ingest_whatever_the_method(method: str, path: str) -> None:
    assert owner(method, path) is Owner.INGEST


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/integrations", Managed(kind="integrations")),
        ("/api/v1/integrations/", Managed(kind="integrations")),
        ("/api/v1/keys/A", Managed(kind="keys", id="A")),
        ("/api/v1/integrations/A/try", Managed(kind="integrations", id="A", verb="try")),
        ("/api/v1/integrations//try", None),
        ("/api/v1/integrations/A/try/B", None),
        ("/integrations", None),
        ("/api/v1/integrationsA", None),
    ],
)
def test_management_has_canonical_paths_only(path: str, target: Target | None) -> None:
    assert find_target(path) == target


def test_the_route_table_sends_commands_to_ingest_and_their_outcomes_to_query() -> None:
    assert owner("PATCH", "/incidents/A/status") is Owner.INGEST
    assert owner("GET", "/api/v1/commands/A") is Owner.QUERY


@pytest.mark.parametrize(("header", "encoding"), [(None, ""), ("", ""), ("identity", ""), ("GZIP", "gzip"), (" x-gzip ", "gzip")])
def test_one_encoding_is_known(header: str | None, encoding: str) -> None:
    assert encoding_of(header) == encoding


@pytest.mark.parametrize("header", ["deflate", "br", "zstd", "gzip, gzip", "gzip, identity", "chunked"])
def test_another_encoding_or_a_second_one_is_refused(header: str) -> None:
    """Of two layers aiohttp decodes one and hands on the other: exactly one is allowed (security S05)."""
    with pytest.raises(UnfitContent) as unfit:
        encoding_of(header)
    assert unfit.value.fault is ContentFault.UNSUPPORTED


@given(st.binary(max_size=4096))
def test_what_was_compressed_comes_back(body: bytes) -> None:
    assert gunzip(gzip.compress(body), LIMITS) == body


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (gzip.compress(b"x" * 100)[:-1], ContentFault.BROKEN),
        (gzip.compress(b"x" * 100)[:20], ContentFault.BROKEN),
        (gzip.compress(b"x" * 100) + b"!", ContentFault.BROKEN),
        (gzip.compress(b"x") + gzip.compress(b"y"), ContentFault.BROKEN),
        (gzip.compress(b"x" * 100)[:-4] + b"\x01\x00\x00\x00", ContentFault.BROKEN),
        (gzip.compress(b"x" * 100)[:-8] + b"\x00" * 8, ContentFault.BROKEN),
        (zlib.compress(b"x"), ContentFault.BROKEN),
        (b"", ContentFault.BROKEN),
        (b"{}", ContentFault.BROKEN),
        (gzip.compress(bytes(1 << 20)), ContentFault.RATIO),
        (gzip.compress(bytes(200 << 20)), ContentFault.TOO_LARGE),
    ],
    ids=["cut-by-one", "cut", "trailing", "two-members", "lying-size", "lying-sum", "zlib", "empty", "plain", "ratio", "bomb"],
)
def test_gzip_that_lies_is_refused(raw: bytes, fault: ContentFault) -> None:
    with pytest.raises(UnfitContent) as unfit:
        gunzip(raw, LIMITS)
    assert unfit.value.fault is fault


@pytest.mark.parametrize("excess", [0, 1])
def test_the_decoded_bound_is_exact(excess: int) -> None:
    limits = ContentLimits(decoded_bytes=1000, ratio=100)
    raw = gzip.compress(b"x" * (1000 + excess))
    if not excess:
        assert len(gunzip(raw, limits)) == 1000
        return
    with pytest.raises(UnfitContent) as unfit:
        gunzip(raw, limits)
    assert unfit.value.fault is ContentFault.TOO_LARGE


def _refusals(most: int = 10) -> Refusals:
    refusals = Refusals(gateway="g", process="p", now_ms=0, interval_ms=15_000, most=most)
    refusals.told(refusals.tick(0, 0))
    return refusals


def test_the_first_tick_of_a_process_says_that_everything_was_refused() -> None:
    """A killed process may have refused, and nobody else knows (P10)."""
    tick = Refusals(gateway="g", process="p", now_ms=1000, interval_ms=15_000).tick(0, 1000).tick

    assert tick.all_refused
    assert tick.covers_ms == 15_000


def test_a_tick_lists_who_was_refused_since_the_last_one() -> None:
    refusals = _refusals()
    refusals.note(0, "t", "a")
    refusals.note(0, "t", "a")
    refusals.note(1, "t", "b")
    pending = refusals.tick(0, 9000)
    refusals.told(pending)

    assert pending.tick.refused == [Refused(tenant="t", integration="a")]
    assert pending.tick.covers_ms == 9000
    assert not pending.tick.all_refused
    assert refusals.tick(0, 20_000).tick.refused == []
    assert refusals.tick(0, 20_000).tick.covers_ms == 11_000


def test_refusals_of_a_failed_tick_are_told_by_the_next() -> None:
    refusals = _refusals()
    refusals.note(0, "t", "a")
    refusals.untold(refusals.tick(0, 9000))
    tick = refusals.tick(0, 18_000).tick

    assert tick.refused == [Refused(tenant="t", integration="a")]
    assert tick.covers_ms == 18_000
    assert tick.all_refused


def test_what_a_tick_said_that_was_cut_off_is_said_again() -> None:
    """Whether it was appended is not known; that nothing could be appended is not known either."""
    refusals = _refusals()
    refusals.note(0, "t", "a")
    refusals.interrupted(refusals.tick(0, 9000))
    tick = refusals.tick(0, 10_000, last=True).tick

    assert (tick.refused, tick.all_refused) == ([Refused(tenant="t", integration="a")], False)
    assert (tick.covers_ms, tick.last) == (10_000, True)


def test_a_refusal_while_a_tick_is_on_its_way_is_for_the_next_tick() -> None:
    refusals = _refusals()
    refusals.note(0, "t", "a")
    pending = refusals.tick(0, 9000)
    refusals.note(0, "t", "a")
    refusals.told(pending)

    assert refusals.tick(0, 10_000).tick.refused == [Refused(tenant="t", integration="a")]


def test_more_refusals_than_a_tick_can_list_are_all_refused() -> None:
    refusals = _refusals(most=2)
    for name in "abc":
        refusals.note(0, "t", name)
    tick = refusals.tick(0, 1000).tick

    assert len(tick.refused) == 2
    assert tick.all_refused


def test_a_revision_is_read_from_if_match() -> None:
    assert read_if_match('"r7"') == 7
    assert read_if_match(None) is None
    assert read_if_match("*") is None
    assert read_if_match('"v7"', Precondition.VERSION) == 7
    assert read_if_match(None, Precondition.NONE) is None


@pytest.mark.parametrize(("header", "kind"), [('"v7"', "r"), ('"r7"', "v"), ('"r7"', ""), ('"v7"', "")])
def test_a_precondition_of_something_else_is_refused(header: str, kind: str) -> None:
    with pytest.raises(UnfitRequest):
        read_if_match(header, Precondition(kind))


@pytest.mark.parametrize("header", ["", " ", "r7", '"7"', 'W/"7"', '"r7", "r8"', '"r-1"', '"r"'])
def test_another_precondition_is_refused(header: str) -> None:
    with pytest.raises(UnfitRequest):
        read_if_match(header)


@pytest.mark.parametrize("header", ["", "x" * 256, "a b", "é", "a\x00"])
def test_an_unfit_idempotency_key_is_refused(header: str) -> None:
    with pytest.raises(UnfitRequest):
        read_key(header)


@pytest.mark.parametrize(
    ("header", "seconds", "heeded", "heeded_of_202"),
    [
        (None, 5, "", ""),
        ("wait=2", 2, "wait=2", ""),
        ("WAIT=2; foo=bar", 2, "wait=2", ""),
        ('wait="2"', 2, "wait=2", ""),
        ("wait=999", 20, "wait=20", ""),
        ("wait=3, wait=9", 3, "wait=3", ""),
        ("wait=-1", 5, "", ""),
        ("respond-async", 0, "", "respond-async"),
        ("respond-async, wait=10", 10, "wait=10", "respond-async"),
        ("wait=10, respond-async", 10, "wait=10", "respond-async"),
        ("handling=strict", 5, "", ""),
    ],
)
def test_a_caller_says_how_long_it_waits(header: str | None, seconds: float, heeded: str, heeded_of_202: str) -> None:
    """RFC 7240: with both, the answer is asynchronous where it takes longer; what was heeded is told."""
    patience = read_patience(header, default_s=5, most_s=20)
    assert patience.seconds == seconds
    assert (patience.heeded(pending=False), patience.heeded(pending=True)) == (heeded, heeded_of_202)


def test_a_request_hash_differs_where_anything_asked_differs() -> None:
    hashes = {
        request_hash("PATCH", "/a", b"x", actor="k1"),
        request_hash("PATCH", "/ax", b"", actor="k1"),
        request_hash("PATCH", "/a", b"y", actor="k1"),
        request_hash("POST", "/a", b"x", actor="k1"),
        request_hash("PATCH", "/a", b"x", actor="k2"),
    }
    assert len(hashes) == 5
    assert request_hash("PATCH", "/a", b"x", actor="k1") in hashes


@pytest.mark.parametrize("rich", [True, False])
def test_the_quick_envelope_equals_the_model(rich: bool) -> None:
    values = {
        "tenant": "t",
        "integration": "i",
        "source": "sentry",
        "integration_version": 3,
        "request_id": "r",
        "received_at": 7,
    }
    more: dict[str, object] = {"content_type": "", "encoding": "", "headers": {}, "query": {}}
    if rich:
        more = {
            "content_type": "application/json",
            "encoding": "gzip",
            "headers": {"a": "é"},
            "query": {"q": "1"},
            "redacted": ["/k"],
        }
    quick = encode_accepted(**values, **more)  # type: ignore[arg-type] # both take the same names, which is the point

    assert quick == DeliveryEnvelope.model_validate(values | more).encode()


def test_limits_beyond_a_worker_are_found() -> None:
    assert overcommitted([(0, 600), (0, 500), (1, 1000)], 1000) == {0: 1100}
