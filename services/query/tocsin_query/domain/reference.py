"""How people name an incident in a read: as `tocsin_contracts.reference` reads it, with answers in place of errors."""

from typing import Final

from tocsin_contracts import reference
from tocsin_contracts.reference import IncidentRange

CHOICES_MAX: Final = reference.CHOICES_MAX


class Unknown(Exception):  # noqa: N818 - an answer, not an error of ours
    """There is nothing under this name, for this tenant: 404."""


class OtherRequest(Exception):  # noqa: N818 - an answer, not an error of ours
    """What is recorded under a command's id is of another request: its key was used twice, 422."""


class Ambiguous(Exception):  # noqa: N818 - an answer, not an error of ours
    """Several incidents share this beginning: 409, with the choices."""

    def __init__(self, choices: list[dict[str, object]]) -> None:
        super().__init__(f"{len(choices)} incidents begin so")
        self.choices = choices


def read_id(text: str) -> str:
    """Read a whole id, as forgiving as `read_reference`.

    Raises:
        Unknown: no id looks so.
    """
    try:
        return reference.read_id(text)
    except ValueError:
        raise Unknown from None


def read_reference(text: str) -> IncidentRange:
    """Read an incident's id, `INC-` code, or the beginning of one with at least seven characters.

    Raises:
        Unknown: no id begins so.
    """
    try:
        return reference.read_reference(text)
    except ValueError:
        raise Unknown from None
