"""The seam: what a source is, what it is given, and the three things it may answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Reason
from tocsin_sources import document
from tocsin_sources.finish import finished
from tocsin_sources.shape import Unfit
from tocsin_sources.signature import Scheme
from tocsin_sources.taken import Taken

ALERTS_MAX = 5_000
"""Alerts in one delivery. A body of 1 MiB holds about 2,500 real ones; more is `failed: too-many-alerts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a source may read of a delivery; nothing else influences its answer."""

    document: object
    """The body, as `Source.document_of` read it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers that the source allows, lower-case names."""
    query: Mapping[str, str] = field(default_factory=dict)
    """The query parameters that the source allows."""
    content_type: str = ""
    """As the sender wrote it; empty where it did not."""
    settings: IntegrationSettings = field(default_factory=IntegrationSettings)
    """The version of the integration's settings that the delivery came in under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalized:
    """The delivery says something about at least one alert."""

    alerts: tuple[AlertEvent, ...]
    """In the sender's order; never empty; each has passed `bounds.bounded_event`."""
    sender_id: str | None = None
    """The sender's own delivery id, the same on a retry; None where the sender has none (P4)."""
    taken: tuple[Taken, ...] = field(default=(), compare=False)
    """What the integration's mapping took from where; empty where no mapping read the delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """The delivery is well formed and no alert: accepted, recorded, nothing made of it."""

    reason: str
    """A code, such as `no-alerts`."""
    detail: str
    """One line for people; fixed words and names of the format, never the sender's text."""
    taken: tuple[Taken, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The delivery is not what this source sends: it stays whole in the log and can be sent again (P7)."""

    reason: str
    """A code, such as `unknown-shape`."""
    detail: str
    """One line for people that begins with the pointer; never the sender's text."""
    pointer: str = ""
    """JSON pointer (RFC 6901) of what was missing or of another type; empty for the document itself."""
    taken: tuple[Taken, ...] = field(default=(), compare=False)


Answer = Normalized | Ignored | Failed
"""What a source makes of a delivery."""


def parse_json(body: bytes, content_type: str) -> object:  # noqa: ARG001 # most sources send JSON, whatever they call it
    """Read a body as JSON whatever its content type says: SNS calls it `text/plain`, relays call it anything."""
    return document.parse(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One sender of webhooks: how it authenticates, what of its requests is kept, and how its JSON becomes alerts.

    Everything is constant and pure, so that a replay of the same delivery gives the same alerts.
    """

    name: str
    """As it stands in paths, settings and records: `alertmanager`. Never renamed."""
    title: str
    """As people call it: `Prometheus Alertmanager`."""
    read: Callable[[Delivery], Answer]
    """The source's own mapping. Call `map` instead: it adds what holds for all sources."""
    schemes: tuple[Scheme, ...]
    """The ways to authenticate that the sender offers, the preferred one first."""
    trusted_time: bool
    """Whether the sender's times come from one clock with a zone and may order events (SOURCES 0.1c)."""
    fixed_format: bool = True
    """True: a body that is no JSON is answered 400. False, for templated senders: 202 and the outcome `failed`."""
    methods: tuple[str, ...] = ("POST",)
    """How deliveries come; those of `tocsin_contracts.routes.DELIVERY_METHODS` that the sender can be set to."""
    takes_mapping: bool = False
    """Whether it reads by `settings.mapping`; an integration of another source may have none."""
    signature_optional: bool = False
    """Whether an integration may be set to accept unsigned requests (E1)."""
    headers: frozenset[str] = frozenset()
    """Headers that are kept in the envelope, lower case; credentials are never among them."""
    query: frozenset[str] = frozenset()
    """Query parameters that are kept in the envelope."""
    redact: tuple[str, ...] = ()
    """JSON pointers of credentials in the body; the gateway replaces them before it appends (`schemes.body_key.redacted`)."""
    parse: Callable[[bytes, str], object] = parse_json
    """Reads a body of this content type, within the limits of `document`; raises `document.NotJson` and nothing else."""
    parse_opaque: Callable[[bytes, str, Mapping[str, str]], object] | None = None
    """Reads what is no JSON, where the headers say that a body may be anything; else raises `document.NotJson`."""
    token_parameter: str | None = None
    """The query parameter in which a standard of this source puts a token, for integrations that take one in their URL."""

    def document_of(self, body: bytes, content_type: str, headers: Mapping[str, str]) -> object:
        """Read a body as its content type and its headers say (names in lower case, or looked up in any).

        Raises:
            document.NotJson: it is nothing that this source reads.
        """
        try:
            return self.parse(body, content_type)
        except document.NotJson as fault:
            if self.parse_opaque is None or fault.code is not document.NotJsonCode.NOT_JSON:
                raise
            return self.parse_opaque(body, content_type, headers)

    def map(self, delivery: Delivery) -> Answer:
        """Turn a delivery into alerts, or say why not.

        Total: an unexpected shape is an answer (`Failed`), never an exception. Deterministic. Adds the integration's
        defaults and cuts every value to the contract's bounds.
        """
        try:
            result = self.read(delivery)
        except Unfit as unfit:
            return Failed(reason=Reason.UNKNOWN_SHAPE, pointer=unfit.pointer, detail=str(unfit))
        if not isinstance(result, Normalized):
            return result
        if len(result.alerts) > ALERTS_MAX:
            return Failed(reason=Reason.TOO_MANY_ALERTS, detail=f"{len(result.alerts)} alerts, at most {ALERTS_MAX} are read")
        alerts = tuple(finished(event, delivery.settings, trusted_time=self.trusted_time) for event in result.alerts)
        return replace(result, alerts=alerts)
