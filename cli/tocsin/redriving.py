"""Many failed deliveries sent again, request by request, until there are none left or too many fail again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from tocsin_runtime.errors import Recoverable

REQUEST_MAX = 500
"""Deliveries of one request."""
TRIES = 30
"""How often in a row a request may not be answered; the gateway may be starting anew."""
PAUSE_S = 1.0
GOES_ON = frozenset({None, "out-of-time", "log-unavailable"})
"""Why a request may have ended early without a reason to stop."""


class Asks(Protocol):
    """What is needed of the API; `tocsin.api.Api` is one."""

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Ask for something below `/api/v1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """What became of them so far."""

    sent: int = 0
    processed: int = 0
    failed_again: int = 0
    duplicate: int = 0
    ignored: int = 0
    pending: int = 0
    gone: int = 0
    stopped: str | None = None
    more: bool = True
    after: str | None = None
    not_processed: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def with_answer(self, answer: Mapping[str, Any]) -> Redriven:
        """Add one answer."""
        counts = {name: getattr(self, name) + answer[name] for name in _COUNTS}
        examples = (*self.not_processed, *answer["not_processed"])[:20]
        return replace(
            self,
            **counts,
            stopped=answer["stopped"],
            more=answer["more"],
            after=answer["after"] or self.after,
            not_processed=examples,
        )


_COUNTS = ("sent", "processed", "failed_again", "duplicate", "ignored", "pending", "gone")


async def redrive_all(
    api: Asks,
    wanted: Mapping[str, object],
    *,
    most: int | None = None,
    rate: int = 50,
    told: Callable[[Redriven], None] = lambda _so_far: None,
    pause: Callable[[float], Any] = asyncio.sleep,
) -> Redriven:
    """Send failed deliveries again.

    A gateway that dies in the middle is asked again from the same place: what it had sent is known from the log, and nothing is
    sent twice.

    Args:
        api: with a key of the scope `deliveries:redrive`.
        wanted: which: members of the request's body.
        most: how many at most.
        rate: deliveries a second.
        told: hears of the progress after each request.
        pause: waits before a request is repeated.

    Raises:
        Recoverable: nobody answered, `TRIES` times in a row.
    """
    so_far, tries = Redriven(), 0
    while so_far.more and so_far.stopped in GOES_ON and (most is None or so_far.sent < most):
        size = REQUEST_MAX if most is None else min(REQUEST_MAX, most - so_far.sent)
        body = {**wanted, "max": size, "rate": rate} | ({} if so_far.after is None else {"after": so_far.after})
        try:
            so_far = so_far.with_answer(await api.post("/deliveries/redrive", body))
        except Recoverable:
            tries += 1
            if tries >= TRIES:
                raise
            await pause(PAUSE_S)
        else:
            tries = 0
            told(so_far)
    return so_far
