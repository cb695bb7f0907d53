"""What people ask of one incident as it is: its status, its fields, its snooze, a comment."""

from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, field_validator, model_validator

from tocsin_contracts import command as deeds
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND, from_datetime
from tocsin_ingest.domain.ask import STORABLE, Act, Ask, Place, Unfit, UnfitValues
from tocsin_rules.category import Category
from tocsin_rules.duration import parse_duration

SNOOZE_MAX_S = 30 * 86_400
Name = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=200,
        strip_whitespace=True,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$",
    ),
]
"""On one line, and written in one direction: it stands in lists, mails and chats."""


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
                detail = "A snooze ends after now, and within 30 days."
                raise UnfitValues(Unfit(("until",), "out-of-range", detail), passing=True)
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

    text: Annotated[str, StringConstraints(min_length=1, max_length=deeds.TEXT_MAX, pattern=STORABLE)]

    @field_validator("text")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("a comment says something")
        return text

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
