"""The body of a command in general: strict (security S23), and the deed that it becomes in the log."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator

from tocsin_contracts import command as deeds

STORABLE = r"^[^\x00]*$"
Why = Annotated[str, StringConstraints(max_length=1000, pattern=STORABLE)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""An incident's id or short code."""


class Unfit(NamedTuple):
    """A value that the command does not take."""

    place: tuple[str | int, ...]
    code: str
    detail: str
    """Why; never what it was."""


class UnfitValues(ValueError):  # noqa: N818 - it names what the values are
    """Values are not what the command takes; `found` says which, `passing` whether a while ago they were."""

    def __init__(self, *found: Unfit, passing: bool = False) -> None:
        self.found = found
        self.passing = passing
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
    categories: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    snoozed: bool | None = None
    """Whether it is unresolved, and quiet until later than the fold's clock."""
    flapping: bool | None = None
    created_from: int | None = None
    """µs; included."""
    created_to: int | None = None
    """µs; not included."""
    updated_from: int | None = None
    updated_to: int | None = None
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

    @field_validator("comment")
    @classmethod
    def _says_something(cls, comment: str | None) -> str | None:
        """Take a blank one for none."""
        return comment if comment and comment.strip() else None
