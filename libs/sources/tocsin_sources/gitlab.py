"""GitLab: pipelines, jobs, deployments, incidents and vulnerabilities of a project (SOURCES 16).

The environment of a deployment is its tier, where the project has sorted them into tiers.

Identity: `<kind>:<project id>:` and the ref of a pipeline, ref and name of a job, environment of a deployment, number of an
incident or vulnerability. A later success of the same ref resolves it. Child pipelines have an alert of their own beside
their parent's.

Problem: the pipeline's ref, so that a failed job and the pipeline it failed are one incident; the alert itself otherwise.
Delivery id: `Idempotency-Key`, the same on a retry, which is also `webhook-id` where GitLab signs; `X-Gitlab-Event-UUID` is
shared by the events that follow from one another, so it is none. Episode: none. Severity: incidents and vulnerabilities
alone have one, and `unknown` is none. Time: trusted, all of it comes from one server with a zone.

Ignored on purpose: every other event; issues that are no incidents; what has not ended, was cancelled or skipped; jobs that
are allowed to fail. Secret: `X-Gitlab-Token`, or the signing of Standard Webhooks that newer versions have.
"""

import re
from collections.abc import Callable, Mapping

from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.fields import said
from tocsin_sources.repository_events import NO_ALERT, NO_OUTCOME, OUTCOMES, Report, Repository, event_of, word_of
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.schemes.standard_webhooks import ID, StandardWebhooks
from tocsin_sources.severity_words import WORDS
from tocsin_sources.shape import Unfit, as_object, id_of, object_or_empty
from tocsin_sources.source import Answer, Delivery, Ignored, Normalized, Source
from tocsin_sources.timestamps import time_of

_EVENT, _IDEMPOTENCY = "x-gitlab-event", "idempotency-key"
_FIRING, _ACKNOWLEDGED, _RESOLVED = EventStatus.FIRING, EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED
_INCIDENT = "incident"
_NO_INCIDENT = Ignored(reason="not-an-alert", detail="an issue that is no incident")
_ALLOWED = Ignored(reason="allowed-to-fail", detail="this job may fail: allow_failure is set")
_LEVELS = {word: severity for word, severity in WORDS.items() if word != "none"}
_VULNERABILITY_STATES = {"detected": _FIRING, "confirmed": _FIRING, "dismissed": _RESOLVED, "resolved": _RESOLVED}
_TIERS = frozenset({"production", "staging", "testing", "development"})
_NUMBER_IN_URL = re.compile(r"/(\d{1,20})/?$", re.ASCII)
_PROJECT_IN_URL = re.compile(r"https?://[^/]+/([^?#]{1,500}?)/-/", re.ASCII)

Body = Mapping[str, object]


def read(delivery: Delivery) -> Answer:
    """Map a webhook of GitLab; the body names its kind, the header only how the hook was set up."""
    body = as_object(delivery.document, "")
    kind = word_of(body.get("object_kind"))
    if kind is None:
        if "event_name" in body or delivery.headers.get(_EVENT):
            return NO_ALERT
        raise Unfit("/object_kind", "a string", body.get("object_kind"))
    reader = _READERS.get(kind)
    if reader is None:
        return NO_ALERT
    report = reader(body)
    if isinstance(report, Ignored):
        return report
    event = event_of(report, _project(body), delivery.settings.environment_aliases)
    headers = delivery.headers
    return Normalized(alerts=(event,), sender_id=fields.present(headers.get(_IDEMPOTENCY)) or fields.present(headers.get(ID)))


def _pipeline(body: Body) -> Report | Ignored:
    pipeline = as_object(body.get("object_attributes"), "/object_attributes")
    outcome = _outcome(pipeline.get("status"), "/object_attributes/status")
    if isinstance(outcome, Ignored):
        return outcome
    ref = _ref(pipeline.get("ref"), "/object_attributes/ref")
    child = word_of(pipeline.get("source")) == "parent_pipeline"
    number, home = id_of(pipeline.get("id")), fields.web_link(object_or_empty(body.get("project")).get("web_url"))
    broken = _broken_jobs(body.get("builds")) if outcome is _FIRING else []
    environments = {name for job in broken if (name := _environment_of(job)) is not None}
    return Report(
        identity=f"pipeline:{ref}{'/child' if child else ''}",
        problem=_problem(ref),
        status=outcome,
        told=pipeline,
        title=f"{'Child pipeline' if child else 'Pipeline'} {_verb(outcome)} on {ref}",
        description="\n".join(_job_line(job) for job in broken) or None,
        environment=environments.pop() if len(environments) == 1 else None,
        link=pipeline.get("url") or (f"{home}/-/pipelines/{number}" if home and number else None),
        labels={
            "ref": ref,
            "source": pipeline.get("source"),
            "status": pipeline.get("status"),
            "user": object_or_empty(body.get("user")).get("username"),
        },
        metadata={
            "pipeline_id": number,
            "sha": pipeline.get("sha"),
            "name": pipeline.get("name"),
            "duration_s": pipeline.get("duration"),
            "commit": object_or_empty(body.get("commit")).get("title"),
        },
        occurred_at=time_of(pipeline.get("finished_at")),
    )


def _job(body: Body) -> Report | Ignored:
    outcome = _outcome(body.get("build_status"), "/build_status")
    if isinstance(outcome, Ignored):
        return outcome
    if outcome is _FIRING and body.get("build_allow_failure") is True:
        return _ALLOWED
    ref, name = _ref(body.get("ref"), "/ref"), said(body.get("build_name"))
    if name is None:
        raise Unfit("/build_name", "a string", body.get("build_name"))
    told = {key: value for key, value in body.items() if key.startswith("build_") or key in {"ref", "sha", "environment"}}
    number, home = id_of(body.get("build_id")), fields.web_link(_project(body).link)
    return Report(
        identity=f"job:{ref}/{name}",
        problem=_problem(ref),
        status=outcome,
        told=told,
        title=f"Job {name} {_verb(outcome)} on {ref}",
        description=said(body.get("build_failure_reason")) if outcome is _FIRING else None,
        environment=_environment_of(body),
        link=f"{home}/-/jobs/{number}" if home and number else None,
        labels={
            "ref": ref,
            "job": name,
            "stage": body.get("build_stage"),
            "status": body.get("build_status"),
        },
        metadata={"build_id": number, "pipeline_id": id_of(body.get("pipeline_id")), "sha": body.get("sha")},
        occurred_at=time_of(body.get("build_finished_at")),
    )


def _deployment(body: Body) -> Report | Ignored:
    outcome = _outcome(body.get("status"), "/status")
    if isinstance(outcome, Ignored):
        return outcome
    environment = said(body.get("environment"))
    if environment is None:
        raise Unfit("/environment", "a string", body.get("environment"))
    told = {name: value for name, value in body.items() if name not in {"project", "user"}}
    return Report(
        identity=f"deployment:{environment}",
        status=outcome,
        told=told,
        title=f"Deployment to {environment} {'succeeded' if outcome is _RESOLVED else 'failed'}",
        description=said(body.get("commit_title")),
        environment=_environment(environment, body.get("environment_tier")),
        link=body.get("deployable_url"),
        labels={
            "ref": body.get("ref"),
            "status": body.get("status"),
            "environment_name": environment,
            "user": object_or_empty(body.get("user")).get("username"),
        },
        metadata={
            "deployment_id": id_of(body.get("deployment_id")),
            "short_sha": body.get("short_sha"),
            "environment_url": fields.web_link(body.get("environment_external_url")),
        },
        occurred_at=time_of(body.get("status_changed_at")),
    )


def _issue(body: Body) -> Report | Ignored:
    issue = as_object(body.get("object_attributes"), "/object_attributes")
    if _INCIDENT not in {word_of(issue.get("type")), word_of(issue.get("issue_type")), word_of(issue.get("work_item_type"))}:
        return _NO_INCIDENT
    number = id_of(issue.get("iid")) or id_of(issue.get("id"))
    if number is None:
        raise Unfit("/object_attributes/iid", "an identifier", issue.get("iid"))
    status, action, scoped = _issue_status(issue), word_of(issue.get("action")), _scoped_labels(body, issue)
    return Report(
        identity=f"incident:{number}",
        status=status,
        told=issue,
        title=said(issue.get("title")) or f"Incident {number}",
        titled=said(issue.get("title")) is not None,
        description=said(issue.get("description")),
        level=_level(issue.get("severity")),
        environment=fields.first_present(scoped, fields.ENVIRONMENT),
        service=fields.first_present(scoped, fields.SERVICE),
        team=fields.first_present(scoped, fields.TEAM),
        link=issue.get("url"),
        labels=scoped,
        metadata={
            "iid": number,
            "action": action,
            "escalation_status": issue.get("escalation_status"),
            "confidential": issue.get("confidential") is True or None,
        },
        occurred_at=_issue_time(issue, status, action),
    )


def _issue_status(issue: Body) -> EventStatus:
    """Read the state; somebody took an open one where its escalation says so."""
    state = word_of(issue.get("state"))
    if state == "closed":
        return _RESOLVED
    if state in {"opened", "reopened"}:
        return _ACKNOWLEDGED if word_of(issue.get("escalation_status")) in {"acknowledged", "ignored"} else _FIRING
    raise Unfit("/object_attributes/state", "opened or closed", issue.get("state"))


def _issue_time(issue: Body, status: EventStatus, action: str | None) -> int | None:
    if status is _RESOLVED:
        return time_of(issue.get("closed_at")) or time_of(issue.get("updated_at"))
    return time_of(issue.get("created_at")) if action == "open" else time_of(issue.get("updated_at"))


def _vulnerability(body: Body) -> Report | Ignored:
    found = as_object(body.get("object_attributes"), "/object_attributes")
    status = _VULNERABILITY_STATES.get(word_of(found.get("state")) or "")
    if status is None:
        raise Unfit("/object_attributes/state", "detected, confirmed, dismissed or resolved", found.get("state"))
    numbered = _NUMBER_IN_URL.search(said(found.get("url")) or "")
    name = id_of(found.get("id")) or (numbered[1] if numbered else said(found.get("uuid")))
    if name is None:
        raise Unfit("/object_attributes/id", "an identifier", found.get("id"))
    ended = time_of(found.get("resolved_at")) or time_of(found.get("dismissed_at"))
    return Report(
        identity=f"vulnerability:{name}",
        status=status,
        told=found,
        title=said(found.get("title")) or f"Vulnerability {name}",
        titled=said(found.get("title")) is not None,
        description=said(found.get("description")),
        level=_level(found.get("severity")),
        link=found.get("url"),
        labels={"state": found.get("state"), "report_type": found.get("report_type")},
        metadata={"location": found.get("location"), "cve": found.get("cve")},
        occurred_at=(ended or time_of(found.get("updated_at"))) if status is _RESOLVED else time_of(found.get("updated_at")),
    )


_READERS: Mapping[str, Callable[[Body], Report | Ignored]] = {
    "pipeline": _pipeline,
    "build": _job,
    "deployment": _deployment,
    "issue": _issue,
    "work_item": _issue,
    "vulnerability": _vulnerability,
}


def _project(body: Body) -> Repository:
    """Give the project; job hooks of older versions say it outside of `project`."""
    project, attributes = object_or_empty(body.get("project")), object_or_empty(body.get("object_attributes"))
    placed = _PROJECT_IN_URL.match(said(attributes.get("url")) or "")
    full_name = said(project.get("path_with_namespace")) or (placed[1] if placed else None)
    number = id_of(project.get("id")) or id_of(body.get("project_id")) or id_of(attributes.get("project_id")) or full_name
    if number is None:
        raise Unfit("/project/id", "an identifier", project.get("id"))
    spoken = said(body.get("project_name"))
    name = full_name.rpartition("/")[2] if full_name else said(project.get("name")) or (spoken or "").rpartition("/")[2].strip()
    home = project.get("web_url") or object_or_empty(body.get("repository")).get("homepage")
    return Repository(number=number, full_name=full_name or spoken, name=name or None, link=home, levels=_LEVELS)


def _outcome(status: object, pointer: str) -> EventStatus | Ignored:
    word = word_of(status)
    if word is None:
        raise Unfit(pointer, "a status", status)
    return OUTCOMES.get(word, NO_OUTCOME)


def _environment(name: str | None, tier: object) -> str | None:
    """Give the tier where the project sorted its environments into tiers: `production/eu` is production; else the name."""
    word = word_of(tier)
    return word if word in _TIERS else name


def _environment_of(job: Body) -> str | None:
    environment = object_or_empty(job.get("environment"))
    return _environment(said(environment.get("name")), environment.get("deployment_tier"))


def _verb(outcome: EventStatus) -> str:
    return "passed" if outcome is _RESOLVED else "failed"


def _ref(value: object, pointer: str) -> str:
    ref = said(value)
    if ref is None:
        raise Unfit(pointer, "a branch or tag", value)
    return ref


def _problem(ref: str) -> str:
    return f"pipeline:{ref}"


def _broken_jobs(value: object) -> list[Body]:
    """Give the jobs that failed a pipeline, in its order."""
    jobs = [object_or_empty(job) for job in value] if isinstance(value, list) else []
    return [job for job in jobs if word_of(job.get("status")) == "failed" and job.get("allow_failure") is not True]


def _job_line(job: Body) -> str:
    stage, reason = said(job.get("stage")), said(job.get("failure_reason"))
    return f"{said(job.get('name')) or 'a job'}{f' ({stage})' if stage else ''} failed{f': {reason}' if reason else ''}"


def _level(value: object) -> str | None:
    """Give the severity word; GitLab's `unknown` says nothing."""
    word = said(value)
    return None if word is None or word.lower() == "unknown" else word


def _scoped_labels(body: Body, issue: Body) -> dict[str, str]:
    """Read labels: `service::checkout`, GitLab's scoped labels, is a label with a value; another is true."""
    listed = body.get("labels") or issue.get("labels")
    titles = [said(object_or_empty(label).get("title")) for label in listed] if isinstance(listed, list) else []
    labels = {}
    for title in titles:
        name, _, value = (title or "").rpartition("::")
        if title:
            labels[name or title] = value if name else "true"
    return labels


SOURCE = Source(
    name="gitlab",
    title="GitLab",
    read=read,
    schemes=(SecretHeader("x-gitlab-token"), StandardWebhooks()),
    trusted_time=True,
    headers=frozenset({_EVENT, _IDEMPOTENCY, ID}),
)
