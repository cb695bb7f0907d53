"""How `decide` reads and writes state: a view that knows loaded, loaded-and-absent, and not loaded.

A `Draft` lies over the loaded state. It is thrown away when a record cannot be folded, and merged when it can, so a
record changes everything or nothing.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import TypeVar

from tocsin_grouper.domain.state import (
    Alert,
    AlertKey,
    CommandKey,
    DecidedCommand,
    DeliveryKey,
    Group,
    GroupKey,
    Incident,
    IncidentKey,
    Key,
    RecordedDelivery,
    SenderDelivery,
    SenderKey,
    Value,
)

V = TypeVar("V", Alert, Incident, Group, SenderDelivery, DecidedCommand, RecordedDelivery)


class Missing(Exception):  # noqa: N818 # not an error: the handler loads these keys and folds the record again
    """State that a decision needs is not loaded; `keys` are to be loaded before the record is folded again."""

    def __init__(self, *keys: Key) -> None:
        super().__init__(f"{len(keys)} keys are not loaded")
        self.keys = keys


class Draft:
    """Reads through to the loaded state; keeps writes to itself."""

    __slots__ = ("_loaded", "writes")

    def __init__(self, loaded: Mapping[Key, Value | None]) -> None:
        self._loaded = loaded
        self.writes: dict[Key, Value] = {}

    def require(self, keys: Sequence[Key]) -> None:
        """Raise `Missing` for all keys of the list that are not loaded, at once: one round trip instead of many."""
        missing = [key for key in keys if key not in self.writes and key not in self._loaded]
        if missing:
            raise Missing(*missing)

    def alert(self, key: AlertKey) -> Alert | None:
        """Read an alert; None: it is loaded and absent."""
        return self._read(key, Alert)

    def incident(self, key: IncidentKey) -> Incident | None:
        """Read an incident; None: it is loaded and absent."""
        return self._read(key, Incident)

    def group(self, key: GroupKey) -> Group | None:
        """Read a group's pointer; None: it is loaded and absent."""
        return self._read(key, Group)

    def sender_delivery(self, key: SenderKey) -> SenderDelivery | None:
        """Read the processed delivery that carried a sender's id last."""
        return self._read(key, SenderDelivery)

    def command(self, key: CommandKey) -> DecidedCommand | None:
        """Read a decided command."""
        return self._read(key, DecidedCommand)

    def delivery(self, key: DeliveryKey) -> RecordedDelivery | None:
        """Read a recorded delivery."""
        return self._read(key, RecordedDelivery)

    def put(self, key: Key, value: Value) -> None:
        """Write a value over what is loaded."""
        self.writes[key] = value

    def merge_into(self, loaded: MutableMapping[Key, Value | None]) -> None:
        """Make the draft's writes the state."""
        loaded.update(self.writes)

    def _read(self, key: Key, kind: type[V]) -> V | None:
        value = self.writes.get(key)
        if value is None:
            try:
                value = self._loaded[key]
            except KeyError:
                raise Missing(key) from None
        assert value is None or type(value) is kind  # noqa: S101 # keys and kinds are paired by the methods above
        return value
