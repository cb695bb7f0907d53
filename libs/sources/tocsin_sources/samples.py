"""Sample webhooks that ship with Tocsin, for `tocsin send`, the demo and tests: real bodies, and how each sender signs them.

Each folder of `samples/` is a source; its `index.json` lists the cases in an order that makes sense to send, firing before
resolve. The bodies are copies from `tests/payloads`, where ORIGIN.md says where each comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import orjson

from tocsin_sources import registry
from tocsin_sources.schemes.body_key import BodyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One webhook as its sender sends it, but unsigned."""

    source: str
    case: str
    says: str
    """What it tells, in a few words for people."""
    body: bytes
    headers: Mapping[str, str]
    """Lower-case names; complete but for the credentials, which `prove` gives."""
    scheme: str = ""
    """The name of the scheme by which its sender proves it; empty for the one that its source prefers."""


def cases(source: str) -> tuple[str, ...]:
    """List the cases of a source, firing before resolve; empty where there are none."""
    return tuple(_samples(source))


def load(source: str, case: str) -> Sample:
    """Give one sample.

    Raises:
        LookupError: no such source or case; the message lists those there are.
    """
    samples = _samples(source)
    if case not in samples:
        raise LookupError(f"no sample {case!r} of {source!r}; there are: {', '.join(samples) or 'none'}")
    return samples[case]


def sign(source: str, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:
    """Give the headers by which this source's preferred scheme proves a body: what the gateway's check accepts.

    Args:
        source: its name.
        body: what will be sent.
        secret: the integration's.
        now: µs; needed where the preferred scheme signs the time.

    Raises:
        LookupError: no such source, or it has no scheme.
    """
    found = registry.get(source)
    if found is None or not found.schemes:
        raise LookupError(f"nothing signs for {source!r}")
    return found.schemes[0].sign(body, secret, now)


def prove(sample: Sample, secret: bytes, now: int = 0) -> Sample:
    """Give the sample with what proves it, as its own sender does it: headers, or the key inside of its body.

    Args:
        sample: a recorded one, or one made like it.
        secret: the integration's.
        now: µs; needed where the scheme signs the time.

    Raises:
        LookupError: no such source, or it has no such scheme.
    """
    found = registry.get(sample.source)
    schemes = () if found is None else found.schemes
    scheme = next((each for each in schemes if sample.scheme in ("", each.name)), None)
    if scheme is None:
        raise LookupError(f"nothing signs for {sample.source!r}{sample.scheme and f' by {sample.scheme}'}")
    body = scheme.filled(sample.body, secret) if isinstance(scheme, BodyKey) else sample.body
    return replace(sample, body=body, headers={**sample.headers, **scheme.sign(body, secret, now)})


@cache
def _samples(source: str) -> dict[str, Sample]:
    """Read the samples of a source once; the name is looked up, never joined to a path unread."""
    if source not in registry.names():
        return {}
    folder = files("tocsin_sources") / "samples" / source
    index = folder / "index.json"
    if not index.is_file():
        return {}
    listed = orjson.loads(index.read_bytes())
    return {entry["case"]: _sample(source, folder, listed["headers"], entry) for entry in listed["cases"]}


def _sample(source: str, folder: Traversable, headers: dict[str, str], entry: dict[str, str | dict[str, str]]) -> Sample:
    case, own = str(entry["case"]), entry.get("headers")
    return Sample(
        source=source,
        case=case,
        says=str(entry["says"]),
        body=(folder / f"{case}.json").read_bytes(),
        headers={**headers, **(own if isinstance(own, dict) else {})},
        scheme=str(entry.get("scheme", "")),
    )
