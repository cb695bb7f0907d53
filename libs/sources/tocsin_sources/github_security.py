"""Security alerts of GitHub: Dependabot, code scanning, secret scanning; a part of `github`."""

from collections.abc import Mapping

from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources.fields import said
from tocsin_sources.repository_events import Report, word_of
from tocsin_sources.severity_words import WORDS
from tocsin_sources.shape import Unfit, as_object, id_of, object_or_empty
from tocsin_sources.timestamps import time_of

_FIRING, _RESOLVED = EventStatus.FIRING, EventStatus.RESOLVED
_ALERT_STATES = {
    "open": _FIRING,
    **dict.fromkeys(("fixed", "dismissed", "auto_dismissed", "resolved", "closed"), _RESOLVED),
}
_ALERT_ACTIONS = {
    **dict.fromkeys(("created", "create", "reopened", "reopen", "reintroduced", "auto_reopened", "reopened_by_user"), _FIRING),
    **dict.fromkeys(("fixed", "resolve", "resolved", "dismiss", "dismissed", "auto_dismissed", "closed_by_user"), _RESOLVED),
}
_ENDS = ("fixed_at", "resolved_at", "dismissed_at", "auto_dismissed_at")
LEVELS = {**WORDS, "note": Severity.LOW}
"""Code scanning also says `note`."""


def security_alert(body: Mapping[str, object]) -> Report:
    """Map an alert of Dependabot, code scanning or secret scanning, told apart by what they are about."""
    alert = as_object(body.get("alert"), "/alert")
    number = id_of(alert.get("number")) or id_of(alert.get("id"))
    if number is None:
        raise Unfit("/alert/number", "an identifier", alert.get("number"))
    status, action = _alert_status(alert, body.get("action")), word_of(body.get("action"))
    kind, title, description, level, labels = _about(alert)
    return Report(
        identity=f"{kind}:{number}",
        status=status,
        told=alert,
        title=title or f"{kind.replace('_', ' ').capitalize()} alert {number}",
        titled=title is not None,
        description=description,
        level=level,
        link=alert.get("html_url") or alert.get("external_reference"),
        labels={**labels, "kind": kind, "state": alert.get("state")},
        metadata={
            "number": number,
            "action": action,
            "ref": body.get("ref"),
            "resolution": alert.get("resolution") or alert.get("dismissed_reason"),
        },
        occurred_at=_alert_time(alert, status, action),
    )


def _about(alert: Mapping[str, object]) -> tuple[str, str | None, str | None, str | None, dict[str, object]]:
    """Give kind, title, description, severity word and labels of a security alert."""
    if "secret_type" in alert:
        secret = said(alert.get("secret_type_display_name")) or said(alert.get("secret_type"))
        labels = {"secret_type": alert.get("secret_type"), "validity": alert.get("validity")}
        return "secret_scanning", f"Secret found: {secret}" if secret else None, None, None, labels
    if "rule" in alert or "tool" in alert:
        rule, tool = object_or_empty(alert.get("rule")), object_or_empty(alert.get("tool"))
        title = said(rule.get("description")) or said(rule.get("name")) or said(rule.get("id"))
        level = said(rule.get("security_severity_level")) or said(rule.get("severity"))
        labels = {"rule": rule.get("id"), "tool": tool.get("name")}
        return "code_scanning", title, said(rule.get("full_description")), level, labels
    advisory, dependency = object_or_empty(alert.get("security_advisory")), object_or_empty(alert.get("dependency"))
    vulnerability = object_or_empty(alert.get("security_vulnerability"))
    package = object_or_empty(dependency.get("package") or vulnerability.get("package"))
    name = said(package.get("name")) or said(alert.get("affected_package_name"))
    level = said(vulnerability.get("severity")) or said(advisory.get("severity")) or said(alert.get("severity"))
    labels = {
        "package": name,
        "ecosystem": package.get("ecosystem"),
        "ghsa": advisory.get("ghsa_id") or alert.get("ghsa_id"),
        "cve": advisory.get("cve_id") or alert.get("external_identifier"),
        "manifest": dependency.get("manifest_path"),
    }
    title = said(advisory.get("summary")) or (f"Vulnerable dependency: {name}" if name else None)
    return "dependabot", title, said(advisory.get("description")), level, labels


def _alert_status(alert: Mapping[str, object], action: object) -> EventStatus:
    """Read the alert's own state; older kinds of alerts have none, only the action and a resolution."""
    state = word_of(alert.get("state"))
    status = _ALERT_STATES.get(state or "") or _ALERT_ACTIONS.get(word_of(action) or "")
    if status is None:
        raise Unfit("/alert/state", "open, fixed, dismissed, auto_dismissed or resolved", alert.get("state"))
    return status


def _alert_time(alert: Mapping[str, object], status: EventStatus, action: str | None) -> int | None:
    """Give the time of what happened, and none where the alert only says when something older did."""
    if status is _RESOLVED:
        ended = [at for name in _ENDS if (at := time_of(alert.get(name))) is not None]
        return max(ended, default=time_of(alert.get("updated_at")))
    if action in {"created", "create"}:
        return time_of(alert.get("created_at"))
    return time_of(alert.get("updated_at"))
