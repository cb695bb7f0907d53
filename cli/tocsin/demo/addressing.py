"""Whom the demo sends to, and how each sender proves itself there."""

from collections.abc import Mapping

from tocsin.demo.keeping import DemoTenant
from tocsin.demo.own_address import is_own
from tocsin.sending import Recipient
from tocsin_runtime.errors import Fatal
from tocsin_sources import registry

_WORDS: Mapping[str, str] = {
    "hmac-sha256": "HMAC-SHA256 of the body",
    "bearer": "bearer token",
    "signature-header": "HMAC-SHA256 of the body",
    "header": "secret in a header",
    "basic": "password in the subscription's URL (SNS' own signature only Amazon can make: it is not checked here)",
}


def recipients(demo: DemoTenant, *, url: str | None = None, sign: bool = True) -> dict[str, Recipient]:
    """Give the demo's integrations by source, to send to.

    Args:
        demo: with its secrets.
        url: another address than that of the last start.
        sign: False to prove nothing.

    Raises:
        Fatal: the demo's secrets would go to another address than its own.
    """
    address = demo.url if not url else own_url(demo, url) if sign else url.rstrip("/")
    return {
        source: Recipient(url=address, source=source, integration=integration.id, secret=integration.secret if sign else None)
        for source, integration in demo.integrations.items()
    }


def own_url(demo: DemoTenant, url: str) -> str:
    """Give the demo's own address, if `url` is that: its secrets go nowhere else, for some senders send the secret itself.

    Raises:
        Fatal: that is not the demo's own address.
    """
    if not is_own(demo.url, url):
        raise Fatal(
            f"the secrets of 'tocsin demo' go to {demo.url} only: for {url} say --integration and --secret (or TOCSIN_SECRET) of"
            " an integration there, or --no-sign"
        )
    return demo.url


def proofs(demo: DemoTenant) -> list[str]:
    """Say how the demo's senders prove themselves, a line each way."""
    by_way: dict[str, list[str]] = {}
    for source in demo.integrations:
        found = registry.get(source)
        if found is not None and found.schemes:
            name = found.schemes[0].name
            by_way.setdefault(_WORDS.get(name, name), []).append(source)
    return [f"{', '.join(sources)}: {way}" for way, sources in by_way.items()]
