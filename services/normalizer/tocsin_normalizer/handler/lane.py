"""One assigned partition: where it stands, what waits in it, how careful to be."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tocsin_normalizer.domain.attempts import Announcement, Mode
from tocsin_normalizer.domain.release import ReleaseGuard
from tocsin_runtime.errors import Fatal
from tocsin_runtime.log import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """What bounds one batch of one partition."""

    records: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a lane begins, as the output's tail and the group's metadata say."""

    next: int
    """Offset of the log to be normalized first."""
    tail: int
    """Source offset of the output's last record; -1 where there is none."""
    deaths: int
    """How often the process died behind this tail."""
    mode: Mode
    guard: ReleaseGuard | None


@dataclass(slots=True, kw_only=True)
class Lane:
    """The state of one assigned partition. It lives from the assignment to the next failure or revocation."""

    partition: int
    due: float
    """Monotonic seconds before which nothing is tried."""
    reason: str | None
    """Why it does not flow, for people; None while it does."""
    failures: int = 0
    """In a row; sets the length of the next wait."""
    start: Start | None = None
    """None until the tail was read."""
    next: int = 0
    tail: int = -1
    deaths: int = 0
    condemn: bool = False
    singles: int = 0
    """Records that are still mapped one by one."""
    announce: bool = True
    """Whether the next batch is announced before it is mapped."""
    pending: deque[Record] = field(default_factory=deque)

    def begin(self, start: Start, *, singles: int) -> None:
        """Start behind the tail; `singles` records are taken one by one if the process died here."""
        self.start = start
        self.next, self.tail, self.deaths = start.next, start.tail, start.deaths
        self.condemn = start.mode is Mode.CONDEMN
        self.singles = singles if start.mode is Mode.CAREFUL else 0
        self.announce = True
        self.reason, self.failures = None, 0

    def runnable(self, now: float) -> bool:
        """Tell whether a batch can be taken."""
        return self.start is not None and bool(self.pending) and now >= self.due

    def batch(self, limits: BatchLimits) -> list[Record]:
        """Give the next batch; it stays pending until `wrote`.

        Raises:
            Fatal: a record is missing or came twice: positions would no longer be what they say.
        """
        most = 1 if self.condemn or self.singles else limits.records
        taken: list[Record] = []
        size = 0
        for record in self.pending:
            size += len(record.value)
            if len(taken) == most or (taken and size > limits.bytes):
                break
            if record.offset != self.next + len(taken):
                raise Fatal(
                    f"tocsin.log partition {self.partition} gave offset {record.offset} where {self.next + len(taken)} was due: "
                    "records are missing; restore the log"
                )
            taken.append(record)
        return taken

    @property
    def announcement(self) -> Announcement | None:
        """What to announce before the next batch is mapped; a condemned record is not mapped at all."""
        return Announcement(self.tail, self.deaths + 1) if self.announce and not self.condemn else None

    def wrote(self, batch: Sequence[Record]) -> None:
        """Advance behind a batch that is safely written."""
        for _ in batch:
            self.pending.popleft()
        self.tail = batch[-1].offset
        self.next = self.tail + 1
        self.deaths = 0
        self.announce = self.condemn or self.singles > 1
        self.condemn = False
        self.singles = max(0, self.singles - len(batch))
        self.reason, self.failures = None, 0
