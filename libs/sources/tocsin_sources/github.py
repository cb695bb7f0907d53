"""GitHub: workflows, checks, deployments and security alerts of a repository (SOURCES 16).

Identity: `<kind>:<repository id>:` and what can fail on its own: workflow id and branch, job or check and branch, environment
of a deployment, number of a security alert. A later success on the same branch resolves it. The id of the repository, for
its name may change; of a branch in a fork, the fork's name too.

Problem: the workflow and branch, so that a failed job and the run it failed are one incident; the alert itself otherwise.
Delivery id: `X-GitHub-Delivery`, the same when somebody sends it again. Episode: none, a branch that fails twice is still
failing. Severity: security alerts alone have one. Time: trusted; a reopened alert without a time of its own has none, for
its creation is older than the fix.

Ignored on purpose: every other event; runs that have not ended, were cancelled or skipped; a deployment made inactive by a
newer one; check suites of GitHub Actions, which do not say which workflow they are, so that one would resolve another:
`workflow_run` says the same and names it.
"""

from collections.abc import Callable, Mapping

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.status import EventStatus
from tocsin_sources import document, fields, form
from tocsin_sources.document import NotJson, NotJsonCode
from tocsin_sources.fields import said
from tocsin_sources.github_security import LEVELS, security_alert
from tocsin_sources.repository_events import NO_ALERT, NO_OUTCOME, OUTCOMES, Report, Repository, event_of, word_of
from tocsin_sources.shape import Unfit, as_object, id_of, object_or_empty
from tocsin_sources.signature import HmacSha256Hex
from tocsin_sources.source import Answer, Delivery, Ignored, Normalized, Source
from tocsin_sources.timestamps import time_of

_EVENT, _DELIVERY = "x-github-event", "x-github-delivery"
_FIRING, _RESOLVED = EventStatus.FIRING, EventStatus.RESOLVED
_ACTIONS_APP = "github-actions"
_SHORT_SHA = 12
_COVERED = Ignored(reason="covered", detail="GitHub Actions tells the same as workflow_run, which names the workflow")


Body = Mapping[str, object]
Reader = Callable[[Body], Report | Ignored]


def parse(body: bytes, content_type: str) -> object:
    """Read a body: JSON, or a form whose field `payload` is the JSON."""
    if not form.is_form(content_type):
        return document.parse(body)
    payload = form.fields_of(body).get("payload")
    if payload is None:
        raise NotJson(NotJsonCode.NOT_JSON, "a form without the field payload")
    return document.parse(payload.encode())


def read(delivery: Delivery) -> Answer:
    """Map a webhook of GitHub; the header names the event, else the keys of the body do."""
    body = as_object(delivery.document, "")
    reader = _reader(delivery.headers, body)
    if reader is None:
        return NO_ALERT
    report = reader(body)
    if isinstance(report, Ignored):
        return report
    return Normalized(alerts=(_event(report, body, delivery),), sender_id=fields.present(delivery.headers.get(_DELIVERY)))


def _reader(headers: Mapping[str, str], body: Body) -> Reader | None:
    """Choose the reader of the event; None for an event that is about no alert."""
    named = headers.get(_EVENT, "").strip().lower()
    if named:
        return _READERS.get(named)
    for name, key in _KEYS:
        if key in body:
            return _READERS[name]
    if isinstance(body.get("alert"), dict):
        return security_alert
    if "state" in body and "context" in body:
        return _status
    if {"zen", "sender", "hook", "repository", "organization"} & body.keys():
        return None
    raise Unfit("", "an event of GitHub", body)


def _workflow_run(body: Body) -> Report | Ignored:
    run = as_object(body.get("workflow_run"), "/workflow_run")
    outcome = _outcome(run, "/workflow_run")
    if isinstance(outcome, Ignored):
        return outcome
    workflow = object_or_empty(body.get("workflow"))
    number = id_of(run.get("workflow_id")) or id_of(workflow.get("id"))
    if number is None:
        raise Unfit("/workflow_run/workflow_id", "an identifier", run.get("workflow_id"))
    branch, name = (
        _branch(run, body, "/workflow_run"),
        said(workflow.get("name")) or said(run.get("name")) or said(run.get("path")),
    )
    return Report(
        identity=f"workflow:{number}@{branch}",
        problem=_workflow_problem(name or number, branch),
        status=outcome,
        told=run,
        title=f"{name or 'Workflow'} {_verb(run, outcome)} on {branch}",
        description=_commit_line(run) or said(run.get("display_title")),
        link=run.get("html_url"),
        labels={
            "workflow": name,
            "branch": branch,
            "conclusion": run.get("conclusion"),
            "event": run.get("event"),
            "actor": object_or_empty(run.get("actor")).get("login"),
        },
        metadata={
            "run_id": id_of(run.get("id")),
            "run_number": run.get("run_number"),
            "run_attempt": run.get("run_attempt"),
            "head_sha": run.get("head_sha"),
        },
        occurred_at=time_of(run.get("updated_at")),
    )


def _workflow_job(body: Body) -> Report | Ignored:
    job = as_object(body.get("workflow_job"), "/workflow_job")
    outcome = _outcome(job, "/workflow_job")
    if isinstance(outcome, Ignored):
        return outcome
    name, branch, workflow = _name(job, "/workflow_job"), _branch(job, body, "/workflow_job"), said(job.get("workflow_name"))
    broken = _broken_steps(job.get("steps"))
    return Report(
        identity=f"job:{workflow or ''}/{name}@{branch}",
        problem=_workflow_problem(workflow, branch) if workflow else None,
        status=outcome,
        told=job,
        title=f"{f'{workflow}: ' if workflow else ''}{name} {_verb(job, outcome)} on {branch}",
        description=f"failed steps: {', '.join(broken)}" if broken else None,
        link=job.get("html_url"),
        labels={"workflow": workflow, "job": name, "branch": branch, "conclusion": job.get("conclusion")},
        metadata={"run_id": id_of(job.get("run_id")), "job_id": id_of(job.get("id")), "head_sha": job.get("head_sha")},
        occurred_at=time_of(job.get("completed_at")),
    )


def _check_suite(body: Body) -> Report | Ignored:
    suite = as_object(body.get("check_suite"), "/check_suite")
    outcome = _outcome(suite, "/check_suite")
    if isinstance(outcome, Ignored):
        return outcome
    app = object_or_empty(suite.get("app"))
    slug = _app(app, "/check_suite/app")
    if slug == _ACTIONS_APP:
        return _COVERED
    name, branch = said(app.get("name")) or slug, _branch(suite, body, "/check_suite")
    return Report(
        identity=f"check_suite:{slug}@{branch}",
        status=outcome,
        told=suite,
        title=f"Checks of {name} {_verb(suite, outcome)} on {branch}",
        description=_commit_line(suite),
        link=_in_repository(body, f"commit/{suite['head_sha']}/checks") if said(suite.get("head_sha")) else None,
        labels={"app": slug, "branch": branch, "conclusion": suite.get("conclusion")},
        metadata={"check_suite_id": id_of(suite.get("id")), "head_sha": suite.get("head_sha")},
        occurred_at=time_of(suite.get("updated_at")),
    )


def _check_run(body: Body) -> Report | Ignored:
    run = as_object(body.get("check_run"), "/check_run")
    outcome = _outcome(run, "/check_run")
    if isinstance(outcome, Ignored):
        return outcome
    app, suite, output = (object_or_empty(run.get(name)) for name in ("app", "check_suite", "output"))
    name, slug, branch = (
        _name(run, "/check_run"),
        _app(app, "/check_run/app"),
        _branch({**run, **_place(suite)}, body, "/check_run"),
    )
    return Report(
        identity=f"check_run:{slug}/{name}@{branch}",
        status=outcome,
        told=run,
        title=f"{name} {_verb(run, outcome)} on {branch}",
        description=said(output.get("title")) or said(output.get("summary")),
        link=run.get("html_url") or run.get("details_url"),
        labels={"app": slug, "check": name, "branch": branch, "conclusion": run.get("conclusion")},
        metadata={"check_run_id": id_of(run.get("id")), "head_sha": run.get("head_sha")},
        occurred_at=time_of(run.get("completed_at")),
    )


def _deployment_status(body: Body) -> Report | Ignored:
    status = as_object(body.get("deployment_status"), "/deployment_status")
    deployment = object_or_empty(body.get("deployment"))
    outcome = OUTCOMES.get(word_of(status.get("state")) or "")
    if outcome is None:
        return _no_outcome(status, "state", "/deployment_status")
    environment = said(status.get("environment")) or said(deployment.get("environment"))
    if environment is None:
        raise Unfit("/deployment_status/environment", "a string", status.get("environment"))
    task, ref = said(deployment.get("task")) or "deploy", said(deployment.get("ref"))
    creator = object_or_empty(status.get("creator")).get("login")
    return Report(
        identity=f"deployment:{environment}/{task}",
        status=outcome,
        told=status,
        title=f"Deployment to {environment} {'succeeded' if outcome is _RESOLVED else 'failed'}",
        description=said(status.get("description")),
        environment=environment,
        link=fields.web_link(status.get("log_url")) or fields.web_link(status.get("target_url")),
        labels={"ref": ref, "task": task, "state": status.get("state"), "creator": creator},
        metadata={
            "deployment_id": id_of(deployment.get("id")),
            "sha": deployment.get("sha"),
            "environment_url": fields.web_link(status.get("environment_url")),
        },
        occurred_at=time_of(status.get("created_at")),
    )


def _status(body: Body) -> Report | Ignored:
    """Map a commit status: the older way in which CI systems report."""
    outcome = OUTCOMES.get(word_of(body.get("state")) or "")
    if outcome is None:
        return _no_outcome(body, "state", "")
    context, branch = said(body.get("context")) or "default", _status_branch(body)
    told = {name: value for name, value in body.items() if name not in {"commit", "repository", "organization", "sender"}}
    return Report(
        identity=f"status:{context}@{branch}",
        status=outcome,
        told=told,
        title=f"{context} {'passed' if outcome is _RESOLVED else 'failed'} on {branch}",
        description=said(body.get("description")),
        link=body.get("target_url"),
        labels={"context": context, "branch": branch, "state": body.get("state")},
        metadata={"sha": body.get("sha")},
        occurred_at=time_of(body.get("updated_at")) or time_of(body.get("created_at")),
    )


_READERS: Mapping[str, Reader] = {
    "deployment_status": _deployment_status,
    "workflow_run": _workflow_run,
    "workflow_job": _workflow_job,
    "check_suite": _check_suite,
    "check_run": _check_run,
    "status": _status,
    **dict.fromkeys(
        ("dependabot_alert", "repository_vulnerability_alert", "code_scanning_alert", "secret_scanning_alert"), security_alert
    ),
}
_KEYS = tuple((name, name) for name in ("deployment_status", "workflow_job", "workflow_run", "check_run", "check_suite"))
"""Deployments first: they carry the run and the check that made them too."""


def _event(report: Report, body: Body, delivery: Delivery) -> AlertEvent:
    home = as_object(body.get("repository"), "/repository")
    full_name = said(home.get("full_name"))
    number = id_of(home.get("id")) or full_name
    if number is None:
        raise Unfit("/repository/id", "an identifier", home.get("id"))
    repository = Repository(
        number=number,
        full_name=full_name,
        name=said(home.get("name")) or full_name,
        link=home.get("html_url"),
        levels=LEVELS,
    )
    return event_of(report, repository, delivery.settings.environment_aliases)


def _outcome(run: Body, pointer: str) -> EventStatus | Ignored:
    """Read the conclusion, which only a finished run has."""
    outcome = OUTCOMES.get(word_of(run.get("conclusion")) or "")
    if outcome is not None:
        return outcome
    return NO_OUTCOME if "conclusion" in run else _no_outcome(run, "status", pointer)


def _no_outcome(told: Body, member: str, pointer: str) -> Ignored:
    if not isinstance(told.get(member), str):
        raise Unfit(f"{pointer}/{member}", "a state", told.get(member))
    return NO_OUTCOME


def _verb(run: Body, outcome: EventStatus) -> str:
    if outcome is _RESOLVED:
        return "passed"
    return "timed out" if word_of(run.get("conclusion")) == "timed_out" else "failed"


def _broken_steps(value: object) -> list[str]:
    """Name the steps of a job that failed."""
    steps = [object_or_empty(step) for step in value] if isinstance(value, list) else []
    broken = [said(step.get("name")) for step in steps if OUTCOMES.get(word_of(step.get("conclusion")) or "") is _FIRING]
    return [name for name in broken if name is not None]


def _name(run: Body, pointer: str) -> str:
    name = said(run.get("name"))
    if name is None:
        raise Unfit(f"{pointer}/name", "a string", run.get("name"))
    return name


def _app(app: Body, pointer: str) -> str:
    slug = said(app.get("slug")) or said(app.get("name")) or id_of(app.get("id"))
    if slug is None:
        raise Unfit(f"{pointer}/slug", "a string", app.get("slug"))
    return slug


def _place(suite: Body) -> dict[str, object]:
    """Give what a check suite says of where its runs are."""
    return {name: suite[name] for name in ("head_branch", "pull_requests") if suite.get(name)}


def _branch(run: Body, body: Body, pointer: str) -> str:
    """Name the branch; one of a fork with the fork's name, for every fork has a `main` too; else the pull request or commit."""
    branch, head = said(run.get("head_branch")), object_or_empty(run.get("head_repository"))
    home = object_or_empty(body.get("repository"))
    if branch is not None:
        fork = said(head.get("full_name"))
        foreign = fork is not None and id_of(head.get("id")) != id_of(home.get("id"))
        return f"{fork}:{branch}" if foreign else branch
    pulls = run.get("pull_requests")
    first = object_or_empty(pulls[0]) if isinstance(pulls, list) and pulls else {}
    number = id_of(first.get("number"))
    if number is not None:
        return f"#{number}"
    sha = said(run.get("head_sha"))
    if sha is None:
        raise Unfit(f"{pointer}/head_branch", "a branch, a pull request or a commit")
    return sha[:_SHORT_SHA]


def _status_branch(body: Body) -> str:
    """Name the branch of a commit status: the default one if the commit heads it, else the first, else the commit."""
    branches = body.get("branches")
    names = [said(object_or_empty(each).get("name")) for each in branches] if isinstance(branches, list) else []
    default = said(object_or_empty(body.get("repository")).get("default_branch"))
    named = [name for name in names if name]
    if named:
        return default if default in named and default else named[0]
    sha = said(body.get("sha"))
    if sha is None:
        raise Unfit("/sha", "a branch or a commit", body.get("sha"))
    return sha[:_SHORT_SHA]


def _workflow_problem(workflow: str, branch: str) -> str:
    return f"workflow:{workflow}@{branch}"


def _commit_line(run: Body) -> str | None:
    """Give the first line of the commit's message."""
    message = said(object_or_empty(run.get("head_commit")).get("message"))
    return None if message is None else message.splitlines()[0]


def _in_repository(body: Body, path: str) -> str | None:
    home = fields.web_link(object_or_empty(body.get("repository")).get("html_url"))
    return None if home is None else f"{home}/{path}"


SOURCE = Source(
    name="github",
    title="GitHub",
    read=read,
    schemes=(HmacSha256Hex("x-hub-signature-256", prefix="sha256="),),
    trusted_time=True,
    headers=frozenset({_EVENT, _DELIVERY}),
    parse=parse,
)
