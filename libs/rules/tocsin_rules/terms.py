"""The words of a rule set: names, texts, matchers, lists of fields, choices."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints, ValidationInfo

from tocsin_contracts.severity import Severity
from tocsin_rules.fields import EVERYTHING, field_named
from tocsin_rules.matcher import Matcher, parse_matchers
from tocsin_rules.regex import Programs

ALIASES_MAX = 1_000
GROUP_BY_MAX = 20
_PLAIN = r"^[^\x00-\x1f\x7f]*$"


def _read_matchers(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str) or (isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)):
        programs = info.context if isinstance(info.context, Programs) else None
        return parse_matchers(value if isinstance(value, str) else list(value), programs)
    if isinstance(value, tuple) and all(isinstance(each, Matcher) for each in value):
        return value
    raise ValueError("matchers are one text, or a list of texts")


def _read_group_by(names: tuple[str, ...]) -> tuple[str, ...]:
    if EVERYTHING in names:
        if len(names) > 1:
            raise ValueError("'...' means everything: it stands alone")
        return names
    return tuple(dict.fromkeys(field_named(name) for name in names))


def _trimmed(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        raise ValueError("it is empty")
    return words


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PLAIN), AfterValidator(_trimmed)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_PLAIN), AfterValidator(_trimmed)]
Matchers = Annotated[
    tuple[Matcher, ...],
    BeforeValidator(_read_matchers),
    PlainSerializer(lambda matchers: [str(matcher) for matcher in matchers], return_type=list[str]),
]
_FieldName = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_PLAIN)]
GroupBy = Annotated[tuple[_FieldName, ...], Field(min_length=1, max_length=GROUP_BY_MAX), AfterValidator(_read_group_by)]
SeverityMap = dict[Severity, Severity]
Aliases = Annotated[dict[Text, Text], Field(max_length=ALIASES_MAX)]


class Refire(StrEnum):
    """What a firing does whose incident is over."""

    NEW = "new"
    """Opens an incident, linked to the one before."""
    REOPEN = "reopen"


class ResolveWhen(StrEnum):
    """What resolves an incident by itself."""

    ALL_RESOLVED = "all-resolved"
    NEVER = "never"
    """People do."""
