"""What the demo sends: an hour of a made-up company, told by ten sources; the same hour at each start."""

from dataclasses import dataclass
from itertools import islice

from tocsin.demo.addressing import recipients
from tocsin.demo.keeping import DemoTenant
from tocsin.demo.opening import NAME
from tocsin.sending import Recipient
from tocsin.streams.stream import Traffic, stream
from tocsin_contracts.times import HOUR, SECOND
from tocsin_sources.samples import Sample

DELIVERIES = 64
SEED = 18
"""Of this hour: every source opens incidents, a third of them are over, some deliveries come twice and one late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One delivery of the demo, and whom it goes to."""

    name: str
    """Under which its delivery id is kept."""
    recipient: Recipient
    sample: Sample


def plan(demo: DemoTenant) -> list[Planned]:
    """List what the demo sends, in the order in which it leaves; it began when `demo` says."""
    to = recipients(demo)
    planned = []
    for place, sending in enumerate(islice(stream(traffic(demo.began_at)), DELIVERIES)):
        sample = sending.sample
        again = " again" if sending.retry else ""
        name = f"{place:02} {sample.source}: {sample.says} {sending.step}{again}"
        planned.append(Planned(name=name, recipient=to[sample.source], sample=sample))
    return planned


def traffic(began_at: int) -> Traffic:
    """Describe the hour that begins then: two dozen troubles, a few of them more often than the others."""
    rate_per_s = DELIVERIES * SECOND / HOUR
    return Traffic(seed=SEED, start_at=began_at, tenants=(NAME,), troubles=24, zipf=0.5, rate_per_s=rate_per_s)
