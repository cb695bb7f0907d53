"""How `decide` reads and writes state: a view that knows loaded, loaded-and-absent, and not loaded.

A `Draft` lies over the loaded state. It is thrown away when a record cannot be folded, and merged when it can, so a
record changes everything or nothing.
"""

from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
from typing import TypeVar

from tocsin_contracts.incident import AnyIncidentFact, IncidentFact, IncidentOpened
from tocsin_grouper.domain.keys import (
    ActionKey,
    AlertKey,
    CommandKey,
    DeliveryKey,
    GroupKey,
    IncidentKey,
    Key,
    MembersKey,
    MergedKey,
    OpeningKey,
    SenderKey,
    TextsKey,
    UnresolvedKey,
)
from tocsin_grouper.domain.lately import Lately, ListKey, listed_under
from tocsin_grouper.domain.state import (
    Alert,
    DecidedCommand,
    Group,
    Incident,
    Members,
    Merged,
    RecordedDelivery,
    SenderDelivery,
    Texts,
    Unresolved,
    Value,
)

K = TypeVar("K", AlertKey, IncidentKey)
V = TypeVar("V", Alert, Incident, Group, SenderDelivery, DecidedCommand, RecordedDelivery, Members, Unresolved, Merged, Texts)


def by_age(incident: Incident) -> tuple[int, str]:
    """Order incidents by when they were opened; of one moment, by id."""
    return (incident.created_at, incident.id)


class Missing(Exception):  # noqa: N818 # not an error: the handler loads these keys and folds the record again
    """State that a decision needs is not loaded; `keys` are to be loaded before the record is folded again."""

    def __init__(self, *keys: Key) -> None:
        super().__init__(f"{len(keys)} keys are not loaded")
        self.keys = keys


class Draft:
    """Reads through to the loaded state; keeps writes to itself."""

    __slots__ = ("_changed", "_loaded", "_since_mark", "writes")

    def __init__(self, loaded: Mapping[Key, Value | None], changed: Lately) -> None:
        """Lay a draft over what is loaded; `changed` finds what lists read from rows may not say yet."""
        self._loaded = loaded
        self._changed = changed
        self._since_mark: list[tuple[Key, Value | None]] | None = None
        self.writes: dict[Key, Value] = {}

    def require(self, keys: Sequence[Key]) -> None:
        """Raise `Missing` for all keys of the list that are not loaded, at once: one round trip instead of many."""
        missing = [key for key in keys if key not in self.writes and key not in self._loaded]
        if missing:
            raise Missing(*missing)

    def alert(self, key: AlertKey) -> Alert | None:
        """Read an alert; None: it is loaded and absent."""
        return self._read(key, Alert)

    def alerts(self, keys: Sequence[AlertKey]) -> list[Alert | None]:
        """Read alerts, in their order; None: it is loaded and absent.

        Raises:
            Missing: all that are not loaded, at once.
        """
        try:
            return [self.alert(key) for key in keys]
        except Missing:
            self.require(keys)
            raise

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

    def opening(self, key: OpeningKey) -> IncidentOpened | None:
        """Read how an incident began; None: there is no such incident."""
        value = self._found(key)
        return value if isinstance(value, IncidentOpened) else None

    def action(self, key: ActionKey) -> AnyIncidentFact | None:
        """Read a fact of an incident by its version; None: there is none."""
        value = self._found(key)
        return value if isinstance(value, IncidentFact) else None

    def texts(self, key: TextsKey) -> Texts | None:
        """Read what an alert says."""
        return self._read(key, Texts)

    def members(self, key: MembersKey) -> list[Alert]:
        """List the alerts that belong to an incident now, by id.

        Raises:
            Missing: the rows' word, or one of these alerts, is not loaded.
        """
        return self.members_of(key.tenant, [key.incident])[key.incident]

    def members_of(self, tenant: str, incidents: Sequence[str]) -> dict[str, list[Alert]]:
        """List the alerts that belong to each of these incidents now, by id: two round trips, however many there are.

        Rows tell of those that did not change lately, memory of those that did (`handler.trim` sees to it that nothing is
        forgotten in between).

        Raises:
            Missing: the rows' word, or one of these alerts, is not loaded.
        """
        members: dict[str, list[Alert]] = {incident: [] for incident in incidents}
        lists = [MembersKey(tenant, incident) for incident in members]
        self.require(lists)
        stored = [found for key in lists if (found := self._read(key, Members)) is not None]
        names = {AlertKey(tenant, name) for each in stored for name in each.alerts}
        names.update(self._lately(lists, AlertKey))
        self.require(sorted(names))
        for name in sorted(names):
            alert = self.alert(name)
            if alert is not None and alert.incident in members:
                members[alert.incident].append(alert)
        return members

    def unresolved(self, key: UnresolvedKey) -> list[Incident]:
        """List a tenant's incidents that are not over, the oldest first.

        Raises:
            Missing: the rows' word, or one of these incidents, is not loaded.
        """
        stored = self._read(key, Unresolved)
        names = {IncidentKey(key.tenant, name) for name in (() if stored is None else stored.incidents)}
        names.update(self._lately([key], IncidentKey))
        return sorted((i for i in self._incidents(names) if not i.status.is_over), key=by_age)

    def merged_into(self, tenant: str, incidents: Sequence[str]) -> list[Incident]:
        """List the incidents that were merged into one of these, the oldest first; what those took in is not among them.

        Raises:
            Missing: the rows' word, or one of these incidents, is not loaded.
        """
        lists = [MergedKey(tenant, incident) for incident in incidents]
        self.require(lists)
        stored = [found for key in lists if (found := self._read(key, Merged)) is not None]
        names = {IncidentKey(tenant, name) for each in stored for name in each.incidents}
        names.update(self._lately(lists, IncidentKey))
        takers = frozenset(incidents)
        return sorted((i for i in self._incidents(names) if i.merged_into in takers), key=by_age)

    def _incidents(self, names: Collection[IncidentKey]) -> list[Incident]:
        self.require(sorted(names))
        return [found for name in names if (found := self.incident(name)) is not None]

    def _lately(self, lists: Sequence[ListKey], kind: type[K]) -> Iterator[K]:
        """Give what may stand in these lists by what changed lately, in this record too."""
        wanted = frozenset(lists)
        found = [key for name in lists for key in self._changed.found(name)]
        found += [key for key, value in self.writes.items() if listed_under(value) in wanted]
        return (key for key in found if isinstance(key, kind))

    def put(self, key: Key, value: Value) -> None:
        """Write a value over what is loaded."""
        if self._since_mark is not None:
            self._since_mark.append((key, self.writes.get(key)))
        self.writes[key] = value

    def mark(self) -> None:
        """Remember the draft as it is, for `rewind`; costs as much as is written behind it, however much was before."""
        self._since_mark = []

    def rewind(self) -> None:
        """Take back what was written since the mark."""
        for key, before in reversed(self._since_mark or ()):
            if before is None:
                del self.writes[key]
            else:
                self.writes[key] = before
        self._since_mark = None

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

    def _found(self, key: Key) -> Value | None:
        value = self.writes.get(key)
        if value is None:
            try:
                return self._loaded[key]
            except KeyError:
                raise Missing(key) from None
        return value
