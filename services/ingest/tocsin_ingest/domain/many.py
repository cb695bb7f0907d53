"""What people ask of many incidents at once, and of the tenant's rules."""

from datetime import datetime
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from tocsin_contracts import command as deeds
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import from_datetime
from tocsin_ingest.domain import asks, moves
from tocsin_ingest.domain.ask import STORABLE, Act, Place, Reference, Unfit, UnfitValues, Wanted
from tocsin_rules.reading import UnfitRules, read_rule_set

T = TypeVar("T", bound=str)
VALUES_MAX = 50
_Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=STORABLE)]
_Several = Annotated[tuple[T, ...], Field(min_length=1, max_length=VALUES_MAX)]


class IncidentFilter(BaseModel):
    """Which incidents: any of the values of each member, all members together.

    What the list of incidents filters by, and no more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: IncidentStatus | _Several[IncidentStatus] | None = None
    severity: Severity | _Several[Severity] | None = None
    service: _Word | _Several[_Word] | None = None
    environment: _Word | _Several[_Word] | None = None
    team: _Word | _Several[_Word] | None = None
    category: _Word | _Several[_Word] | None = None
    source: _Word | _Several[_Word] | None = None
    assignee: _Word | _Several[_Word] | None = None
    snoozed: bool | None = None
    """Whether it is unresolved and kept quiet until a later time."""
    flapping: bool | None = None
    created_from: AwareDatetime | None = None
    """Included."""
    created_to: AwareDatetime | None = None
    """Not included."""
    updated_from: AwareDatetime | None = None
    """Included."""
    updated_to: AwareDatetime | None = None
    """Not included."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(value is None for value in dict(self).values()):
            raise ValueError("a filter without a condition would mean every incident")
        for since, until in ((self.created_from, self.created_to), (self.updated_from, self.updated_to)):
            if since is not None and until is not None and until <= since:
                raise ValueError("the end of a time lies behind its beginning")
        return self

    def wanted(self, limit: int | None) -> Wanted:
        """Give what it means."""
        return Wanted(
            statuses=_values(self.status),
            severities=_values(self.severity),
            services=_values(self.service),
            environments=_values(self.environment),
            teams=_values(self.team),
            sources=_values(self.source),
            categories=_values(self.category),
            assignees=_values(self.assignee),
            snoozed=self.snoozed,
            flapping=self.flapping,
            created_from=_moment(self.created_from),
            created_to=_moment(self.created_to),
            updated_from=_moment(self.updated_from),
            updated_to=_moment(self.updated_to),
            limit=limit,
        )


def _values(said: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (str(said),) if isinstance(said, str) else tuple(str(each) for each in said or ())


def _moment(at: datetime | None) -> int | None:
    return None if at is None else from_datetime(at)


class _SetStatus(asks.StatusChange):
    kind: Literal["set-status"]


class _Acknowledge(asks.Acknowledgement):
    kind: Literal["acknowledge"]


class _Assign(asks.Assignment):
    kind: Literal["assign"]


class _Snooze(asks.SnoozeRequest):
    kind: Literal["snooze"]


class _Unsnooze(asks.Unsnoozing):
    kind: Literal["unsnooze"]


class _Comment(asks.Note):
    kind: Literal["comment"]


class _SetSeverity(asks.SeverityChange):
    kind: Literal["set-severity"]


class _SetTeam(asks.TeamChange):
    kind: Literal["set-team"]


class _SetCategory(asks.CategoryChange):
    kind: Literal["set-category"]


class _SetRunbook(asks.RunbookChange):
    kind: Literal["set-runbook"]


class _Reopen(moves.Reopening):
    kind: Literal["reopen"]


Action = Annotated[
    _SetStatus
    | _Acknowledge
    | _Assign
    | _Snooze
    | _Unsnooze
    | _Comment
    | _SetSeverity
    | _SetTeam
    | _SetCategory
    | _SetRunbook
    | _Reopen,
    Field(discriminator="kind"),
]


class BulkRequest(Act):
    """Do one thing to many incidents, each by itself: what some do not take stops no other."""

    incidents: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=deeds.BULK_MAX)] | None = None
    filter: IncidentFilter | None = None
    """In place of `incidents`: those that match now, 500 at most."""
    limit: Annotated[int, Field(ge=1, le=deeds.BULK_MAX)] | None = None
    """Of those that match, so many, the newest first; without it more than 500 are refused."""
    action: Action

    @model_validator(mode="after")
    def _names_them_one_way(self) -> Self:
        if (self.incidents is None) is (self.filter is None):
            raise ValueError("either incidents or filter is given")
        if self.limit is not None and self.filter is None:
            raise ValueError("limit goes with filter")
        if self.comment is not None and isinstance(self.action, _Comment):
            raise ValueError("a comment is its own why: it takes no comment beside its text")
        return self

    def named(self) -> tuple[tuple[str, str], ...]:
        """List the incidents that it names; see `Ask.named`."""
        return tuple((f"/incidents/{number}", text) for number, text in enumerate(self.incidents or ()))

    def wanted(self) -> Wanted | None:
        """Describe the incidents that it is for; see `Ask.wanted`."""
        return None if self.filter is None else self.filter.wanted(self.limit)

    def needs_key(self) -> bool:
        """Tell whether it asks for an Idempotency-Key: a comment written twice is two."""
        return isinstance(self.action, _Comment)

    def deed(self, place: Place) -> deeds.Bulk:
        """Give what goes into the log; see `Ask.deed`."""
        try:
            deed = self.action.deed(Place(incident="", now=place.now))
        except UnfitValues as unfit:
            found = (each._replace(place=("action", *each.place)) for each in unfit.found)
            raise UnfitValues(*found, passing=unfit.passing) from unfit
        if deed.comment is None and self.comment is not None:
            deed = deed.model_copy(update={"comment": self.comment})
        return deeds.Bulk(incidents=tuple(dict.fromkeys(place.others)), deed=deed)


class RulesChange(Act):
    """Put another rule set in force for the tenant: its next version."""

    document: dict[str, JsonValue]
    """A rule set."""
    dry_run: bool = False
    """Only say what would become of open incidents, and change nothing."""

    def deed(self, place: Place) -> deeds.SetRules:  # noqa: ARG002 - rules are of no incident
        """Give what goes into the log; see `Ask.deed`. Compiles every matcher, which takes a while."""
        try:
            read_rule_set(self.document)
        except UnfitRules as unfit:
            found = (Unfit(("document", *fault.place), fault.code, fault.detail) for fault in unfit.faults)
            raise UnfitValues(*found) from unfit
        return deeds.SetRules(document=self.document, comment=self.comment, dry_run=self.dry_run)
