"""Keys of the fold's state. Every key ends in its space: tuples of equal text would else be one key."""

from typing import NamedTuple


class AlertKey(NamedTuple):
    """Names an alert. Every key ends in its space: tuples of equal text would else be one key."""

    tenant: str
    alert: str
    space: str = "alert"


class IncidentKey(NamedTuple):
    """Names an incident."""

    tenant: str
    incident: str
    space: str = "incident"


class GroupKey(NamedTuple):
    """Names a group: whose next alert joins which incident."""

    tenant: str
    group: str
    space: str = "group"


class SenderKey(NamedTuple):
    """Names a sender's delivery id."""

    tenant: str
    integration: str
    sender_id: str
    space: str = "sender"


class CommandKey(NamedTuple):
    """Names a command: a tenant's Idempotency-Key."""

    tenant: str
    command: str
    space: str = "command"


class DeliveryKey(NamedTuple):
    """Names a delivery by its position, for redrives."""

    partition: int
    offset: int
    space: str = "delivery"


class OpeningKey(NamedTuple):
    """Names how an incident began: its first fact, which never changes."""

    tenant: str
    incident: str
    space: str = "opening"


class ActionKey(NamedTuple):
    """Names a fact of an incident by its version, for undoing: it never changes."""

    tenant: str
    incident: str
    version: int
    space: str = "action"


class MembersKey(NamedTuple):
    """Names the alerts that belong to an incident now."""

    tenant: str
    incident: str
    space: str = "members"


class MergedKey(NamedTuple):
    """Names the incidents that were merged into an incident."""

    tenant: str
    incident: str
    space: str = "merged"


class UnresolvedKey(NamedTuple):
    """Names a tenant's incidents that are not over."""

    tenant: str
    space: str = "unresolved"


class TextsKey(NamedTuple):
    """Names what an alert says: asked for by splits alone, and never kept."""

    tenant: str
    alert: str
    space: str = "texts"


class TimerKey(NamedTuple):
    """Names a timer of a tenant; timers of equal due time fire in key order."""

    tenant: str
    key: str


Key = (
    AlertKey | IncidentKey | GroupKey | SenderKey | CommandKey | DeliveryKey | OpeningKey | ActionKey | MembersKey | MergedKey
    | UnresolvedKey | TextsKey
)  # fmt: skip
LISTED = frozenset({"members", "merged", "unresolved"})
"""Spaces whose values list what rows say at one moment."""
