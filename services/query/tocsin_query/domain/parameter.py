"""Query parameters: declared once, read, refused and documented from the same place (C6).

What the OpenAPI document says of a parameter is what the service does with it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tocsin_query.domain.kind import Kind, Text, Unfit

FAULTS_MAX: Final = 20
VALUES_MAX: Final = 50
_SEPARATOR = re.compile(r"(?<!\\),")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one parameter. `detail` is a fixed sentence and never repeats the value."""

    parameter: str
    code: str
    detail: str


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error of ours
    """The query cannot be answered as it stands: 422, with every fault at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)[:FAULTS_MAX]
        super().__init__("; ".join(f"{fault.parameter}: {fault.code}" for fault in self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One name of the query string, and what its values are."""

    name: str
    meaning: str
    kind: Kind = field(default_factory=Text)
    many: bool = False
    """Whether it may be repeated or list several values, separated by commas; a comma inside a value is written `\\,`."""
    default: str | int | None = None

    def read(self, texts: list[str]) -> object:
        """Give the value, or the tuple of distinct values in their first order.

        Raises:
            Unfit: a value is not of the kind, or there are too many.
        """
        if not self.many:
            if len(texts) > 1:
                raise Unfit("repeated", "this parameter takes one value")
            return self._read(texts[0])
        parts = [part.replace("\\,", ",") for text in texts for part in _SEPARATOR.split(text)]
        if len(parts) > VALUES_MAX:
            raise Unfit("too-many", f"at most {VALUES_MAX} values")
        return tuple(dict.fromkeys(self._read(part) for part in parts))

    def _read(self, text: str) -> object:
        if not text:
            raise Unfit("empty", "a value is needed; leave the parameter out to not filter")
        return self.kind.read(text)

    def document(self) -> dict[str, object]:
        """Describe it as an OpenAPI parameter."""
        schema = self.kind.schema()
        if self.default is not None:
            schema = {**schema, "default": self.default}
        entry: dict[str, object] = {"name": self.name, "in": "query", "description": self.meaning, "schema": schema}
        if self.many:
            entry |= {"schema": {"type": "array", "items": schema, "maxItems": VALUES_MAX}, "style": "form", "explode": False}
        return entry


def read_query(declared: Iterable[Parameter], query: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Read a whole query string; what was not said is not in the result.

    Raises:
        Refused: with every fault: unknown names (a misspelt filter would silently show everything), unfit values.
    """
    known: Mapping[str, Parameter] = {parameter.name: parameter for parameter in declared}
    given: dict[str, list[str]] = {}
    faults: list[Fault] = []
    for name, text in query:
        given.setdefault(name, []).append(text)
    values: dict[str, object] = {}
    for name, texts in given.items():
        if name not in known:
            faults.append(Fault(parameter=name[:100], code="unknown-parameter", detail=f"known here: {_listed(known)}"))
            continue
        try:
            values[name] = known[name].read(texts)
        except Unfit as unfit:
            faults.append(Fault(parameter=name, code=unfit.code, detail=unfit.detail))
    if faults:
        raise Refused(faults)
    return values


def _listed(known: Mapping[str, Parameter]) -> str:
    return ", ".join(known) or "no parameters"
