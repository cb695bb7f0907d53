"""What is particular to GitHub: pairs that share an identity, branches, forms, events that say nothing."""

from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest

from tests.unit.sources.payloads import alert_of, answer, answer_to, body_of, source_of
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources.document import NotJson
from tocsin_sources.signature import Accepted, HmacSha256Hex, SignedRequest, authenticate
from tocsin_sources.source import Failed, Ignored, Normalized

REPOSITORY = {
    "id": 7,
    "name": "shop",
    "full_name": "acme/shop",
    "html_url": "https://github.com/acme/shop",
    "default_branch": "main",
}
FORM = "application/x-www-form-urlencoded"


def run(**members: Any) -> dict[str, Any]:
    base = {"id": 1, "workflow_id": 5, "name": "ci", "head_branch": "main", "conclusion": "failure", "status": "completed"}
    return {"action": "completed", "workflow_run": {**base, **members}, "repository": REPOSITORY}


def body(name: str) -> Any:
    return orjson.loads(body_of("github", name))


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("workflow_run_deploy_failure", "workflow_run_deploy_success"),
        ("deployment_status_failure", "deployment_status_success"),
        ("secret_scanning_alert_created", "secret_scanning_alert_resolved"),
    ],
)
def test_a_pair_is_one_alert(opens: str, closes: str) -> None:
    first, last = alert_of(answer_to("github", opens)), alert_of(answer_to("github", closes))
    assert (first.status, last.status) == (EventStatus.FIRING, EventStatus.RESOLVED)
    assert first.identity == last.identity
    assert (first.occurred_at or 0) < (last.occurred_at or 0)


def test_a_job_and_the_run_that_it_failed_are_one_problem_and_two_alerts() -> None:
    job, whole = (alert_of(answer_to("github", f"workflow_{name}_failure")) for name in ("job_completed", "run_deploy"))
    assert job.problem == whole.problem
    assert job.identity != whole.identity


def test_a_branch_of_a_fork_is_not_ours_of_the_same_name() -> None:
    ours, theirs = (alert_of(answer_to("github", f"workflow_run_{name}")) for name in ("deploy_failure", "fork_timed_out"))
    assert ours.identity != theirs.identity
    assert ours.problem != theirs.problem


def test_a_renamed_repository_and_workflow_keep_their_alerts() -> None:
    renamed = run(name="checks", conclusion="success") | {
        "repository": {**REPOSITORY, "full_name": "acme/store", "name": "store"}
    }
    assert alert_of(answer("github", run())).identity == alert_of(answer("github", renamed)).identity


@pytest.mark.parametrize("conclusion", ["failure", "timed_out", "startup_failure", "FAILURE"])
def test_what_went_wrong_fires(conclusion: str) -> None:
    assert alert_of(answer("github", run(conclusion=conclusion))).status is EventStatus.FIRING


@pytest.mark.parametrize("conclusion", [None, "cancelled", "skipped", "neutral", "action_required", "stale", "of-next-year"])
def test_a_run_without_an_outcome_says_nothing_of_its_branch(conclusion: str | None) -> None:
    given = answer("github", run(conclusion=conclusion))
    assert isinstance(given, Ignored)
    assert given.reason == "no-outcome"


@pytest.mark.parametrize("state", ["pending", "queued", "waiting", "in_progress", "inactive"])
def test_a_deployment_under_way_or_replaced_is_no_alert(state: str) -> None:
    document = body("deployment_status_failure")
    document["deployment_status"]["state"] = state
    assert isinstance(answer("github", document), Ignored)


def test_a_form_says_what_json_says() -> None:
    """SOURCES 16: GitHub can post a form with the JSON in the field payload."""
    source, said = source_of("github"), body_of("github", "workflow_run_deploy_failure")
    posted = f"payload={quote_plus(said)}".encode()
    for content_type in (FORM, FORM.upper() + "; charset=utf-8"):
        assert source.parse(posted, content_type) == orjson.loads(said)


@pytest.mark.parametrize(
    "posted", [b"", b"a=b", b"payload=", b"payload=%7B", b"payload=%ff", b"&" * 400 + b"x=1&" * 400, b"\xff\xfe"]
)
def test_a_form_without_json_is_not_json(posted: bytes) -> None:
    with pytest.raises(NotJson):
        source_of("github").parse(posted, FORM)


def test_the_delivery_id_is_the_senders() -> None:
    given = answer("github", run(), {"x-github-event": "workflow_run", "x-github-delivery": " abc "})
    assert isinstance(given, Normalized)
    assert given.sender_id == "abc"


def test_without_the_header_a_deployment_is_none_of_the_runs_that_it_carries() -> None:
    assert alert_of(answer("github", body("deployment_status_failure"))).identity.startswith("deployment:")


@pytest.mark.parametrize("name", ["ping", "push"])
def test_an_event_about_no_alert_is_ignored_without_its_header_too(name: str) -> None:
    assert isinstance(answer("github", body(name)), Ignored)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("workflow_run_deploy_failure", "workflow_run"),
        ("workflow_job_completed_failure", "workflow_job"),
        ("check_suite_completed_failure", "check_suite"),
    ],
)
def test_a_run_without_an_outcome_or_a_place_is_named_where_it_stands(name: str, kind: str) -> None:
    unplaced, undecided = body(name), body(name)
    for member in ("head_branch", "head_sha", "pull_requests"):
        unplaced[kind].pop(member, None)
    for member in ("conclusion", "status"):
        undecided[kind].pop(member, None)
    given = [answer("github", document) for document in (unplaced, undecided)]
    assert [each.pointer for each in given if isinstance(each, Failed)] == [f"/{kind}/head_branch", f"/{kind}/status"]


def test_an_event_of_next_year_is_ignored_by_its_name_and_failed_without() -> None:
    assert isinstance(answer("github", {"x": 1}, {"x-github-event": "starship_landed"}), Ignored)
    assert isinstance(answer("github", {"x": 1}), Failed)


@pytest.mark.parametrize(
    ("name", "drop", "pointer"),
    [
        ("workflow_run_deploy_failure", ("repository",), "/repository"),
        ("workflow_job_completed_failure", ("workflow_job", "name"), "/workflow_job/name"),
        ("check_suite_completed_failure", ("check_suite", "app"), "/check_suite/app/slug"),
        ("dependabot_alert_created", ("alert", "number"), "/alert/number"),
        ("deployment_status_failure", ("deployment_status", "state"), "/deployment_status/state"),
    ],
)
def test_what_is_missing_is_named(name: str, drop: tuple[str, ...], pointer: str) -> None:
    document = body(name)
    inner = document
    for key in drop[:-1]:
        inner = inner[key]
    del inner[drop[-1]]
    given = answer("github", document)
    assert isinstance(given, Failed)
    assert given.pointer == pointer


@pytest.mark.parametrize(
    ("rule", "severity"),
    [
        ({"severity": "error"}, Severity.HIGH),
        ({"severity": "warning"}, Severity.MEDIUM),
        ({"severity": "note"}, Severity.LOW),
        ({"severity": "none"}, None),
        ({"severity": "warning", "security_severity_level": "critical"}, Severity.CRITICAL),
        ({}, None),
    ],
)
def test_the_security_severity_goes_before_the_rules(rule: dict[str, str], severity: Severity | None) -> None:
    document = {"action": "created", "alert": {"number": 1, "state": "open", "rule": rule, "tool": {}}, "repository": REPOSITORY}
    assert alert_of(answer("github", document)).severity is severity


def test_a_reopened_alert_never_has_the_time_of_its_creation() -> None:
    """That is older than the fix in between: the fold would take the firing for a late one."""
    created = {"number": 1, "state": "open", "created_at": "2026-03-02T10:15:30Z", "rule": {"id": "x"}}
    again = {"action": "reopened", "alert": created, "repository": REPOSITORY}
    assert alert_of(answer("github", again)).occurred_at is None


def test_old_secret_alerts_without_a_state_are_told_by_the_action() -> None:
    alert = {"number": 3, "secret_type": "aws", "resolution": None}
    statuses = [
        alert_of(answer("github", {"action": action, "alert": alert, "repository": REPOSITORY})).status
        for action in ("created", "resolved", "reopened")
    ]
    assert statuses == [EventStatus.FIRING, EventStatus.RESOLVED, EventStatus.FIRING]


def test_the_example_of_githubs_documentation_verifies() -> None:
    """The secret, payload and signature that GitHub's page on validating deliveries gives to test with."""
    headers = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    request = SignedRequest(headers=headers, body=b"Hello, World!")
    schemes = source_of("github").schemes
    assert authenticate(schemes, request, [b"It's a Secret to Everybody"]) == Accepted(0)


def test_the_old_sha1_signature_proves_nothing() -> None:
    headers = HmacSha256Hex("x-hub-signature", prefix="sha1=").sign(b"{}", b"s" * 16)
    assert not isinstance(
        authenticate(source_of("github").schemes, SignedRequest(headers=headers, body=b"{}"), [b"s" * 16]), Accepted
    )
