"""Bodies of requests about failed deliveries: strict, unknown members refused (security S23)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from tocsin_contracts.times import from_datetime
from tocsin_ingest.failed.ports import Wanted

_Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Words = Annotated[tuple[_Word, ...], Field(max_length=50)]
_Position = Annotated[str, StringConstraints(pattern=r"^\d{1,5}:\d{1,15}$")]
REDRIVE_MAX = 1_000
RATE_MAX = 1_000


class NewDiscard(BaseModel):
    """Let a failed delivery be, and say why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    why: Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class BulkRedrive(BaseModel):
    """Which failed deliveries to send again, how many, how fast."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: _Words = ()
    source: _Words = ()
    integration_id: _Words = ()
    logged_from: AwareDatetime | None = None
    logged_to: AwareDatetime | None = None
    max: Annotated[int, Field(ge=1, le=REDRIVE_MAX)] = 100
    """Deliveries of this request; `after` goes on behind them."""
    rate: Annotated[int, Field(ge=1, le=RATE_MAX)] = 50
    """Deliveries a second."""
    after: _Position | None = None
    """`after` of the answer before."""

    def wanted(self) -> Wanted:
        """Give what it means."""
        since, until = (None if at is None else from_datetime(at) for at in (self.logged_from, self.logged_to))
        return Wanted(
            reasons=self.reason,
            sources=self.source,
            integrations=self.integration_id,
            logged_from=since,
            logged_to=until,
            after=-1 if self.after is None else int(self.after.partition(":")[2]),
        )
