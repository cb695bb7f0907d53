"""How the owner of an integration says what his JSON means: a rule for each field of an alert.

The form alone is here; what a path may be is decided where it is compiled (`tocsin_sources.mapping`).
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

PATH_MAX = 300
PATHS_MAX = 8
VALUES_MAX = 100
LABELS_MAX = 64

Path = Annotated[str, StringConstraints(max_length=PATH_MAX)]
_Text = Annotated[str, StringConstraints(max_length=1000)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Rule(BaseModel):
    """Where one field stands: the first path that gives something wins, then `values` translates it, else `default`.

    Written as an object, or as the path alone, or as the list of paths alone.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: tuple[Path, ...] = Field(default=(), max_length=PATHS_MAX)
    values: dict[_Text, _Text] = Field(default_factory=dict, max_length=VALUES_MAX)
    """Words of the sender to ours, whatever their case; `*` stands for every other. A word in neither stays as it is."""
    default: _Text | None = None
    """What it is where no path gives anything."""

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: object) -> object:
        # Tuples: strict readers (the API) take no list for one, once it has passed through here.
        if isinstance(value, str):
            return {"path": (value,)}
        if isinstance(value, (list, tuple)):
            return {"path": tuple(value)}
        if isinstance(value, dict) and isinstance(path := value.get("path"), (str, list)):
            return {**value, "path": (path,) if isinstance(path, str) else tuple(path)}
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.path and self.default is None:
            raise ValueError("a rule has a path or a default")
        return self


class Mapping(BaseModel):
    """The mapping of one integration. Writers check it with `validate_mapping`; readers ignore members of a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    alerts: Path | None = None
    """Path of the list of alerts in a body; without one the body is one alert, and a list is a list of alerts."""
    ignore_if: Path | None = None
    """An alert for which this gives anything but false, null or something empty is left out."""

    identity: Rule | None = None
    problem: Rule | None = None
    status: Rule | None = None
    """Without one every event fires, and the window of the integration ends its episode."""
    title: Rule | None = None
    severity: Rule | None = None
    description: Rule | None = None
    service: Rule | None = None
    environment: Rule | None = None
    team: Rule | None = None
    host: Rule | None = None
    project: Rule | None = None
    link: Rule | None = None
    occurred_at: Rule | None = None
    episode_at: Rule | None = None
    sender_id: Rule | None = None
    """The sender's own id of the delivery, the same on a retry (P4); read of the whole body."""
    labels: dict[_Name, Rule] = Field(default_factory=dict, max_length=LABELS_MAX)
    labels_from: Path | None = None
    """Path of an object whose members are labels; those of `labels` go before them."""

    trusted_time: bool = False
    """Whether `occurred_at` comes from one clock with a zone and may order events (SOURCES 0.1c)."""

    @model_validator(mode="after")
    def _names_the_alert(self) -> Self:
        if self.identity is None and self.title is None:
            raise ValueError("a mapping has an identity or a title: else all its alerts would be one")
        return self


ALERT_FIELDS = (
    *("identity", "problem", "status", "title", "severity", "description", "service", "environment", "team", "host"),
    *("project", "link", "occurred_at", "episode_at"),
)
"""Names of the rules that are read of each alert."""
