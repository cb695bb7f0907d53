"""Why an incident is what it is: how it began, and each fact since that is more than counting; what silence ended is more."""

from collections.abc import Mapping
from typing import Any, Final

from tocsin_contracts.ids import short_code
from tocsin_contracts.incident import AlertsRecorded, AnyIncidentFact, Commented, IncidentOpened, IncidentRegrouped
from tocsin_query.domain.decisions import decision
from tocsin_query.domain.details import detail_of
from tocsin_query.domain.history import History
from tocsin_query.domain.incident_facts import fact_of
from tocsin_query.domain.listing import Filter, Listing, Order, number_key
from tocsin_query.domain.parameter import Parameter
from tocsin_query.domain.rendering import placed
from tocsin_query.domain.sentences import sentence_of

Row = Mapping[str, object]
FACTS: Final = History(
    listing=Listing(
        table="proj.facts",
        columns=("version", "kind", "at", "partition", '"offset"', "body"),
        filters=(),
        orders=(Order(name="-version", keys=(number_key("version"),)),),
    ),
    of=Filter(
        parameter=Parameter(name="incident", meaning="Whose facts."),
        predicate=f"incident_id = {{}}::text AND version > 1 AND (kind <> '{AlertsRecorded.kind}' OR body ? 'ended')",
    ),
)
_DONE_BY: Final = ("actor_kind", "actor_id", "actor_name")


def incident_why(row: Row, *, opening: Row, history: list[Row]) -> dict[str, object]:
    """Say why an incident is what it is.

    Args:
        row: of the incident.
        opening: its first fact.
        history: a page of its later facts.
    """
    incident = str(row["id"])
    return {
        "id": incident,
        "short_code": short_code(incident),
        **{name: row[name] for name in ("title", "status", "severity", "worst_severity", "version")},
        "began": _beginning(opening, incident),
        "history": [happening(each, incident) for each in history],
    }


def happening(row: Row, incident: str) -> dict[str, Any]:
    """Show a fact of an incident: what happened, why, and who did it."""
    return _happening(row, fact_of(row, incident))


def _beginning(row: Row, incident: str) -> dict[str, Any]:
    fact = fact_of(row, incident)
    if not isinstance(fact, IncidentOpened):
        raise TypeError(f"the first fact of an incident is its opening, not {row['kind']}")
    return {
        **_happening(row, fact),
        "alert_id": fact.alert,
        "rule": fact.rule,
        "rule_version": fact.rule_version,
        "group_key": fact.group_key,
        "previous_id": fact.previous,
        "split_from": fact.split_from,
        "said": dict(fact.said),
        "heartbeat_s": fact.why.get("every_s"),
    }


def _happening(row: Row, fact: AnyIncidentFact | None) -> dict[str, Any]:
    detail = detail_of(fact)
    decided = fact.why if isinstance(fact, IncidentOpened | IncidentRegrouped) else None
    shown = placed({name: value for name, value in row.items() if name != "body"})
    return {
        **shown,
        "sentence": sentence_of(fact),
        "reason": detail["reason"],
        "detail": detail,
        "decision": decision(decided),
        **{name: getattr(fact, name, None) for name in _DONE_BY},
        "comment": fact.text if isinstance(fact, Commented) else getattr(fact, "comment", None),
        "command_id": getattr(fact, "command", None),
    }
