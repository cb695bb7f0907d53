"""From what a request names to whole ids: looked up before anything is logged, so that a replay needs no look-up."""

from __future__ import annotations

import asyncio

from tocsin_contracts.command import BULK_MAX, Body
from tocsin_contracts.ids import short_code
from tocsin_contracts.problem import ProblemType
from tocsin_contracts.reference import IncidentRange
from tocsin_control.documents import Fault
from tocsin_ingest.answers import not_found, unavailable
from tocsin_ingest.commands.ports import Choice, Incidents
from tocsin_ingest.commands.reading import Asked, Named
from tocsin_ingest.domain.ask import Ask, Place, UnfitValues, Wanted
from tocsin_ingest.management.reading import unfit_values
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.http import Problem


class Passing(Problem):
    """A refusal for how things stand now: a while ago the same request may have been taken."""


class Resolver:
    """Writes deeds: with whole ids, and times in place of spans."""

    def __init__(self, incidents: Incidents, *, slow_max: int) -> None:
        self._incidents = incidents
        self._slow = asyncio.Semaphore(slow_max)

    async def deed(self, tenant: str, asked: Asked, *, now: int) -> Body:
        """Give what goes into the log. Whole ids need no PostgreSQL.

        Raises:
            Passing: 422 for the moment.
            Problem: 404, 409 where a reference means several, 422, 503.
        """
        place = await self._place(tenant, asked, now)
        try:
            return await self._slowly(asked.ask, place) if asked.operation.is_slow else asked.ask.deed(place)
        except UnfitValues as unfit:
            faults = [Fault(place=each.place, code=each.code, detail=each.detail) for each in unfit.found]
            refused = unfit_values(faults)
            if unfit.passing:
                raise Passing(refused.status, refused.detail, type=refused.type, members=refused.members) from unfit
            raise refused from unfit

    async def _place(self, tenant: str, asked: Asked, now: int) -> Place:
        """Look up which incidents are meant."""
        wanted = asked.ask.wanted()
        if wanted is not None:
            return Place(incident="", others=await self._matching(tenant, wanted), now=now)
        if asked.incident is None:
            return Place(incident="", others=await self._whole(tenant, asked.others), now=now)
        incident, *others = await self._whole(tenant, (Named(pointer="", range=asked.incident), *asked.others))
        return Place(incident=incident, others=tuple(others), now=now)

    async def _slowly(self, ask: Ask, place: Place) -> Body:
        """Make a deed beside the loop; not many at once, for they all need the processor."""
        if self._slow.locked():
            raise unavailable("Other rule sets are being checked. Try again.")
        async with self._slow:
            return await asyncio.to_thread(ask.deed, place)

    async def _matching(self, tenant: str, wanted: Wanted) -> tuple[str, ...]:
        """Give the incidents that a filter matches now: the log names each of them, so that a replay needs no look-up."""
        try:
            found = await self._incidents.matching(tenant, wanted, wanted.limit or BULK_MAX + 1)
            if 0 < len(found) <= BULK_MAX:
                return tuple(found)
            matched = await self._incidents.count(tenant, wanted) if found else 0
        except Recoverable as error:
            detail = "Incidents cannot be looked up now. Name them by their whole ids in `incidents`, or try again."
            raise unavailable(detail) from error
        if not matched:
            raise _unfit_filter(matched, "matches-nothing", "No incident matches this filter.")
        detail = f"{matched} incidents match, and one command takes {BULK_MAX}. Narrow the filter, or give a limit and ask again."
        raise _unfit_filter(matched, "matches-too-many", detail)

    async def _whole(self, tenant: str, named: tuple[Named, ...]) -> tuple[str, ...]:
        short = [each for each in named if not each.range.is_whole]
        if not short:
            return tuple(each.range.first for each in named)
        try:
            found = await self._incidents.choices(tenant, [each.range for each in short])
        except Recoverable as error:
            detail = "Short codes cannot be looked up now. Name the incident by its whole id, of 26 characters, or try again."
            raise unavailable(detail) from error
        whole: dict[IncidentRange, str] = {}
        for each, choices in zip(short, found, strict=True):
            whole[each.range] = _only(each, choices)
        return tuple(each.range.first if each.range.is_whole else whole[each.range] for each in named)


def _unfit_filter(matched: int, code: str, detail: str) -> Passing:
    errors = [{"pointer": "/filter", "code": code, "detail": detail}]
    return Passing(422, detail, type=ProblemType.UNPROCESSABLE, members={"errors": errors, "matched": matched})


def _only(named: Named, choices: list[Choice]) -> str:
    """Give the one incident that is meant.

    Raises:
        Problem: 404 for none, 409 for several.
    """
    members = {"pointer": named.pointer} if named.pointer else {}
    if not choices:
        problem = not_found()
        raise Problem(
            problem.status, problem.detail, type=ProblemType.NOT_FOUND, members={"reason": "no-such-incident", **members}
        )
    if len(choices) > 1:
        detail = "Several incidents begin so: say more of the id."
        shown = [
            {"id": each.id, "short_code": short_code(each.id), "title": each.title, "status": each.status} for each in choices
        ]
        raise Problem(409, detail, type=ProblemType.AMBIGUOUS, members={"choices": shown, **members})
    return choices[0].id
