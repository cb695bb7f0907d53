"""What one check found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that Tocsin needs: how it is, and what to do if it is not well."""

    what: str
    well: bool
    detail: str
    advice: str = ""


def well(what: str, detail: str) -> Finding:
    """Report that `what` is as it should be."""
    return Finding(what=what, well=True, detail=detail)


def ill(what: str, detail: str, advice: str) -> Finding:
    """Report that `what` is not as it should be, and what to do next."""
    return Finding(what=what, well=False, detail=detail, advice=advice)
