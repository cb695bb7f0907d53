"""What an integration's own mapping took from where: for whoever tries it, never for the log."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Where one field of one alert came from."""

    alert: int | None
    """Place of the alert in the body, from 0; None for what is read of the whole body."""
    field: str
    """Such as `title` or `labels.team`."""
    path: str | None
    """The path that won; None where the rule's default was taken, or nothing was."""
    value: str | None
    """As it is used, before defaults and bounds."""
