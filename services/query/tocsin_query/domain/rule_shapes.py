"""What answers about a tenant's rules look like."""

from datetime import datetime
from typing import Any

from pydantic import Field

from tocsin_query.domain.shapes import AsOf, Page, Shape


class RuleSetRow(Shape):
    """A version of a tenant's rules, as lists show it. Version 0, which nobody made, has no actor, time or position."""

    version: int
    actor_kind: str | None
    actor_id: str | None
    actor_name: str | None
    comment: str | None
    command_id: str | None
    at: datetime | None = Field(description="When it came into force.")
    position: str | None = Field(description="Of its record: it holds for what lies behind.")


class RuleSetPage(Page[RuleSetRow]):
    """One page of versions of the rules."""


class RuleSet(RuleSetRow):
    """A version of a tenant's rules with its document."""

    document: dict[str, Any] = Field(description="As it was put in force; `PUT /rules` takes the like.")
    as_of: AsOf
