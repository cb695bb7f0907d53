"""Whether a process lives and whether it can work: checks and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Check = Callable[[], str | None]
"""Gives None when all is well, else one sentence that says what is not. Never waits, never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What all checks said at one moment."""

    ready: bool
    reasons: Mapping[str, str]


class Health:
    """The checks of one process.

    `/-/healthy` answers 200 while the event loop turns; `/-/ready` answers 200 while every check gives None and the
    service is not stopping, else 503 with the reasons.
    """

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._stopping = False

    def add(self, name: str, check: Check) -> None:
        """Ask `check` at each `/-/ready`, under `name`."""
        self._checks[name] = check

    def stop(self) -> None:
        """Answer not ready from now on, so that traffic goes elsewhere while the service drains."""
        self._stopping = True

    def readiness(self) -> Readiness:
        """Ask every check."""
        reasons = {name: reason for name, check in self._checks.items() if (reason := check()) is not None}
        if self._stopping:
            reasons["stopping"] = "the process is shutting down"
        return Readiness(ready=not reasons, reasons=reasons)
