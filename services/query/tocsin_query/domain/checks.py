"""What was checked of a delivery on its way, read from its outcome: the first check that did not pass decided."""

from collections.abc import Mapping
from dataclasses import dataclass

from tocsin_contracts.outcome import Outcome, Reason

_REDRIVE = frozenset({Reason.NOT_FAILED.value, Reason.PROCESSED_SINCE.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One step; `passed` is None where it was not reached."""

    check: str
    passed: bool | None
    detail: str

    def shown(self) -> dict[str, object]:
        """Show it as JSON."""
        return {"check": self.check, "passed": self.passed, "detail": self.detail}


def checks(row: Mapping[str, object]) -> list[Check]:
    """List what was checked of a folded delivery, in order.

    What the gateway checks (who sent it, quotas, size, encoding) passed, or there would be no row: `/deliveries/rejected` shows
    the others.
    """
    outcome, reason = str(row["outcome"]), str(row["reason"] or "")
    why = ": ".join(str(text) for text in (row["reason"], row["detail"]) if text)
    failed = outcome in {Outcome.FAILED, Outcome.REDRIVEN}
    folded = failed and reason == Reason.FOLD_ERROR
    unread = (failed and not folded) or outcome == Outcome.IGNORED
    duplicate = outcome == Outcome.DUPLICATE
    refused = duplicate and reason in _REDRIVE
    found = [Check(check="gateway", passed=True, detail="authenticated, within quotas and limits, stored in the log")]
    found.append(_check("read", passed=not unread, reached=True, good=_read(row), bad=why))
    if row["redrive_of"] is not None:
        found.append(_check("redrive", passed=not refused, reached=not unread, good="the original had failed", bad=why))
    found.append(_check("duplicate", passed=not duplicate, reached=not unread and not refused, good="not seen before", bad=why))
    found.append(_check("fold", passed=not folded, reached=not unread and not duplicate, good="applied", bad=why))
    return found


def _read(row: Mapping[str, object]) -> str:
    number = row["alert_count"]
    return "1 alert" if number == 1 else f"{number} alerts"


def _check(name: str, *, passed: bool, reached: bool, good: str, bad: str) -> Check:
    if not reached:
        return Check(check=name, passed=None, detail="not reached")
    return Check(check=name, passed=passed, detail=good if passed else bad)
