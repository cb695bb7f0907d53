"""How people name an incident: its id, or the short code that was said aloud (E11)."""

from dataclasses import dataclass
from typing import Final

from tocsin_contracts import crockford
from tocsin_contracts.ids import SHORT_CODE_LENGTH

ID_LENGTH: Final = 26
CHOICES_MAX: Final = 10
_PREFIX = "INC-"
_ALPHABET = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_LAST = "Z"
"""The alphabet's highest character: no id of a prefix lies behind prefix + ZZZ…"""


class Unknown(Exception):  # noqa: N818 - an answer, not an error of ours
    """There is nothing under this name, for this tenant: 404."""


class Ambiguous(Exception):  # noqa: N818 - an answer, not an error of ours
    """Several incidents share this beginning: 409, with the choices."""

    def __init__(self, choices: list[dict[str, object]]) -> None:
        super().__init__(f"{len(choices)} incidents begin so")
        self.choices = choices


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRange:
    """The ids that a reference can mean, both ends inclusive; one id for a whole reference."""

    first: str
    last: str


def read_id(text: str) -> str:
    """Read a whole id, as forgiving as `read_reference`.

    Raises:
        Unknown: no id looks so.
    """
    folded = crockford.fold(text)
    if len(folded) != ID_LENGTH or not set(folded) <= _ALPHABET:
        raise Unknown
    return folded


def read_reference(text: str) -> IncidentRange:
    """Read an incident's id, `INC-` code, or the beginning of one with at least seven characters.

    Lower case and the look-alikes O, I and L are read as what they look like: the code may have come by telephone.

    Raises:
        Unknown: no id begins so.
    """
    text = text.strip()
    if text.upper().startswith(_PREFIX):
        text = text[len(_PREFIX) :]
    folded = crockford.fold(text)
    if not SHORT_CODE_LENGTH <= len(folded) <= ID_LENGTH or not set(folded) <= _ALPHABET:
        raise Unknown
    return IncidentRange(first=folded, last=folded + _LAST * (ID_LENGTH - len(folded)))
