"""Commands: what people ask for. Each is a record of the log; the fold decides, and its outcome is a row.

A body names its incident; inside a bulk it does not, for the bulk names them all. A new rule set travels as a command too
(in a record of its own kind): it has an actor, an outcome, and a caller who waits.
"""

from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus

COMMAND_VERSION = 1
BULK_MAX = 500
"""Incidents of one bulk: the gateway expands its filter to at most as many before it logs the command."""
MERGE_MAX = 50
"""Incidents that one merge takes in."""
SPLIT_MAX = 500
"""Alerts that one split takes out."""
TEXT_MAX = 10_000
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Id = Annotated[str, Field(min_length=1, max_length=64)]


class Actor(BaseModel):
    """Who asked: a named person or machine, by its API key."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["person", "machine"] = "machine"
    id: str = Field(max_length=200)
    name: str = Field(max_length=200)


class _Deed(BaseModel):
    """Something to do with one incident, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    incident: str = ""
    """Its whole id; empty inside a bulk."""
    comment: str | None = Field(default=None, max_length=1000)


class SetStatus(_Deed):
    """Move an incident to another status (C4); transitions are `status.TRANSITIONS`. Acknowledging is one of them."""

    kind: Literal["set-status"] = "set-status"
    status: IncidentStatus


class Assign(_Deed):
    """Give an incident to somebody, or to nobody (E11)."""

    kind: Literal["assign"] = "assign"
    assignee: _Name | None


class Snooze(_Deed):
    """Keep an unresolved incident quiet until a time; it collects silently (E8)."""

    kind: Literal["snooze"] = "snooze"
    until: int
    """µs; later than the fold's clock."""


class Unsnooze(_Deed):
    """End a snooze before its time."""

    kind: Literal["unsnooze"] = "unsnooze"


class Comment(_Deed):
    """Write something down beside an incident."""

    kind: Literal["comment"] = "comment"
    text: str = Field(min_length=1, max_length=TEXT_MAX)


class SetSeverity(_Deed):
    """Override an incident's severity; it then rises only above the worst that its alerts had (E9)."""

    kind: Literal["set-severity"] = "set-severity"
    severity: Severity


class SetTeam(_Deed):
    """Correct which team an incident belongs to (C7)."""

    kind: Literal["set-team"] = "set-team"
    team: _Name | None


class SetCategory(_Deed):
    """Correct an incident's category (C7)."""

    kind: Literal["set-category"] = "set-category"
    category: _Name


class SetRunbook(_Deed):
    """Point at what to do (E11)."""

    kind: Literal["set-runbook"] = "set-runbook"
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s]+$")] | None


class Link(_Deed):
    """Say that two incidents have to do with each other."""

    kind: Literal["link"] = "link"
    other: _Id


class Unlink(_Deed):
    """Take a link back."""

    kind: Literal["unlink"] = "unlink"
    other: _Id


class Reopen(_Deed):
    """Open an incident again that was over: a fact of its own, not a transition."""

    kind: Literal["reopen"] = "reopen"


class Merge(_Deed):
    """Take other incidents into this one: their alerts move here, and so do their groups' next ones."""

    kind: Literal["merge"] = "merge"
    sources: Annotated[tuple[_Id, ...], Field(min_length=1, max_length=MERGE_MAX)]


class Split(_Deed):
    """Take alerts out of an incident into a new one."""

    kind: Literal["split"] = "split"
    alerts: Annotated[tuple[_Id, ...], Field(min_length=1, max_length=SPLIT_MAX)]


class Undo(_Deed):
    """Take back a merge, a split or a snooze."""

    kind: Literal["undo"] = "undo"
    version: int = Field(ge=1)
    """The incident's version at which it was done: that of its action."""


BulkDeed = Annotated[
    SetStatus | Assign | Snooze | Unsnooze | Comment | SetSeverity | SetTeam | SetCategory | SetRunbook | Reopen,
    Field(discriminator="kind"),
]


class Bulk(BaseModel):
    """Do one thing to many incidents, each by itself: some may be rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["bulk"] = "bulk"
    incidents: Annotated[tuple[_Id, ...], Field(min_length=1, max_length=BULK_MAX)]
    deed: BulkDeed


class SetRules(BaseModel):
    """Put another rule set in force for the tenant; it becomes its next version. Ingest checked the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["set-rules"] = "set-rules"
    document: dict[str, JsonValue]
    comment: str | None = Field(default=None, max_length=1000)
    dry_run: bool = False
    """Only say what would become of open incidents."""


Deed = (
    SetStatus | Assign | Snooze | Unsnooze | Comment | SetSeverity | SetTeam | SetCategory | SetRunbook | Link | Unlink | Reopen
    | Merge | Split | Undo
)  # fmt: skip
Body = Annotated[Deed | Bulk | SetRules, Field(discriminator="kind")]


class Command(BaseModel):
    """One command as the log keeps it. Writers are strict; readers ignore fields of a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = COMMAND_VERSION
    id: str = Field(min_length=1, max_length=255)
    """The Idempotency-Key, else generated by ingest."""
    request_hash: str
    """Hash of method, path, body and actor: the same id with another hash is refused (422)."""
    tenant: str
    actor: Actor
    issued_at: int
    """The gateway's clock, µs: for people."""
    if_revision: int | None = None
    """Precondition from `If-Match: "r<revision>"` (of an incident) or `"v<version>"` (of the rules); another is refused (412)."""
    body: Body
    """What is asked. A later release adds kinds; one that this release does not know is fatal for the grouper."""


def encode_command(command: Command) -> bytes:
    """Write a command as a record's value."""
    return orjson.dumps(command.model_dump(mode="json"))


def decode_command(value: bytes) -> Command:
    """Read a command.

    Raises:
        ValueError: not a command that this release knows.
    """
    return Command.model_validate_json(value)
