"""How another rule set comes into force: a version more, open incidents under their new keys, heartbeats to wait for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from tocsin_contracts.command import Command, SetRules
from tocsin_contracts.incident import IncidentRegrouped
from tocsin_contracts.record import record
from tocsin_grouper.domain import collecting, ending, heartbeats, regrouping, rules
from tocsin_grouper.domain.facts import RulesAdopted
from tocsin_grouper.domain.keys import GroupKey, OpeningKey, UnresolvedKey
from tocsin_grouper.domain.rejection import Rejection
from tocsin_grouper.domain.rules import Rules
from tocsin_grouper.domain.state import Group, Incident
from tocsin_grouper.domain.step import FOLLOWED_MAX, Step
from tocsin_grouper.domain.view import by_age

REGROUPED_MAX: Final = 20_000
"""Open incidents of a tenant, with those that they took in, that one change of its rules can carry over."""
FORESEEN_MAX: Final = 100
"""Open incidents that a dry run names; it counts all."""


@record
class _Carried:
    """An incident that a change of rules reaches, with the one that has its alerts."""

    incident: Incident
    holder: Incident
    """Itself, or what it was merged into, and that in its turn; it is open."""
    fact: IncidentRegrouped | None = None
    """What the rules change for it."""

    @property
    def key(self) -> str:
        return self.incident.group_key if self.fact is None else self.fact.group_key


def adopt(step: Step, command: Command, body: SetRules) -> dict[str, object] | Rejection:
    """Put a rule set in force behind this record; no open incident is lost, each goes on under its new key.

    Raises:
        Missing: an open incident, or how it began, is not loaded.
    """
    tenant = command.tenant
    before = step.rules_of(tenant)
    if command.if_revision is not None and command.if_revision != before.version:
        return Rejection(412, {"reason": "revision-changed", "version": before.version})
    try:
        after = rules.read_rules(before.version + 1, body.document)
    except ValueError:
        return Rejection(422, {"reason": "unreadable-rules", "version": before.version})
    carried = _carried(step, tenant)
    if len(carried) > REGROUPED_MAX:
        return Rejection(409, {"reason": "too-many-open-incidents", "most": REGROUPED_MAX, "version": before.version})
    if body.dry_run:
        return {"version": before.version, **_foresee(step, tenant, after, carried)}
    step.adopt(tenant, after)
    step.record(RulesAdopted(tenant=tenant, rules=after, document=body.document, comment=body.comment, command=command))
    heartbeats.adopt(step, tenant, before, after)
    return {"version": after.version, "regrouped": _regroup_all(step, tenant, after, carried)}


def _foresee(step: Step, tenant: str, after: Rules, carried: Sequence[_Carried]) -> dict[str, object]:
    """Say which open incidents would go on otherwise, the oldest first, and how."""
    open_ones = [each.incident for each in carried if each.holder is each.incident]
    step.draft.require([OpeningKey(tenant, incident.id) for incident in open_ones])
    told = [(incident, regrouping.wanted(step, incident, after)) for incident in open_ones]
    incidents = [
        {"incident": incident.id, "before": incident.rule, "rule": fact.rule, "moves": fact.group_key != incident.group_key}
        for incident, fact in told
        if fact is not None
    ]
    return {"regrouped": len(incidents), "incidents": incidents[:FORESEEN_MAX]}


def _carried(step: Step, tenant: str) -> list[_Carried]:
    """List what is open, and what that took in: a merge promises to take the next alerts of those groups as well.

    Behind more merges of merges than an alert follows nothing is promised.

    Raises:
        Missing: one of them is not loaded.
    """
    found = {each.id: _Carried(incident=each, holder=each) for each in step.draft.unresolved(UnresolvedKey(tenant))}
    takers = list(found)
    for _ in range(FOLLOWED_MAX):
        if not takers:
            break
        merged = step.draft.merged_into(tenant, takers)
        found |= {each.id: _Carried(incident=each, holder=found[each.merged_into or ""].holder) for each in merged}
        takers = [each.id for each in merged]
    return sorted(found.values(), key=lambda each: by_age(each.incident))


def _regroup_all(step: Step, tenant: str, after: Rules, carried: Sequence[_Carried]) -> int:
    """Carry incidents over, the oldest first: of several under one new key it is the one that collects.

    Gives how many open ones go on otherwise than before.
    """
    step.draft.require([OpeningKey(tenant, each.incident.id) for each in carried])
    told = [replace(each, fact=regrouping.wanted(step, each.incident, after)) for each in carried]
    moving = [(each, each.fact) for each in told if each.fact is not None]
    ruled = [each for each in told if regrouping.is_ruled(step, each.incident)]
    groups = {key: None for each in ruled for key in (each.incident.group_key, each.key)}
    step.draft.require([GroupKey(tenant, key) for key in groups])
    for each, fact in moving:
        if fact.group_key != each.incident.group_key:
            collecting.leave(step, each.incident)
    holders = _hold_all(step, tenant, told, groups)
    for each, fact in moving:
        _regroup(step, each, fact, holders)
    return sum(each.holder is each.incident for each, _ in moving)


def _hold_all(step: Step, tenant: str, told: Sequence[_Carried], groups: Iterable[str]) -> dict[str, Incident]:
    """Let each group point at an incident of its key that collects, or whose taker does: as it does already, else the oldest.

    Gives, by key, which incidents collect.
    """
    under: dict[str, list[_Carried]] = {}
    for each in told:
        under.setdefault(each.key, []).append(each)
    holders: dict[str, Incident] = {}
    for name in groups:
        key, found = GroupKey(tenant, name), under.get(name, [])
        group = step.draft.group(key) or Group(incident=None)
        able = [each for each in found if each.holder.collects]
        if not able and group.incident is None:
            able = found[:1]
        if not able:
            continue
        chosen = next((each for each in able if each.incident.id == group.incident), able[0])
        if chosen.incident.id != group.incident:
            step.draft.put(key, replace(group, incident=chosen.incident.id))
        holders[name] = chosen.holder
    return holders


def _regroup(step: Step, each: _Carried, fact: IncidentRegrouped, holders: Mapping[str, Incident]) -> None:
    holder = holders.get(fact.group_key, each.holder)
    if holder.id != each.holder.id:
        competing = {"incident": holder.id, "because": "it collects under this key"}
        fact = replace(fact, why={**fact.why, "competing": competing})
    ending.watch(step, step.emit(each.incident.tenant, fact, each.incident))
