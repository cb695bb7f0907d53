"""What is particular to GitLab: pairs that share an identity, refs, incidents, its two ways to sign."""

from typing import Any

import orjson
import pytest

from tests.unit.sources.payloads import alert_of, answer, answer_to, body_of, source_of
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import SECOND
from tocsin_sources.schemes.standard_webhooks import StandardWebhooks
from tocsin_sources.signature import Accepted, SignedRequest, authenticate
from tocsin_sources.source import Failed, Ignored, Normalized

NOW = 1_772_446_530 * SECOND
SECRET = b"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def body(name: str) -> Any:
    return orjson.loads(body_of("gitlab", name))


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("pipeline_failed", "pipeline_success"),
        ("deployment_failed", "deployment_success"),
        ("incident_issue_opened", "incident_issue_closed"),
    ],
)
def test_a_pair_is_one_alert(opens: str, closes: str) -> None:
    first, last = alert_of(answer_to("gitlab", opens)), alert_of(answer_to("gitlab", closes))
    assert (first.status, last.status) == (EventStatus.FIRING, EventStatus.RESOLVED)
    assert first.identity == last.identity
    assert (first.occurred_at or 0) < (last.occurred_at or 0)


def test_an_incident_that_somebody_took_is_acknowledged() -> None:
    assert alert_of(answer_to("gitlab", "incident_issue_acknowledged")).status is EventStatus.ACKNOWLEDGED


def test_a_job_and_the_pipeline_that_it_failed_are_one_problem_and_two_alerts() -> None:
    job, pipeline = alert_of(answer_to("gitlab", "job_failed")), alert_of(answer_to("gitlab", "pipeline_failed"))
    assert job.problem == pipeline.problem
    assert job.identity != pipeline.identity


def test_a_child_pipeline_that_passes_does_not_resolve_its_parent() -> None:
    child = body("pipeline_success")
    child["object_attributes"]["source"] = "parent_pipeline"
    assert alert_of(answer("gitlab", child)).identity != alert_of(answer_to("gitlab", "pipeline_failed")).identity


@pytest.mark.parametrize(
    "status", ["created", "waiting_for_resource", "preparing", "pending", "running", "canceled", "skipped", "manual", "scheduled"]
)
def test_a_pipeline_without_an_outcome_says_nothing_of_its_ref(status: str) -> None:
    document = body("pipeline_failed")
    document["object_attributes"]["status"] = status
    assert isinstance(answer("gitlab", document), Ignored)


def test_a_job_that_may_fail_and_passes_still_resolves() -> None:
    document = body("job_allowed_to_fail") | {"build_status": "success"}
    assert alert_of(answer("gitlab", document)).status is EventStatus.RESOLVED


def test_old_job_hooks_say_their_project_outside_of_it() -> None:
    document = body("job_failed")
    del document["project"]
    alert = alert_of(answer("gitlab", document))
    assert alert.identity == alert_of(answer_to("gitlab", "job_failed")).identity
    assert (alert.project, alert.service) == ("Acme / Checkout", "Checkout")
    assert alert.link == "https://gitlab.example.com/acme/checkout/-/jobs/380"


@pytest.mark.parametrize("key", ["type", "issue_type", "work_item_type"])
def test_an_incident_is_one_by_whatever_member_says_so(key: str) -> None:
    document = body("issue_opened")
    del document["object_attributes"]["type"]
    document["object_attributes"][key] = "incident"
    assert alert_of(answer("gitlab", document)).status is EventStatus.FIRING


@pytest.mark.parametrize(
    ("headers", "sender_id"),
    [
        ({"idempotency-key": "a", "webhook-id": "b"}, "a"),
        ({"webhook-id": "b"}, "b"),
        ({"x-gitlab-event-uuid": "c"}, None),
        ({}, None),
    ],
)
def test_the_delivery_id_is_the_key_that_retries_share(headers: dict[str, str], sender_id: str | None) -> None:
    given = answer("gitlab", body("pipeline_failed"), headers)
    assert isinstance(given, Normalized)
    assert given.sender_id == sender_id


@pytest.mark.parametrize(
    ("name", "key", "pointer"),
    [
        ("pipeline_failed", "object_attributes", "/object_attributes"),
        ("pipeline_failed", "object_kind", "/object_kind"),
        ("job_failed", "build_name", "/build_name"),
        ("deployment_failed", "environment", "/environment"),
    ],
)
def test_what_is_missing_is_named(name: str, key: str, pointer: str) -> None:
    document = body(name)
    del document[key]
    given = answer("gitlab", document)
    assert isinstance(given, Failed)
    assert given.pointer == pointer


def test_other_events_are_ignored_by_kind_by_event_name_and_by_header() -> None:
    assert isinstance(answer("gitlab", {"object_kind": "merge_request"}), Ignored)
    assert isinstance(answer("gitlab", {"event_name": "project_create"}), Ignored)
    assert isinstance(answer("gitlab", {}, {"x-gitlab-event": "Emoji Hook"}), Ignored)


def test_both_ways_to_prove_itself_are_accepted() -> None:
    schemes = source_of("gitlab").schemes
    token = SignedRequest(headers={"x-gitlab-token": SECRET.decode()}, body=b"{}")
    signed = SignedRequest(headers=StandardWebhooks().sign(b"{}", SECRET, NOW), body=b"{}", now=NOW)
    assert authenticate(schemes, token, [SECRET]) == Accepted(0)
    assert authenticate(schemes, signed, [b"another-secret-16", SECRET]) == Accepted(1)
