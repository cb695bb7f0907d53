"""One table of commands, one entry each: routing, reading, documents and tests follow it."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin_contracts.envelope import Kind
from tocsin_control.principal import Scope
from tocsin_ingest.domain import asks, moves
from tocsin_ingest.domain.ask import Ask
from tocsin_ingest.domain.many import BulkRequest, RulesChange
from tocsin_ingest.domain.request import Precondition

KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One command that can be asked for."""

    name: str
    method: str
    form: str
    """Its path with names in place of ids, behind `/api/v1`."""
    ask: type[Ask]
    """What its body is read as."""
    example: dict[str, object]
    body_optional: bool = False
    """Whether no body is `{}`."""
    key_required: bool = False
    """Whether it asks for an Idempotency-Key: what, done twice, is two."""
    precondition: Precondition = Precondition.REVISION
    scope: Scope = Scope.INCIDENTS_WRITE
    kind: Kind = Kind.COMMAND
    """Of its record."""
    body_max: int = 16 * KIB
    is_heavy: bool = False
    """Whether it may be hundreds of facts: it has a quota of its own beside that of all commands."""
    is_slow: bool = False
    """Whether making the deed takes so long that it would hold up deliveries."""

    @property
    def summary(self) -> str:
        """Say in a line what it does."""
        return (self.ask.__doc__ or "").splitlines()[0]


def _of_one(name: str, method: str, verb: str, ask: type[Ask], example: dict[str, object], **more: bool | int) -> Operation:
    """Describe a command for one incident."""
    return Operation(name=name, method=method, form=f"/incidents/{{id}}/{verb}", ask=ask, example=example, **more)  # type: ignore[arg-type] # names of members


_WHY: dict[str, object] = {"comment": "On it."}
OPERATIONS: tuple[Operation, ...] = (
    _of_one("setIncidentStatus", "PATCH", "status", asks.StatusChange, {"status": "RESOLVED", "comment": "Restarted."}),
    _of_one("acknowledgeIncident", "POST", "acknowledge", asks.Acknowledgement, _WHY, body_optional=True),
    _of_one("assignIncident", "PUT", "assignee", asks.Assignment, {"assignee": "ada"}),
    _of_one("snoozeIncident", "PUT", "snooze", asks.SnoozeRequest, {"for": "2h30m", "comment": "Deploy runs."}),
    _of_one("unsnoozeIncident", "DELETE", "snooze", asks.Unsnoozing, {}, body_optional=True),
    _of_one("commentIncident", "POST", "comments", asks.Note, {"text": "It is the disk."}, key_required=True, body_max=128 * KIB),
    _of_one("setIncidentSeverity", "PUT", "severity", asks.SeverityChange, {"severity": "LOW", "comment": "Staging only."}),
    _of_one("setIncidentTeam", "PUT", "team", asks.TeamChange, {"team": "storage"}),
    _of_one("setIncidentCategory", "PUT", "category", asks.CategoryChange, {"category": "capacity"}),
    _of_one("setIncidentRunbook", "PUT", "runbook", asks.RunbookChange, {"url": "https://runbooks.example/disk-full"}),
    _of_one("linkIncidents", "POST", "links", moves.Linking, {"incident": "INC-7K3QF2B"}),
    _of_one("unlinkIncidents", "DELETE", "links/{other}", moves.Unlinking, {}, body_optional=True),
    _of_one("mergeIncidents", "POST", "merge", moves.Merging, {"incidents": ["INC-7K3QF2B"]}, key_required=True, is_heavy=True),
    _of_one(
        "splitIncident",
        "POST",
        "split",
        moves.Splitting,
        {"alerts": ["0G7K3QF2B0000000000000000A"]},
        key_required=True,
        is_heavy=True,
        body_max=64 * KIB,
    ),
    _of_one("reopenIncident", "POST", "reopen", moves.Reopening, {"comment": "It came back."}, body_optional=True),
    _of_one("undoIncidentAction", "POST", "undo", moves.Undoing, {"version": 7}),
    Operation(
        name="changeIncidents",
        method="POST",
        form="/incidents/bulk",
        ask=BulkRequest,
        example={"filter": {"service": "billing", "status": ["OPEN"]}, "action": {"kind": "assign", "assignee": "ada"}},
        precondition=Precondition.NONE,
        is_heavy=True,
        body_max=64 * KIB,
    ),
    Operation(
        name="setRules",
        method="PUT",
        form="/rules",
        ask=RulesChange,
        example={"document": {"version": 1}, "comment": "As before there were any."},
        precondition=Precondition.VERSION,
        scope=Scope.RULES_WRITE,
        kind=Kind.RULE_SET,
        body_max=1024 * KIB,
        is_heavy=True,
        is_slow=True,
    ),
)
"""A new command is a line here, its body in `domain`, and its path in `tocsin_contracts.routes`; tests hold them together."""
_FOUND = {(each.method, each.form): each for each in OPERATIONS}


def find_operation(method: str, form: str) -> Operation | None:
    """Find the command that a method asks for at a path of this form."""
    return _FOUND.get((method, form))
