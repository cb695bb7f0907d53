"""The rule set: what a tenant writes in YAML, and what its log record holds in JSON."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tocsin_contracts.severity import Severity
from tocsin_rules.category import Category
from tocsin_rules.duration import Duration, Quiet, SpikeWindow
from tocsin_rules.fields import longest
from tocsin_rules.regex import PROGRAMS_MAX, REGEXES_MAX
from tocsin_rules.terms import Aliases, GroupBy, Matchers, Name, Refire, ResolveWhen, SeverityMap, Text, Title

RULES_MAX = 2_000
"""Of each kind."""
FIELDS_MAX = 200
"""Different fields and labels that matchers ask for: each costs every alert a look."""
WORK_MAX = 50_000_000
"""What all regular expressions may cost one alert at worst: RE2's instructions times a value's characters, 3 ns each."""
_SMALLER = "fewer of them, smaller repetitions, lists of texts (a|b|c) instead, or labels and titles instead of descriptions"
DOCUMENT_MAX_BYTES = 512 * 1024
DEFAULT_RULE = "default"
RESERVED = "default-"
"""Names of the default classification begin with it."""


class _Part(BaseModel):
    """Frozen, strict: no unknown member, no text where a number belongs."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, serialize_by_alias=True, arbitrary_types_allowed=True)


class _NamedPart(_Part):
    """Something that holds for alerts whose matchers all hold; without matchers, for all."""

    name: Name
    matchers: Matchers = ()


class Threshold(_Part):
    """Open only after so many alerts fired inside the time."""

    alerts: int = Field(ge=1, le=1_000)
    within_s: Duration = Field(alias="within")


class Resolve(_Part):
    """When an incident resolves by itself."""

    when: ResolveWhen = ResolveWhen.ALL_RESOLVED
    after_s: Quiet = Field(default=0, alias="after")
    """How long it must stay quiet before."""


class Flapping(_Part):
    """Opened and resolved so often inside the time: one incident, marked, quiet."""

    times: int = Field(ge=2, le=1_000)
    within_s: Duration = Field(alias="within")


DEFAULT_FLAPPING = Flapping.model_validate({"times": 4, "within": "30m"})


class Spike(_Part):
    """So many events of an incident inside the time."""

    events: int = Field(ge=2, le=100_000)
    within_s: SpikeWindow = Field(alias="within")


class Rule(_NamedPart):
    """How alerts that match become incidents. What is not said is left to later rules, and to the default."""

    group_by: GroupBy | None = None
    """Canonical field names, `labels.<name>`, or `...` alone; None: the default key (E7)."""
    group_window_s: Duration | None = Field(default=None, alias="group_window")
    refire: Refire | None = None
    reopen_within_s: Duration | None = Field(default=None, alias="reopen_within")
    threshold: Threshold | None = None
    severity_map: SeverityMap | None = None
    team: Text | None = None
    resolve: Resolve | None = None
    resolve_silent_after_s: Duration | None = Field(default=None, alias="resolve_silent_after")
    flapping: Flapping | None = None
    """None when `flapping: null` was written switches it off; else None is not said (`model_fields_set`)."""
    goes_on: bool = Field(default=False, alias="continue")


class ClassificationRule(_NamedPart):
    """Which team and which category alerts have that match (C7)."""

    team: Text | None = None
    category: Category | None = None


class EscalationRule(_NamedPart):
    """Raises an incident's severity (E9); never lowers it."""

    at_least: Severity
    spike: Spike | None = None
    """Only when so many events came; None: at once."""


class HeartbeatRule(_NamedPart):
    """A sign of life that is expected: when it stays away, an incident opens."""

    matchers: Matchers = Field(min_length=1)
    every_s: Duration = Field(alias="every")
    severity: Severity = Severity.CRITICAL
    service: Text | None = None
    environment: Text | None = None
    team: Text | None = None
    title: Title | None = None


class RuleSet(_Part):
    """One version of all that a tenant says about its alerts."""

    version: Literal[1]
    """Of the format."""
    severity_map: SeverityMap = Field(default_factory=dict)
    services: Aliases = Field(default_factory=dict)
    environments: Aliases = Field(default_factory=dict)
    default_classification: bool = True
    classification: tuple[ClassificationRule, ...] = Field(default=(), max_length=RULES_MAX)
    rules: tuple[Rule, ...] = Field(default=(), max_length=RULES_MAX)
    escalation: tuple[EscalationRule, ...] = Field(default=(), max_length=RULES_MAX)
    heartbeats: tuple[HeartbeatRule, ...] = Field(default=(), max_length=RULES_MAX)

    @model_validator(mode="after")
    def _bounded_matchers(self) -> Self:
        kinds = (self.classification, self.rules, self.escalation, self.heartbeats)
        fields = {matcher.field for parts in kinds for part in parts for matcher in part.matchers}
        if len(fields) > FIELDS_MAX:
            raise ValueError(f"matchers of a rule set ask for at most {FIELDS_MAX} fields and labels, here are {len(fields):,}")
        searched = [one for parts in kinds for one in {(m.field, m.regex) for p in parts for m in p.matchers if m.is_searched}]
        if len(searched) > REGEXES_MAX:
            raise ValueError(f"a rule set has at most {REGEXES_MAX:,} different regular expressions, here are {len(searched):,}")
        if sum(regex.program for _, regex in searched) > PROGRAMS_MAX:
            raise ValueError(f"all regular expressions together are too large: {_SMALLER}")
        if sum(regex.program * longest(field) for field, regex in searched) > WORK_MAX:
            raise ValueError(f"all regular expressions together may take too long to search the longest values: {_SMALLER}")
        return self


def document_of(rules: RuleSet) -> Mapping[str, object]:
    """Write a rule set as the document that `read_rule_set` reads again: what was said, and nothing else."""
    return rules.model_dump(mode="json", exclude_unset=True)
