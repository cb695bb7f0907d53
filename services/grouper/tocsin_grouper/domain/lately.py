"""What changed lately, found by the list that it belongs to: rows may not say it yet.

Lists (the members of an incident, a tenant's open incidents) are read from rows and laid under what is in memory. Only what
changed since rows were written for sure can differ, so a merge costs by that and by what it moves, however much is cached.
"""

from collections.abc import Collection, Iterator, Mapping

from tocsin_grouper.domain.keys import Key, MembersKey, MergedKey, UnresolvedKey
from tocsin_grouper.domain.state import Alert, Incident, Value

ListKey = MembersKey | MergedKey | UnresolvedKey


def listed_under(value: Value) -> ListKey | None:
    """Name the list in which a value stands; None: in none that anybody asks for."""
    if type(value) is Alert:
        return None if value.incident is None else MembersKey(value.tenant, value.incident)
    if type(value) is Incident:
        if value.merged_into is not None:
            return MergedKey(value.tenant, value.merged_into)
        return None if value.status.is_over else UnresolvedKey(value.tenant)
    return None


class Lately:
    """The writes of this fold, and of the one before it: a shadow folds while the last batch is being written.

    Nothing is sorted until somebody asks, which is rare; from then on it is kept up until the next fold begins.
    """

    __slots__ = ("_before", "_lists", "_now")

    def __init__(self) -> None:
        self._before: list[Mapping[Key, Value]] = []
        self._now: list[Mapping[Key, Value]] = []
        self._lists: dict[ListKey, dict[Key, None]] | None = None

    def begin(self) -> None:
        """Begin a fold: what the one before changed may not be written yet."""
        self._before, self._now, self._lists = self._now, [], None

    def note(self, writes: Mapping[Key, Value]) -> None:
        """Note what a record changed."""
        self._now.append(writes)
        if self._lists is not None:
            _enter(self._lists, writes)

    def changed(self) -> Iterator[Key]:
        """Give what this fold changed."""
        for writes in self._now:
            yield from writes

    def forget_written(self, *, all_of_it: bool = False) -> None:
        """Forget what is in rows for sure: what changed before this fold, and with `all_of_it` in this one too."""
        self._before = []
        self._lists = None
        if all_of_it:
            self._now = []

    def found(self, key: ListKey) -> Collection[Key]:
        """Give what came into a list lately; some of it may have left it again."""
        if self._lists is None:
            self._lists = {}
            for writes in (*self._before, *self._now):
                _enter(self._lists, writes)
        return self._lists.get(key, ())


def _enter(lists: dict[ListKey, dict[Key, None]], writes: Mapping[Key, Value]) -> None:
    for key, value in writes.items():
        under = listed_under(value)
        if under is not None:
            lists.setdefault(under, {})[key] = None
