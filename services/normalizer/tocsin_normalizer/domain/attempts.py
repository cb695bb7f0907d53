"""The crash guard: notice a record that kills the process, from one number kept beside the group's offsets.

Before the first batch behind a tail is mapped, the lane announces it: `tail` and `deaths` (announcements at this tail
that nobody took back) go into the group's commit metadata. Once the batch is mapped the announcement is taken back, so a
process that is killed from outside, or whose broker fails, hardly ever leaves one behind. What is found at the next start
decides how to go on.
"""

import re
from enum import Enum
from typing import NamedTuple

_TEXT = re.compile(r"tocsin1 tail=(-?\d{1,18}) deaths=(\d{1,6})")
DEATHS_MAX = 2


class Mode(Enum):
    """How the next records behind a tail are mapped."""

    NORMAL = "normal"
    """In full batches; only the first one is announced."""
    CAREFUL = "careful"
    """One by one, each announced: the process died once here, and the next death names the record."""
    CONDEMN = "condemn"
    """The first record is failed unread: the process died twice with nothing but it at hand."""


class Announcement(NamedTuple):
    """What the commit metadata says: how often the process died behind this tail."""

    tail: int
    """Source offset of the output's last record; -1 where there is none."""
    deaths: int
    """Announcements not taken back, this one included; 0 says that the batch was mapped."""

    def encode(self) -> str:
        """Write it as commit metadata."""
        return f"tocsin1 tail={self.tail} deaths={self.deaths}"

    @classmethod
    def decode(cls, metadata: str) -> "Announcement | None":
        """Read commit metadata; None where it is another's: a hint that is lost only costs another death."""
        match = _TEXT.fullmatch(metadata)
        return None if match is None else cls(int(match[1]), int(match[2]))


def deaths_at(tail: int, found: Announcement | None, mine: Announcement | None) -> int:
    """Count deaths behind `tail`.

    Args:
        tail: where the output ends now.
        found: what the commit metadata says.
        mine: what this living process announced last, if anything: finding that again is nobody's death.
    """
    if found is None or found.tail != tail:
        return 0
    return found.deaths - 1 if found == mine and found.deaths else found.deaths


def mode(deaths: int) -> Mode:
    """Decide how to go on after so many deaths behind one tail."""
    if deaths >= DEATHS_MAX:
        return Mode.CONDEMN
    return Mode.CAREFUL if deaths else Mode.NORMAL
