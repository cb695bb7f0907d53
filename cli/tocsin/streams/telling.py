"""What a voice is asked to say, and what it says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from tocsin.streams.trouble import Trouble, as_uuid
from tocsin_contracts.times import to_datetime
from tocsin_sources import samples

Document = dict[str, Any]
"""The JSON of a recorded sample, to be changed; each source has another shape, which only its voice knows."""


class Step(StrEnum):
    """What became of a trouble since its source spoke last."""

    BEGINS = "begins"
    GOES_ON = "goes on"
    """It still is so: a repeat, another failed run, somebody's acknowledgement, whatever the source has for it."""
    ENDS = "ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One delivery to be written."""

    trouble: Trouble
    step: Step
    id: str
    """64 hexadecimal digits that no other delivery has: what a sender's delivery ids are made of."""
    episode: int
    """How often the trouble came before, from 0."""
    number: int
    """How often it was told before, from 0."""
    began_at: int
    """When this episode began, µs."""
    at: int
    """When the source writes the delivery, µs."""
    left: int = 0
    """How many of its replicas were told to have recovered before this delivery, which does not name them again."""
    recovered: int = 0
    """How many have recovered by now; at the end, all."""

    @property
    def uuid(self) -> str:
        """Write the id as a UUID."""
        return as_uuid(self.id)

    @property
    def ends(self) -> bool:
        """Tell whether it is over."""
        return self.step is Step.ENDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One delivery as its source writes it, unsigned."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    alerts: int = 1
    """How many alerts it tells."""


Voice = Callable[[Telling], Told]
"""Writes a delivery of one source; pure."""


def template(source: str, case: str) -> tuple[Document, dict[str, str]]:
    """Give body and headers of a recorded sample, to be changed."""
    sample = samples.load(source, case)
    document: Document = orjson.loads(sample.body)
    return document, dict(sample.headers)


def told(document: Document, headers: Mapping[str, str], alerts: int = 1) -> Told:
    """Put a delivery together."""
    return Told(body=orjson.dumps(document), headers=headers, alerts=alerts)


def iso(at: int, form: str = "%Y-%m-%dT%H:%M:%S.{ms}Z") -> str:
    """Write a time with milliseconds, as most senders do; `form` is one of strftime, `{ms}` stands for the milliseconds."""
    moment = to_datetime(at)
    return moment.strftime(form).replace("{ms}", f"{moment.microsecond // 1000:03d}")
