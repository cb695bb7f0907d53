"""What answers about commands look like: one form for each way that a command can end."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from tocsin_contracts.status import IncidentStatus
from tocsin_query.domain.shapes import AsOf, Shape


class PendingCommand(Shape):
    """A command that is not decided yet, or was never given: only the log knows which."""

    id: str
    outcome: Literal["pending"]
    as_of: AsOf


class ChangedIncident(Shape):
    """How an incident stands behind a command that changed it."""

    incident: str
    status: IncidentStatus
    version: int
    revision: int


class SplitIncident(ChangedIncident):
    """How two incidents stand behind a split."""

    new: ChangedIncident = Field(description="The incident that the alerts went to.")


class BulkChange(Shape):
    """What became of a command to many at one incident."""

    incident: str
    status: int = Field(description="As the answer to this one alone would have been.")
    reason: str | None = None
    version: int | None = None
    revision: int | None = None


class BulkChanged(Shape):
    """What became of a command to many incidents."""

    applied: int
    rejected: int
    results: list[BulkChange]


class ForeseenIncident(Shape):
    """What a rule set would make of an open incident."""

    incident: str
    before: str = Field(description="The rule that it goes by.")
    rule: str = Field(description="The rule that it would go by.")
    moves: bool = Field(description="Whether its group key would be another one.")


class AdoptedRules(Shape):
    """A rule set that came into force."""

    version: int = Field(description="`/rules/versions/{id}` shows it.")
    regrouped: int = Field(description="Open incidents that went on under another key or rule; of a dry run: that would.")
    incidents: list[ForeseenIncident] | None = Field(default=None, description="Of a dry run: the oldest 100 of them.")


class RefusedCommand(Shape):
    """Why a command was rejected, and how what it was for stands."""

    reason: str
    incident: str | None = None
    status: IncidentStatus | None = None
    version: int | None = Field(default=None, description="Of the incident, or of the rules.")
    revision: int | None = None
    allowed: list[IncidentStatus] | None = Field(default=None, description="Statuses that it may be given.")
    merged_into: str | None = None
    alerts: list[str] | None = Field(default=None, description="Of a split: some that are not the incident's.")
    most: int | None = Field(default=None, description="The bound that was passed.")
    error: str | None = None


class Command(Shape):
    """What was decided about a command."""

    id: str
    outcome: Literal["applied", "rejected"]
    status: int = Field(description="The HTTP status of the decision: 200, 404, 409, 412 or 422; 500 for a fault of ours.")
    kind: str
    detail: ChangedIncident | SplitIncident | BulkChanged | AdoptedRules | RefusedCommand
    actor_kind: str
    actor_id: str
    actor_name: str
    decided_at: datetime
    position: str
    as_of: AsOf
