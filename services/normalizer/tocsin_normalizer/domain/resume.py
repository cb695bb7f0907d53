"""Where to go on: the output's tail is the only memory that the normalizer has."""

from typing import NamedTuple

from tocsin_contracts.envelope import SourceStamp
from tocsin_contracts.topics import ALERTS, LOG


class Held(NamedTuple):
    """The offsets that a partition holds: `earliest` ≤ offset < `next`."""

    earliest: int
    next: int


class CannotResume(Exception):  # noqa: N818 - it is an answer, not a fault of this code
    """Going on would skip or repeat records unseen; the message says what to do, in one line."""


def next_offset(partition: int, *, log: Held, output: Held, tail: SourceStamp | None) -> int:
    """Give the offset in `tocsin.log` behind the one that the output's last record came from.

    Args:
        partition: of both topics.
        log: offsets that `tocsin.log` holds.
        output: offsets that `tocsin.alerts` holds.
        tail: the stamp of the output's last record; None where the output holds none.

    Raises:
        CannotResume: records of the log are gone that were never normalized, or the two topics do not belong together.
    """
    if tail is None:
        return _from_the_start(partition, log=log, output=output)
    if tail.position.partition != partition:
        raise CannotResume(
            f"{ALERTS} partition {partition} ends with an image of partition {tail.position.partition}: "
            f"something else writes to {ALERTS}; stop it, then restore the topic from a backup or from before that record"
        )
    following = tail.position.offset + 1
    if following > log.next:
        raise CannotResume(
            f"{ALERTS} partition {partition} ends with an image of offset {tail.position.offset}, but {LOG} ends at {log.next}: "
            f"{LOG} was recreated or truncated; restore it, or recreate both topics together"
        )
    if following < log.earliest:
        raise CannotResume(
            f"{LOG} partition {partition} starts at {log.earliest}, but the next record to normalize is {following}: "
            f"retention removed {log.earliest - following} records unread; restore {LOG} from a backup and raise its retention.ms"
        )
    return following


def _from_the_start(partition: int, *, log: Held, output: Held) -> int:
    if output.next > 0:
        raise CannotResume(
            f"{ALERTS} partition {partition} held {output.next} records and holds none: nothing says where to go on; "
            f"restore {ALERTS} from a backup, or recreate both topics together"
        )
    if log.earliest > 0:
        raise CannotResume(
            f"{ALERTS} partition {partition} is empty, but {LOG} starts at {log.earliest}, not at 0: "
            f"restore {ALERTS} from a backup, or recreate both topics together"
        )
    return 0
