"""What people ask of incidents together: links, merges, splits; and what opens them again or takes a deed back."""

from typing import Annotated

from pydantic import Field

from tocsin_contracts import command as deeds
from tocsin_contracts.reference import read_id
from tocsin_ingest.domain.ask import Act, Place, Reference, Unfit, UnfitValues


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
