"""One mutated delivery from body to facts: nothing may raise, and nothing may leave its bounds."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from tests.fuzz.mutation import mutated
from tests.support.folding import Folding, outcome
from tests.unit.sources.payload_headers import CONTENT_TYPES
from tests.unit.sources.payloads import all_payloads, body_of, headers_of, source_of
from tests.unit.sources.test_totality import check_bounds
from tocsin_contracts import ids
from tocsin_contracts.image import Image, decode_image, encode_image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.topics import IMAGE_MAX_BYTES
from tocsin_sources.document import NotJson
from tocsin_sources.source import Delivery, Failed, Ignored, Normalized

_ODD_TYPES = (
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/cloudevents+json",
)
_ODD_HEADERS = ("", "\x00", "\ufffd", "x" * 5_000, "0", "null")
_SETTINGS = (
    IntegrationSettings(),
    IntegrationSettings(default_service="s", default_environment="Production", default_labels={"region": "eu", "team": "web"}),
    IntegrationSettings(never_resolves=True, environment_aliases={"": "x", "live": "prod"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One mutated delivery; `seed`, `source` and `number` name it for ever."""

    seed: int
    source: str
    number: int
    sample: str
    body: bytes
    headers: Mapping[str, str]
    content_type: str
    settings: IntegrationSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a case."""

    outcome: str
    seconds: float
    """Of reading, mapping and encoding."""


def case_of(seed: int, source: str, number: int) -> Case:
    """Make a case; the same arguments give the same one."""
    random = Random(f"{seed}/{source}/{number}")  # repeatable on purpose
    sample = random.choice([name for owner, name in all_payloads() if owner == source])
    headers = dict(headers_of(source, sample))
    if headers and random.random() < 0.1:
        headers[random.choice(sorted(headers))] = random.choice(_ODD_HEADERS)
    content_type = CONTENT_TYPES.get(source, "application/json")
    return Case(
        seed=seed,
        source=source,
        number=number,
        sample=sample,
        body=mutated(body_of(source, sample), random),
        headers={} if random.random() < 0.05 else headers,
        content_type=random.choice(_ODD_TYPES) if random.random() < 0.1 else content_type,
        settings=random.choice(_SETTINGS),
    )


def tried(case: Case, folding: Folding) -> Result:
    """Send a case through source, image and fold.

    Raises:
        Exception: whatever broke; an answer, `NotJson` too, breaks nothing.
    """
    source = source_of(case.source)
    started = time.perf_counter()
    try:
        document = source.document_of(case.body, case.content_type, case.headers)
    except NotJson as fault:
        return Result(outcome=f"no JSON: {fault.code}", seconds=time.perf_counter() - started)
    answer = source.map(Delivery(document=document, headers=case.headers, content_type=case.content_type, settings=case.settings))
    if not isinstance(answer, Normalized):
        assert isinstance(answer, Ignored | Failed)
        assert answer.reason
        assert len(answer.detail) < 500
        return Result(outcome=f"{type(answer).__name__.lower()}: {answer.reason}", seconds=time.perf_counter() - started)
    image = _image(case, answer)
    encoded = encode_image(image)
    seconds = time.perf_counter() - started
    for alert in answer.alerts:
        check_bounds(alert)
    if len(encoded) > IMAGE_MAX_BYTES:
        return Result(outcome="image too large", seconds=seconds)
    again = decode_image(encoded)
    assert encode_image(again) == encoded, "an image that is read and written again differs"
    folding.source = case.source
    became, reason = outcome(folding.wait(1).fold(again))
    assert became in {"processed", "duplicate"}, f"the fold made it {became}: {reason}"
    return Result(outcome=became, seconds=seconds)


def _image(case: Case, answer: Normalized) -> Image:
    tenant, integration = "acme", "prod"
    image = Image(
        tenant=tenant,
        integration=integration,
        source=case.source,
        mapped=Mapped.NORMALIZED,
        request_id="r",
        size=len(case.body),
        sender_id=answer.sender_id,
        settings=case.settings,
    )
    return replace(
        image, alerts=answer.alerts, alert_ids=[ids.alert_id(tenant, integration, alert.identity) for alert in answer.alerts]
    )
