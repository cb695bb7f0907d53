"""Changes to rows: the column order of each table that is written, once."""

from collections.abc import Iterable
from typing import Any

import orjson

from tocsin_contracts import ids
from tocsin_contracts.incident import Commented, IncidentAction, IncidentOpened, IncidentReopened, StatusChanged, encode_fact
from tocsin_contracts.position import Position
from tocsin_grouper.domain.changes import Changes, Words
from tocsin_grouper.domain.policy import DEFAULT_POLICY, told
from tocsin_grouper.domain.state import Alert, Group, Incident

Row = tuple[Any, ...]
_NOTHING_SAID: Row = (None,) * 6
_OWN_COLUMNS = frozenset({"actor_kind", "actor_id", "actor_name", "command", "comment", "text"})

FACTS = ("tenant_id", "partition", "offset", "seq", "incident_id", "version", "kind", "at", "body")
EVENTS = (
    "tenant_id", "logged_at", "partition", "offset", "seq", "alert_id", "incident_id", "status", "severity", "effect",
    "occurred_at", "why",
)  # fmt: skip
DELIVERIES = (
    "tenant_id", "logged_at", "partition", "offset", "id", "integration_id", "source", "outcome", "reason", "detail", "sender_id",
    "duplicate_of", "redrive_of", "received_at", "size", "alert_count", "incident_ids", "request_id", "release",
    "integration_version",
)  # fmt: skip
COMMANDS = (
    "tenant_id", "id", "request_hash", "kind", "actor_kind", "actor_id", "actor_name", "outcome", "status", "detail",
    "decided_at", "partition", "offset",
)  # fmt: skip
ACTIONS = (
    "tenant_id", "incident_id", "version", "kind", "actor_kind", "actor_id", "actor_name", "from_status", "to_status", "comment",
    "detail", "command_id", "at", "partition", "offset",
)  # fmt: skip
INCIDENTS = (
    "tenant_id", "id", "group_key", "status", "severity", "worst", "title", "description", "source", "integration_id", "project",
    "service", "environment", "team", "category", "link", "labels", "rule", "rule_version", "reason", "policy", "previous_id",
    "split_from", "merged_into", "created_at", "updated_at", "first_seen_at", "last_alert_at", "acknowledged_at", "resolved_at",
    "closed_at", "snoozed_until", "assignee", "runbook_url", "alert_count", "firing_count", "event_count", "version", "revision",
    "partition", "opened_offset", "changed_offset", "over_observed", "turned_observed", "flapping", "silent", "recent",
    "merged_by",
)  # fmt: skip
ALERTS = (
    "tenant_id", "id", "integration_id", "source", "identity", "problem", "project", "status", "severity", "title", "service",
    "environment", "team", "host", "link", "incident_id", "heartbeat", "never_resolves", "episode_at", "occurred_at", "opened_at",
    "resolved_at", "created_at", "updated_at", "last_seen_at", "event_count", "content", "content_status", "content_at",
    "last_observed", "group_window_s", "silence_s", "ruled_window_s", "held", "category", "partition", "changed_offset",
)  # fmt: skip
RULE_SETS = (
    "tenant_id", "version", "document", "actor_kind", "actor_id", "actor_name", "comment", "command_id", "at", "partition",
    "offset",
)  # fmt: skip
BODIES = ("tenant_id", "alert_id", "partition", "description", "labels", "metadata", "raw")


def facts(changes: Changes) -> list[Row]:
    """Give the rows of `facts`."""
    return [
        (tenant, *at.position, seq, fact.incident, fact.version, fact.kind, fact.at, encode_fact(fact))
        for at, seq, tenant, fact in changes.facts
    ]


def actions(changes: Changes) -> list[Row]:
    """Give the rows of `incident_actions`: what people did."""
    return [
        (
            tenant, fact.incident, fact.version, fact.kind, fact.actor_kind, fact.actor_id, fact.actor_name,
            *_statuses(fact), _words_of(fact), encode_fact(fact, without=_OWN_COLUMNS), fact.command, fact.at, *at.position,
        )
        for at, _, tenant, fact in changes.facts
        if isinstance(fact, IncidentAction) or (isinstance(fact, IncidentReopened) and fact.actor_id is not None)
    ]  # fmt: skip


def _statuses(fact: IncidentAction | IncidentReopened) -> Row:
    return (fact.before, fact.after) if isinstance(fact, StatusChanged | IncidentReopened) else (None, None)


def _words_of(fact: IncidentAction | IncidentReopened) -> str | None:
    return fact.text if isinstance(fact, Commented) else fact.comment


def rule_sets(changes: Changes) -> list[Row]:
    """Give the rows of `rule_sets`."""
    return [
        (
            fact.tenant, fact.rules.version, orjson.dumps(fact.document).decode(), fact.command.actor.kind, fact.command.actor.id,
            fact.command.actor.name, fact.comment, fact.command.id, at.clock, *at.position,
        )
        for at, fact in changes.rule_sets
    ]  # fmt: skip


def events(changes: Changes) -> list[Row]:
    """Give the rows of `alert_events`."""
    return [
        (
            fact.alert.tenant, at.clock, *at.position, fact.seq, fact.alert.id, fact.alert.incident, fact.event.status,
            fact.event.severity, fact.effect, fact.occurred_at, _json(fact.why),
        )
        for at, fact in changes.events
    ]  # fmt: skip


def deliveries(changes: Changes) -> list[Row]:
    """Give the rows of `deliveries`."""
    rows: list[Row] = []
    for at, fact in changes.deliveries:
        image = fact.image
        rows.append((
            image.tenant, at.clock, *at.position, ids.delivery_id(image.tenant, at.position), image.integration, image.source,
            fact.outcome, fact.reason, fact.detail, image.sender_id, fact.duplicate_of,
            None if image.redrive_of is None else image.redrive_of.offset, image.received_at, image.size, len(image.alerts),
            list(fact.incidents), image.request_id, at.release, image.integration_version,
        ))  # fmt: skip
    return rows


def commands(changes: Changes) -> list[Row]:
    """Give the rows of `commands`."""
    return [
        (
            fact.command.tenant, fact.command.id, fact.command.request_hash, fact.command.body.kind, fact.command.actor.kind,
            fact.command.actor.id, fact.command.actor.name, "applied" if fact.applied else "rejected", fact.status,
            orjson.dumps(fact.detail).decode(), at.clock, *at.position,
        )
        for at, fact in changes.commands
    ]  # fmt: skip


def opened_incidents(changes: Changes) -> list[Row]:
    """Give the rows of incidents that the batch opened, as they are at its end."""
    return [
        _opened(changes.incidents[key], at.position, fact, changes.reasons.get(key)) for key, (at, fact) in changes.opened.items()
    ]


def changed_incidents(changes: Changes) -> list[Row]:
    """Give what moved of incidents that were there before, in the order of `moved_incident`."""
    return [
        (
            i.tenant, i.id, i.group_key, i.rule, i.rule_version, changes.reasons.get(key), _policy(i), i.status, i.severity,
            i.worst, i.updated_at, i.first_seen_at, i.last_alert_at, i.acknowledged_at, i.resolved_at, i.closed_at,
            i.snoozed_until,
            i.assignee, i.team, i.category, i.runbook_url, i.merged_into, i.alert_count, i.firing_count, i.event_count, i.version,
            i.revision, i.over_observed, i.turned_observed, i.flapping, i.silent, _flat(i.recent), i.changed_offset,
            i.merged_by,
        )
        for key, i in changes.incidents.items()
        if key not in changes.opened
    ]  # fmt: skip


def groups(changes: Changes) -> list[Row]:
    """Give groups in the order of `saved_group`."""
    return [(key.tenant, key.group, group.incident, _held(group), group.openings) for key, group in changes.groups.items()]


def new_alerts(changes: Changes, partition: int) -> list[Row]:
    """Give the rows of alerts that the batch saw first."""
    return [
        _alert(changes.alerts[key], changes.words[key], changes.categories.get(key), partition)
        for key in changes.alerts
        if key in changes.new_alerts
    ]


def changed_alerts(changes: Changes) -> list[Row]:
    """Give what moved, and what was said anew, of alerts that were there before, in the order of `moved_alert`."""
    return [
        _moved(alert, changes.words.get(key), changes.categories.get(key))
        for key, alert in changes.alerts.items()
        if key not in changes.new_alerts
    ]


def new_bodies(changes: Changes, partition: int) -> list[Row]:
    """Give what is said of alerts that the batch saw first."""
    return [
        (key.tenant, key.alert, partition, description, labels or "{}", metadata or "{}", changes.raws.get(key))
        for key in changes.alerts
        if key in changes.new_alerts
        for description, labels, metadata in (_said_at_length(changes.words[key]),)
    ]


def changed_bodies(changes: Changes) -> list[Row]:
    """Give what is said of alerts that were there before and whose content changed, in the order of `said_body`.

    Who describes an alert anew changes its content too, so nothing that was said is missed here.
    """
    return [
        (key.tenant, key.alert, *_said_at_length(changes.words.get(key)), raw)
        for key, raw in changes.raws.items()
        if key not in changes.new_alerts
    ]


def columns(rows: Iterable[Row]) -> list[Row]:
    """Turn rows into columns, as `unnest` takes them."""
    return list(zip(*rows, strict=True))


def _opened(i: Incident, opening: Position, fact: IncidentOpened, reason: str | None) -> Row:
    return (
        i.tenant, i.id, i.group_key, i.status, i.severity, i.worst, fact.title, fact.description, fact.source, fact.integration,
        fact.project, fact.service, fact.environment, i.team, i.category, fact.link, orjson.dumps(fact.labels).decode(), i.rule,
        i.rule_version, reason or fact.reason, _policy(i), fact.previous, fact.split_from, i.merged_into, i.created_at,
        i.updated_at, i.first_seen_at, i.last_alert_at, i.acknowledged_at, i.resolved_at, i.closed_at, i.snoozed_until,
        i.assignee, i.runbook_url, i.alert_count, i.firing_count, i.event_count, i.version, i.revision, opening.partition,
        opening.offset, i.changed_offset,
        i.over_observed, i.turned_observed, i.flapping, i.silent, _flat(i.recent), i.merged_by,
    )  # fmt: skip


def _policy(incident: Incident) -> str:
    return "{}" if incident.policy is DEFAULT_POLICY else orjson.dumps(told(incident.policy)).decode()


def _held(group: Group) -> str:
    if not group.held:
        return "[]"
    return orjson.dumps([(w.alert, w.since, w.severity, w.reason, w.events) for w in group.held]).decode()


def _flat(pairs: Iterable[tuple[int, int]]) -> list[int]:
    return [number for pair in pairs for number in pair]


def _alert(a: Alert, words: Words, category: str | None, partition: int) -> Row:
    return (
        a.tenant, a.id, a.integration, words.source, words.event.identity, words.event.problem, words.event.project, a.status,
        a.severity, words.get("title") or "", words.get("service"), words.get("environment"), words.get("team"),
        words.get("host"), words.get("link"), a.incident, a.heartbeat, a.never_resolves, a.episode_at, a.occurred_at,
        a.opened_at, a.resolved_at, a.created_at, a.updated_at, a.last_seen_at, a.event_count, a.content, a.content_status,
        a.content_at, a.last_observed, a.group_window_s, a.silence_s, a.ruled_window_s, a.held, category, partition,
        a.changed_offset,
    )  # fmt: skip


def _moved(a: Alert, words: Words | None, category: str | None) -> Row:
    return (
        a.tenant, a.id, a.incident, a.status, a.severity, a.heartbeat, a.never_resolves, a.episode_at, a.occurred_at,
        a.opened_at, a.resolved_at, a.updated_at, a.last_seen_at, a.event_count, a.content, a.content_status, a.content_at,
        a.last_observed, a.group_window_s, a.silence_s, a.changed_offset, a.ruled_window_s, a.held, *_said(words), category,
    )  # fmt: skip


def _said(words: Words | None) -> Row:
    """Give what was said anew; None for what stays."""
    if words is None:
        return _NOTHING_SAID
    if not words.later:
        said = words.event
        return (
            said.title or None, said.service or None, said.environment or None, said.team or None, said.host or None,
            said.link or None,
        )  # fmt: skip
    return (
        words.get("title"), words.get("service"), words.get("environment"), words.get("team"), words.get("host"),
        words.get("link"),
    )  # fmt: skip


def _said_at_length(words: Words | None) -> tuple[str | None, str | None, str | None]:
    """Give description, labels and metadata as they were said anew; None for what stays."""
    if words is None:
        return (None, None, None)
    if not words.later:
        said = words.event
        return said.description or None, _json(said.labels), _json(said.metadata)
    return words.get("description"), _json(words.get("labels")), _json(words.get("metadata"))


def _json(value: object) -> str | None:
    return orjson.dumps(value).decode() if value else None
