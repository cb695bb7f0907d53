"""Why an alert is where it is: its events with what they did, and what decided where its episode began."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tocsin_contracts.ids import TenantId, short_code
from tocsin_query.domain.alerts import waiting_for
from tocsin_query.domain.decisions import decision
from tocsin_query.domain.history import History
from tocsin_query.domain.incident_why import happening as incident_happening
from tocsin_query.domain.listing import OFFSET_KEY, Filter, Listing, Order, number_key, time_key
from tocsin_query.domain.parameter import Parameter
from tocsin_query.domain.rendering import action, event

Row = Mapping[str, object]
EVENTS: Final = History(
    listing=Listing(
        table="proj.alert_events",
        columns=(
            "partition",
            '"offset"',
            "seq",
            "incident_id",
            "status",
            "severity",
            "effect",
            "occurred_at",
            "logged_at",
            "why",
        ),
        filters=(),
        orders=(Order(name="-logged_at", keys=(time_key("logged_at"), OFFSET_KEY, number_key("seq"))),),
    ),
    of=Filter(parameter=Parameter(name="alert", meaning="Whose events."), predicate="alert_id = {}::text"),
)
_PLAIN: Final = {
    "opened": "It fired, and opened {incident}.",
    "joined": "It fired, and joined {incident}, which collects its group.",
    "fired": "It fired again, in the incident that it was in: {incident}.",
    "repeated": "Its source said again that it fires.",
    "acknowledged": "Somebody acknowledged it at its source.",
    "resolved": "Its source resolved it.",
    "late": "This came late, from before what was known already: it is kept, and changed nothing.",
    "recorded": "Nothing of it ran: this is remembered, and opened nothing.",
    "heartbeat": "A sign of life: it never has an incident.",
}
"""What each effect means; those that need more words have them below."""


def alert_why(
    row: Row,
    *,
    began: Row | None,
    history: list[Row],
    tenant: TenantId,
    moved: Row | None = None,
    ended: tuple[Row, str] | None = None,
) -> dict[str, object]:
    """Say why an alert is where it is.

    Args:
        row: of the alert.
        began: its event that began its last episode; None where there is none any more.
        history: a page of its events.
        tenant: whose it is.
        moved: the action that brought it into its incident, where its episode did not begin there.
        ended: the fact that tells of the end of its episode without a resolve, and of which incident.
    """
    beginning = None if began is None else happening(began, tenant)
    waits = waiting_for(row["held"], None if began is None else began["why"])
    incident = row["incident_id"]
    move = None if moved is None else action(moved, str(incident))
    end = None if ended is None else incident_happening(*ended)
    sentence = _stands(row, beginning, waits, move)
    return {
        **{name: row[name] for name in ("id", "title", "status", "severity", "incident_id")},
        "short_code": None if incident is None else short_code(str(incident)),
        "window_s": (row["ruled_window_s"] or row["group_window_s"]) if row["never_resolves"] else None,
        "waiting_for": waits,
        "sentence": sentence if end is None else f"{sentence} {end['sentence']}",
        "began": beginning,
        "moved": move,
        "ended": end,
        "history": [happening(each, tenant) for each in history],
    }


def happening(row: Row, tenant: TenantId) -> dict[str, Any]:
    """Show one event of an alert."""
    why = row["why"]
    decided = decision(None if why is None else orjson.loads(str(why)))
    shown = event({name: value for name, value in row.items() if name != "why"}, tenant)
    return {**shown, "sentence": _did(str(row["effect"]), row["incident_id"], decided), "decision": decided}


def _did(effect: str, incident: object, decided: Mapping[str, Any] | None) -> str:
    """Say what an event did."""
    name = _code(incident)
    match effect, decided:
        case "held", {"threshold": {"alerts": alerts, "within_s": within_s, "counted": counted}, "rule": rule}:
            return f"It fired, and waits: rule {rule} wants {alerts} alerts within {within_s} s, and this makes {counted}."
        case "reopened", {"reopened": str(reason)}:
            return f"It fired, and {name} opened again: {reason}."
        case "opened", {"competing": {"short_code": other, "because": because}}:
            return f"It fired, and opened {name}: {other} of its group did not take it, because {_clause(because)}."
        case "opened", {"threshold": {"alerts": alerts, "counted": counted}}:
            return f"It fired, and opened {name}: with it there were {counted} alerts, and {alerts} were wanted."
        case _:
            return _PLAIN.get(effect, f"It did this: {effect}.").format(incident=name)


def _clause(because: str) -> str:
    return "it was over" if because == "over" else because


def _stands(row: Row, began: Mapping[str, Any] | None, waits: Mapping[str, Any] | None, moved: Mapping[str, Any] | None) -> str:
    """Say where an alert stands, and how it came there if not by its own beginning."""
    if waits is not None:
        wanted = "" if waits["alerts"] is None else f": rule {waits['rule']} wants {waits['alerts']} within {waits['within_s']} s"
        return f"It waits for others of its group before there is an incident{wanted}."
    incident = row["incident_id"]
    if row["heartbeat"] and incident is None:
        return "It is a sign of life: it never has an incident."
    if incident is None:
        return "It has no incident."
    if moved is not None:
        return f"It is of {_code(incident)}. {moved['sentence']}"
    if began is not None and began["effect"] == "held":
        return f"It waited for others; {_code(incident)} took it in."
    return f"It is of {_code(incident)}."


def _code(incident: object) -> str:
    return "an incident" if incident is None else short_code(str(incident))
