"""What a rule set would make of the open incidents: the fold is asked, and changes nothing."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tocsin.api import Api
from tocsin_contracts.ids import short_code
from tocsin_runtime.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """The fold's answer."""

    regrouped: int | None
    """Open incidents that would go on under another key or rule; None: not known."""
    incidents: Sequence[Mapping[str, Any]] = ()
    """The oldest of them."""
    unknown: str | None = None
    """Why it is not known."""

    def lines(self) -> Iterator[str]:
        """Tell it to a person."""
        if self.regrouped is None:
            yield f"What becomes of open incidents is not known: {self.unknown}."
            return
        if not self.regrouped:
            yield "Every open incident goes on as it is."
            return
        yield f"{self.regrouped} open incident{'s' if self.regrouped > 1 else ''} would go on otherwise:"
        for each in self.incidents:
            way = (
                f"{each['before']} -> {each['rule']}"
                if each["before"] != each["rule"]
                else f"{each['rule']}, as that now behaves"
            )
            yield f"  {short_code(each['incident'])}: {way}{', under another key' if each['moves'] else ''}"
        if self.regrouped > len(self.incidents):
            yield f"  and {self.regrouped - len(self.incidents):,} more."


NOTHING_FORESEEN = Foreseen(regrouped=0)


async def foresee(api: Api, document: Mapping[str, object], version: int) -> Foreseen:
    """Ask what would become of open incidents if a document took the place of a version.

    Raises:
        TocsinError: nobody answers, or the rules in force are another version by now.
    """
    body = {"document": dict(document), "dry_run": True}
    try:
        answer = await api.put("/rules", body, if_match=f"v{version}", key=secrets.token_hex(16))
    except Invalid as refused:
        if refused.reason != "status-403":
            raise
        return Foreseen(regrouped=None, unknown="the key has no scope rules:write")
    if "regrouped" not in answer:
        return Foreseen(regrouped=None, unknown="the answer takes its time; ask again")
    return Foreseen(regrouped=int(answer["regrouped"]), incidents=answer.get("incidents") or ())
