"""Which integrations take a mapping: those of sources that read by it. Elsewhere it would be saved and do nothing."""

from __future__ import annotations

from tocsin_contracts.mapping import Mapping
from tocsin_sources import registry
from tocsin_sources.source import Source

NOT_TAKEN = "mapping-not-taken"
"""The code of the fault."""


def untaken(source: Source, mapping: Mapping | None, before: Mapping | None = None) -> str | None:
    """Say why a source takes no mapping; None where it does, or there is none.

    One that stays as it was is not asked again: what an older release saved must hinder no other change.
    """
    if mapping is None or mapping == before or source.takes_mapping:
        return None
    known = (registry.get(name) for name in registry.names())
    takers = ", ".join(each.name for each in known if each is not None and each.takes_mapping)
    return f"{source.title} is read as it is, by no mapping; sources that take one: {takers}"
