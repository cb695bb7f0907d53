"""How people name an incident: its id, the short code that was said aloud (E11), or the beginning of the id."""

from dataclasses import dataclass

from tocsin_contracts import crockford
from tocsin_contracts.ids import SHORT_CODE_LENGTH

ID_LENGTH = 26
CHOICES_MAX = 10
"""Incidents that are shown where a reference means several."""
_PREFIX = "INC-"
_ALPHABET = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_LAST = "Z"
"""The alphabet's highest character: no id of a prefix lies behind prefix + ZZZ…"""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRange:
    """The ids that a reference can mean, both ends inclusive; one id for a whole reference."""

    first: str
    last: str

    @property
    def is_whole(self) -> bool:
        """Tell whether it means one id, which needs no look-up."""
        return self.first == self.last

    @property
    def written(self) -> str:
        """Write what was said, folded: equal for every spelling of one reference."""
        return self.first


def read_reference(text: str) -> IncidentRange:
    """Read an incident's id, `INC-` code, or the beginning of one with at least seven characters.

    Lower case and the look-alikes O, I and L are read as what they look like: the code may have come by telephone.

    Raises:
        ValueError: no id begins so.
    """
    text = text.strip()
    if text.upper().startswith(_PREFIX):
        text = text[len(_PREFIX) :]
    folded = crockford.fold(text)
    if not SHORT_CODE_LENGTH <= len(folded) <= ID_LENGTH or not set(folded) <= _ALPHABET:
        raise ValueError("no id begins so")
    return IncidentRange(first=folded, last=folded + _LAST * (ID_LENGTH - len(folded)))


def read_id(text: str) -> str:
    """Read a whole id of an incident or an alert, as forgiving as `read_reference`.

    Raises:
        ValueError: no id looks so.
    """
    folded = crockford.fold(text)
    if len(folded) != ID_LENGTH or not set(folded) <= _ALPHABET:
        raise ValueError("not an id")
    return folded
