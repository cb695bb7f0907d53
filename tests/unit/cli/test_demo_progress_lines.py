"""Without a terminal, progress is a line now and then: the first state, the last one, and few between."""

from tocsin.rebuilding import SAY_EVERY_S, Lines, describe
from tocsin_grouper.rebuild import Loss


def test_the_first_and_the_last_state_are_said_and_those_between_not_too_often() -> None:
    said: list[str] = []
    now = [0.0]
    lines = Lines("Rebuilding", lambda: now[0], said.append)
    for done in range(1, 101):
        lines(done, 100)
    now[0] += SAY_EVERY_S
    lines(100, 200)
    lines(150, 200)
    lines.finish()
    lines.finish()
    assert said == [
        "Rebuilding: 1 of 100 records",
        "Rebuilding: 100 of 200 records",
        "Rebuilding: 150 of 200 records",
    ]


def test_a_loss_is_counted_in_words() -> None:
    assert "lose 1 incident whose" in describe(Loss(count=1, examples=("I1",)))
    assert "lose 13 incidents whose" in describe(Loss(count=13, examples=("I1",)))
