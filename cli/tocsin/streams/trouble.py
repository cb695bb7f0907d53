"""What can go wrong at a tenant's, and names made of it that are the same whenever it comes back."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

Severity = Literal["critical", "high", "medium", "low"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that goes wrong, is mended and comes back: one alert at its source, or one group of them."""

    tenant: str
    source: str
    name: str
    """As a rule or a job is called: `HighErrorRate`."""
    title: str
    detail: str
    severity: Severity
    service: str
    environment: str
    team: str
    place: int
    """Tells apart what has the same name: the number of the shard or machine, from 0."""
    replicas: int = 1
    """How many alerts it is, at sources that tell several in one delivery."""

    @property
    def key(self) -> str:
        """Name it within its tenant and source."""
        return f"{self.name}/{self.service}/{self.environment}/{self.place}"

    @property
    def host(self) -> str:
        """Name the machine that it is on."""
        return f"{self.service}-{self.place + 1}.{self.environment}.example.com"

    @property
    def sentence(self) -> str:
        """Say it with where it is."""
        return f"{self.title} on {self.service}"

    def hex(self, what: str, digits: int) -> str:
        """Make a hexadecimal id of it: the same for the same `what`, another for another trouble."""
        return digest(self.tenant, self.source, self.key, what)[:digits]

    def number(self, what: str, digits: int = 9) -> int:
        """Make a numeric id of it, of exactly so many digits."""
        least: int = 10 ** (digits - 1)
        return least + int(self.hex(what, 15), 16) % (9 * least)


def digest(*parts: str) -> str:
    """Hash texts: 64 hexadecimal digits, the same on every machine."""
    return sha256("\0".join(parts).encode()).hexdigest()


def as_uuid(digits: str) -> str:
    """Write the first 32 hexadecimal digits as a UUID."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"
