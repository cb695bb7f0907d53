"""Fold the many names of one environment into one (E6): Production, PROD and prd are prod."""

from collections.abc import Mapping

_CANONICAL = {
    spelling: canonical
    for canonical, spellings in {
        "prod": ("prod", "production", "prd", "live"),
        "staging": ("staging", "stage", "stg"),
        "dev": ("dev", "development", "develop", "devel"),
        "test": ("test", "testing", "tst"),
    }.items()
    for spelling in spellings
}


def folded_environment(name: str | None, aliases: Mapping[str, str]) -> str | None:
    """Fold an environment name; one that is in neither table stays as it is, in lower case.

    Args:
        name: the sender's word; None and blanks stay None.
        aliases: the integration's own foldings, lower case to canonical; they go before the built-in ones.
    """
    if name is None:
        return None
    key = name.strip().lower()
    if not key:
        return None
    return aliases.get(key) or _CANONICAL.get(key, key)


def default_environment(name: str) -> str:
    """Fold an environment name as it is where an integration has no foldings of its own."""
    return folded_environment(name, {}) or ""
