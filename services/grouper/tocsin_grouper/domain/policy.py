"""How an incident behaves: what its rule said when it opened, or when another rule set came into force."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When an incident ends by itself, and what is counted for it. The default is that of the default rule."""

    never_by_itself: bool = False
    """Only people resolve it."""
    quiet_s: int = 0
    """How long all its alerts must have been resolved before it is; 0: at once."""
    silent_s: int | None = None
    """How long after its last alert ended by silence it is resolved; None: never."""
    flapping_s: int = 1800
    """How long a flapping incident must be quiet to be taken for calm."""
    spike_s: int | None = None
    """How far back its events are counted, for spikes; None: not at all."""


DEFAULT_POLICY: Final = Policy()
_NAMES = ("never_by_itself", "quiet_s", "silent_s", "flapping_s", "spike_s")


@lru_cache(maxsize=1024)
def shared(*, never_by_itself: bool, quiet_s: int, silent_s: int | None, flapping_s: int, spike_s: int | None) -> Policy:
    """Give the policy of these values: the same object each time, for there are as many as there are rules, not incidents."""
    made = Policy(never_by_itself=never_by_itself, quiet_s=quiet_s, silent_s=silent_s, flapping_s=flapping_s, spike_s=spike_s)
    return DEFAULT_POLICY if made == DEFAULT_POLICY else made


def told(policy: Policy) -> dict[str, object]:
    """Write what differs from the default, as facts and rows keep it."""
    if policy is DEFAULT_POLICY:
        return {}
    values = {name: getattr(policy, name) for name in _NAMES}
    return {name: value for name, value in values.items() if value != getattr(DEFAULT_POLICY, name)}


def read(document: Mapping[str, Any]) -> Policy:
    """Read what `told` wrote; unknown names of a newer writer are left out."""
    if not document:
        return DEFAULT_POLICY
    return Policy(**{name: document[name] for name in _NAMES if name in document})
