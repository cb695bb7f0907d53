"""`.tocsin/demo.json`: what `demo` created, kept so that the next start and `tocsin send` use it again."""

import stat

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin.local.home import Home
from tocsin.servers.cache import write_atomically
from tocsin_runtime.errors import Fatal


class DemoIntegration(BaseModel):
    """One configured sender of the demo."""

    model_config = ConfigDict(frozen=True)

    id: str
    secret: str = Field(repr=False)


class DemoTenant(BaseModel):
    """The demo's tenant with everything that opens it."""

    model_config = ConfigDict(frozen=True)

    url: str
    """The public address of the last start, without a trailing slash."""
    tenant: str
    api_key: str = Field(repr=False)
    integrations: dict[str, DemoIntegration]
    """By source."""
    began_at: int = 0
    """When the made-up hour begins, µs: the same deliveries at each start. 0: none was made yet."""
    sent: dict[str, str] = {}
    """Delivery ids by name of the delivery: what was sent is not sent again."""


def read_demo(home: Home) -> DemoTenant | None:
    """Give what was kept, or None if there is nothing.

    Raises:
        Fatal: others can read the file, or it is not ours.
    """
    if not home.demo.exists():
        return None
    if home.demo.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Fatal(f"others can read {home.demo}: run 'chmod 600 {home.demo}'")
    try:
        return DemoTenant.model_validate_json(home.demo.read_bytes())
    except ValidationError as error:
        raise Fatal(f"{home.demo} is damaged. Delete it: 'tocsin demo' makes new keys and secrets") from error


def write_demo(home: Home, demo: DemoTenant) -> None:
    """Keep `demo`, readable by the owner only."""
    write_atomically(home.demo, demo.model_dump_json(indent=2) + "\n", mode=0o600)
