"""Frozen records for hot paths: the type checker refuses a change, the interpreter does not pay for refusing it.

A frozen dataclass sets each field by `object.__setattr__`: three times the cost of a plain one. The fold builds some 150
fields an alert, so that would be a tenth of its time. mypy (strict, in CI) holds these records frozen instead.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a class a slotted, keyword-only dataclass that nobody may change. It cannot be hashed: it is no key."""
    return dataclass(slots=True, kw_only=True)(cls)
