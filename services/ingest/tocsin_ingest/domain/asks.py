"""What people ask of an incident: bodies of commands, strict (security S23), and the deed that each becomes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tocsin_contracts import command as deeds
from tocsin_contracts.reference import read_id
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND, from_datetime
from tocsin_rules.category import Category
from tocsin_rules.duration import parse_duration

SNOOZE_MAX_S = 30 * 86_400
_STORABLE = r"^[^\x00]*$"
_PLAIN = r"^[^\x00-\x1f\x7f]*$"
Why = Annotated[str, StringConstraints(max_length=1000, pattern=_STORABLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=_PLAIN)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""An incident's id or short code."""


class Unfit(NamedTuple):
    """A value that the command does not take."""

    place: tuple[str | int, ...]
    code: str
    detail: str
    """Why; never what it was."""


class UnfitValues(ValueError):  # noqa: N818 - it names what the values are
    """Values are not what the command takes; `found` says which."""

    def __init__(self, *found: Unfit) -> None:
        self.found = found
        super().__init__("; ".join(each.detail for each in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a deed needs to be written: whole ids and the time."""

    incident: str
    """Of the path; empty in a bulk."""
    others: tuple[str, ...] = ()
    """Whole ids of the incidents that path and body name beside it, in the order in which they are named."""
    now: int
    """The gateway's clock, µs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which incidents a command to many is for: any value of each condition, all conditions together; () is no condition."""

    statuses: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    created_from: int | None = None
    """µs; included."""
    created_to: int | None = None
    """µs; not included."""
    limit: int | None = None
    """So many at most, the newest first; None: all, if they are not too many."""


class Ask(BaseModel, ABC):
    """The body of a command."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def named(self) -> tuple[tuple[str, str], ...]:
        """List the other incidents that it names, each with its JSON pointer."""
        return ()

    def wanted(self) -> Wanted | None:
        """Describe the incidents that it is for, where it names none."""
        return None

    def needs_key(self) -> bool:
        """Tell whether it asks for an Idempotency-Key though others of its kind do not."""
        return False

    @abstractmethod
    def deed(self, place: Place) -> deeds.Body:
        """Give what goes into the log.

        Raises:
            UnfitValues: values do not fit, as only a look beyond their form can tell.
        """


class Act(Ask):
    """The body of a command that may say why."""

    comment: Why | None = None
    """Kept with the action."""


class StatusChange(Act):
    """Move an incident to another status."""

    status: IncidentStatus

    def deed(self, place: Place) -> deeds.SetStatus:
        """Give what goes into the log."""
        return deeds.SetStatus(incident=place.incident, status=self.status, comment=self.comment)


class Acknowledgement(Act):
    """Say that somebody looks after it."""

    def deed(self, place: Place) -> deeds.SetStatus:
        """Give what goes into the log."""
        return deeds.SetStatus(incident=place.incident, status=IncidentStatus.ACKNOWLEDGED, comment=self.comment)


class Assignment(Act):
    """Give an incident to somebody; null: to nobody."""

    assignee: Name | None

    def deed(self, place: Place) -> deeds.Assign:
        """Give what goes into the log."""
        return deeds.Assign(incident=place.incident, assignee=self.assignee, comment=self.comment)


class SnoozeRequest(Act):
    """Keep an unresolved incident quiet until a time, or for a while: 30 days at most."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=False, validate_by_alias=True)

    until: AwareDatetime | None = None
    """RFC 3339."""
    span: Annotated[int, Field(ge=1, le=SNOOZE_MAX_S)] | Annotated[str, StringConstraints(max_length=40)] | None = Field(
        default=None, alias="for"
    )
    """Seconds, or `2h30m`; counted from the moment at which the gateway reads it."""

    @model_validator(mode="after")
    def _has_one_end(self) -> "SnoozeRequest":
        if (self.until is None) is (self.span is None):
            raise ValueError("either until or for is given")
        return self

    def deed(self, place: Place) -> deeds.Snooze:
        """Give what goes into the log; see `Ask.deed`."""
        return deeds.Snooze(incident=place.incident, until=self._end(place.now), comment=self.comment)

    def _end(self, now: int) -> int:
        if self.until is not None:
            until = from_datetime(self.until)
            if not now < until <= now + SNOOZE_MAX_S * SECOND:
                raise UnfitValues(Unfit(("until",), "out-of-range", "A snooze ends after now, and within 30 days."))
            return until
        return now + self._seconds() * SECOND

    def _seconds(self) -> int:
        if isinstance(self.span, int):
            return self.span
        try:
            seconds = parse_duration(self.span or "")
        except ValueError as error:
            raise UnfitValues(Unfit(("for",), "duration", "A span of time is a number of seconds, or written 2h30m.")) from error
        if not 1 <= seconds <= SNOOZE_MAX_S:
            raise UnfitValues(Unfit(("for",), "out-of-range", "A snooze lasts from a second to 30 days."))
        return seconds


class Unsnoozing(Act):
    """End a snooze before its time."""

    def deed(self, place: Place) -> deeds.Unsnooze:
        """Give what goes into the log."""
        return deeds.Unsnooze(incident=place.incident, comment=self.comment)


class Note(Ask):
    """Write something down beside an incident."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=deeds.TEXT_MAX, pattern=_STORABLE)]

    def deed(self, place: Place) -> deeds.Comment:
        """Give what goes into the log."""
        return deeds.Comment(incident=place.incident, text=self.text)


class SeverityChange(Act):
    """Override an incident's severity, upwards or downwards."""

    severity: Severity

    def deed(self, place: Place) -> deeds.SetSeverity:
        """Give what goes into the log."""
        return deeds.SetSeverity(incident=place.incident, severity=self.severity, comment=self.comment)


class TeamChange(Act):
    """Correct which team an incident belongs to; null: to none."""

    team: Name | None

    def deed(self, place: Place) -> deeds.SetTeam:
        """Give what goes into the log."""
        return deeds.SetTeam(incident=place.incident, team=self.team, comment=self.comment)


class CategoryChange(Act):
    """Correct an incident's category."""

    category: Category

    def deed(self, place: Place) -> deeds.SetCategory:
        """Give what goes into the log."""
        return deeds.SetCategory(incident=place.incident, category=self.category.value, comment=self.comment)


class RunbookChange(Act):
    """Point at what to do; null: at nothing."""

    url: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")] | None

    def deed(self, place: Place) -> deeds.SetRunbook:
        """Give what goes into the log."""
        return deeds.SetRunbook(incident=place.incident, url=self.url, comment=self.comment)


class Linking(Act):
    """Say that another incident has to do with this one."""

    incident: Reference

    def named(self) -> tuple[tuple[str, str], ...]:
        """List the other incidents that it names; see `Ask.named`."""
        return (("/incident", self.incident),)

    def deed(self, place: Place) -> deeds.Link:
        """Give what goes into the log."""
        return deeds.Link(incident=place.incident, other=place.others[0], comment=self.comment)


class Unlinking(Act):
    """Take a link back; the path names the other one."""

    def deed(self, place: Place) -> deeds.Unlink:
        """Give what goes into the log."""
        return deeds.Unlink(incident=place.incident, other=place.others[0], comment=self.comment)


class Merging(Act):
    """Take other incidents into this one: their alerts move here, and so do their groups' next ones."""

    incidents: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=deeds.MERGE_MAX)]

    def named(self) -> tuple[tuple[str, str], ...]:
        """List the other incidents that it names; see `Ask.named`."""
        return tuple((f"/incidents/{number}", text) for number, text in enumerate(self.incidents))

    def deed(self, place: Place) -> deeds.Merge:
        """Give what goes into the log."""
        return deeds.Merge(incident=place.incident, sources=tuple(dict.fromkeys(place.others)), comment=self.comment)


class Splitting(Act):
    """Take alerts out of an incident into a new one."""

    alerts: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=deeds.SPLIT_MAX)]
    """Whole ids."""

    def deed(self, place: Place) -> deeds.Split:
        """Give what goes into the log; see `Ask.deed`."""
        alerts: list[str] = []
        for number, text in enumerate(self.alerts):
            try:
                alerts.append(read_id(text))
            except ValueError as error:
                raise UnfitValues(Unfit(("alerts", number), "id", "This is no id of an alert.")) from error
        return deeds.Split(incident=place.incident, alerts=tuple(dict.fromkeys(alerts)), comment=self.comment)


class Reopening(Act):
    """Open an incident again that is over."""

    def deed(self, place: Place) -> deeds.Reopen:
        """Give what goes into the log."""
        return deeds.Reopen(incident=place.incident, comment=self.comment)


class Undoing(Act):
    """Take back a merge, a split or a snooze."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    """That of the action, as the incident's actions show it."""

    def deed(self, place: Place) -> deeds.Undo:
        """Give what goes into the log."""
        return deeds.Undo(incident=place.incident, version=self.version, comment=self.comment)
