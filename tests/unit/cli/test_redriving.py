"""A bulk redrive from the outside: request by request, through gateways that die, to an end."""

from collections.abc import Mapping
from typing import Any

import pytest

from tocsin.redriving import REQUEST_MAX, TRIES, Redriven, redrive_all
from tocsin_runtime.errors import Recoverable


class Gateway:
    """Has so many failed deliveries at offsets 0, 1, 2 …; each answer may be scripted away."""

    def __init__(self, failed: int, *, silent: int = 0, stops_at: int | None = None) -> None:
        self.left = list(range(failed))
        self.silent = silent
        self.stops_at = stops_at
        self.asked: list[Mapping[str, object]] = []

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        assert path == "/deliveries/redrive"
        assert body is not None
        self.asked.append(body)
        if self.silent:
            self.silent -= 1
            raise Recoverable("nobody answers")
        after = int(str(body.get("after", "0:-1")).partition(":")[2])
        size = int(str(body["max"]))
        waiting = [offset for offset in self.left if offset > after]
        sent = waiting[:size]
        self.left = [offset for offset in self.left if offset not in sent]
        stopped = "too-many-failed-again" if self.stops_at is not None and sent and sent[-1] >= self.stops_at else None
        counts = dict.fromkeys(("failed_again", "duplicate", "ignored", "pending", "gone"), 0)
        return {
            "sent": len(sent), "processed": len(sent), **counts, "not_processed": [], "stopped": stopped,
            "more": len(waiting) > size, "after": f"0:{sent[-1]}" if sent else None,
        }  # fmt: skip


async def no_pause(_seconds: float) -> None:
    return


async def test_it_asks_until_there_are_none_left_and_says_how_far_it_is() -> None:
    gateway, told = Gateway(2 * REQUEST_MAX + 7), list[Redriven]()
    done = await redrive_all(gateway, {"reason": ["not-json"]}, rate=200, told=told.append)
    assert (done.sent, done.more, done.stopped) == (2 * REQUEST_MAX + 7, False, None)
    assert [each.sent for each in told] == [REQUEST_MAX, 2 * REQUEST_MAX, 2 * REQUEST_MAX + 7]
    assert [body.get("after") for body in gateway.asked] == [None, f"0:{REQUEST_MAX - 1}", f"0:{2 * REQUEST_MAX - 1}"]
    assert all(body["reason"] == ["not-json"] and body["rate"] == 200 for body in gateway.asked)


async def test_a_bound_is_kept() -> None:
    done = await redrive_all(Gateway(1000), {}, most=REQUEST_MAX + 3)
    assert (done.sent, done.more) == (REQUEST_MAX + 3, True)


async def test_it_ends_where_too_many_fail_again() -> None:
    gateway = Gateway(3 * REQUEST_MAX, stops_at=REQUEST_MAX - 1)
    done = await redrive_all(gateway, {})
    assert (done.stopped, len(gateway.asked)) == ("too-many-failed-again", 1)


async def test_a_gateway_that_does_not_answer_is_asked_again_from_the_same_place() -> None:
    gateway = Gateway(REQUEST_MAX + 1, silent=3)
    done = await redrive_all(gateway, {}, pause=no_pause)
    assert (done.sent, len(gateway.asked)) == (REQUEST_MAX + 1, 5)


async def test_nobody_for_long_is_an_error() -> None:
    gateway = Gateway(1, silent=TRIES)
    with pytest.raises(Recoverable):
        await redrive_all(gateway, {}, pause=no_pause)
    assert len(gateway.asked) == TRIES
