"""Accept deliveries: the order of checks is the gateway's security (security.md 3), and each is one method here.

Who is meant → may it come now → has its address failed too often → is it small enough → receive it raw → did they send
it → count it → decode it → parse it → append it → 202. Nothing is decoded or parsed before it is authenticated, and
nothing is answered 202 before the log acknowledged it (P1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from tocsin_contracts.delivery import encode_accepted
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.ids import delivery_id
from tocsin_contracts.position import Position
from tocsin_contracts.problem import ProblemType
from tocsin_contracts.routes import DELIVERY_METHODS
from tocsin_control.directory import Directory
from tocsin_control.usage import TurnedAway
from tocsin_ingest import handshake
from tocsin_ingest.admission import Admission, Admissions, shows_credentials, verify_nobody
from tocsin_ingest.answers import malformed, not_found, too_large, unauthenticated, unavailable, wrong_method
from tocsin_ingest.domain.content import ContentFault, ContentLimits, UnfitContent, encoding_of, gunzip
from tocsin_ingest.domain.refusals import Refusals
from tocsin_ingest.domain.target import Webhook
from tocsin_ingest.first_refusals import FirstRefusals
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Exchange, Usage
from tocsin_ingest.prepared import Dates, accepted
from tocsin_ingest.receiving import Receiver
from tocsin_ingest.sns import SnsMessages
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.http import Problem
from tocsin_runtime.limits import Failures, Limits
from tocsin_runtime.log import Appender, AppendTooLarge, Entry
from tocsin_runtime.rate_fields import limit_field
from tocsin_sources import document, registry
from tocsin_sources.schemes.body_key import redacted
from tocsin_sources.signature import Rejection, Scheme, SignedRequest
from tocsin_sources.source import Source

INTEGRATION_HEADER = "X-Tocsin-Integration"
_TEXT_MAX = 200
_NOTHING: Mapping[str, str] = {}
_MINUTE = 60_000_000
_UNKNOWN = "unknown-integration"
_UNPROVEN = "unproven"
_DENIALS = frozenset({_UNKNOWN, _UNPROVEN, *(str(reason) for reason in Rejection)})
"""A 429 for credentials that prove nothing is no refusal of the integration: anybody could hold its timers back."""
_CONTENT: Mapping[ContentFault, Callable[[], Problem]] = {
    ContentFault.UNSUPPORTED: lambda: Problem(
        415,
        "A body comes as it is, or with one Content-Encoding: gzip.",
        type=ProblemType.UNSUPPORTED_MEDIA,
        headers={"Accept-Encoding": "gzip, identity"},
    ),
    ContentFault.TOO_LARGE: lambda: too_large("The decoded body is too large."),
    ContentFault.RATIO: lambda: too_large("The body is compressed beyond reason."),
    ContentFault.BROKEN: lambda: malformed("The body is not one whole gzip member."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of deliveries."""

    in_flight_max: int
    content: ContentLimits


class Deliveries:
    """Answers webhooks."""

    def __init__(
        self,
        *,
        directory: Callable[[], Directory | None],
        appender: Appender,
        receiver: Receiver,
        limits: Limits,
        failures: Failures,
        refusals: Refusals,
        usage: Usage,
        metrics: IngestMetrics,
        clock: Clock,
        bounds: Bounds,
        sns: SnsMessages | None = None,
    ) -> None:
        self._sns = sns
        self._directory = directory
        self._appender = appender
        self._receiver = receiver
        self._limits = limits
        self._failures = failures
        self._refusals = refusals
        self._usage = usage
        self._metrics = metrics
        self._first_refusals = FirstRefusals(metrics, clock)
        self._clock = clock
        self._bounds = bounds
        self._admissions = Admissions()
        self._dates = Dates()
        self._in_flight = 0
        self._minute = -1
        self._noted: set[tuple[str, int, bool]] = set()

    @property
    def in_flight(self) -> int:
        """Count the deliveries under way."""
        return self._in_flight

    async def accept(
        self, request: web.BaseRequest, target: Webhook, query: Mapping[str, str], exchange: Exchange
    ) -> web.StreamResponse:
        """Answer one webhook: 202 once it is safely in the log.

        Raises:
            Problem: any other answer; 429 and 503 were noted for the next tick.
        """
        source = registry.get(target.source)
        if source is None:
            raise not_found()
        exchange.source = source.name
        admission = self._find(source, target, query, request)
        self._in_flight += 1
        try:
            token = _token_of(target, source, admission, query)
            if admission is None:
                raise await self._turn_away(request, source, token, exchange)
            exchange.tenant, exchange.integration = admission.entry.tenant, admission.entry.id
            return await self._admit(request, admission, token, query, exchange)
        except Problem as problem:
            self._refused(problem.status, admission, exchange)
            raise
        except AppendTooLarge as error:
            exchange.reason = "record-too-large"
            self._refused(413, admission, exchange)
            raise too_large("The delivery with its headers is too large.") from error
        except Recoverable as error:
            exchange.reason = type(error).__name__
            self._refused(503, admission, exchange)
            raise unavailable("The log did not acknowledge in time. The delivery may be stored; send it again.") from error
        finally:
            self._in_flight -= 1

    async def permit(
        self, request: web.BaseRequest, target: Webhook, query: Mapping[str, str], exchange: Exchange
    ) -> web.StreamResponse:
        """Answer a sender that asks whether it may deliver here (`handshake`); nothing of it is counted as a delivery.

        Raises:
            Problem: 405 where nobody is asked that, 401 for wrong credentials, 429 for an address that failed too often.
        """
        source = registry.get(target.source) if target.source == handshake.SOURCE and handshake.asks(request) else None
        admission = None if source is None else self._find(source, target, query, request)
        if admission is None or not (admission.tenant.enabled and admission.entry.enabled):
            raise wrong_method(*methods_of(target.source))
        exchange.source, exchange.tenant, exchange.integration = target.source, admission.entry.tenant, admission.entry.id
        over = self._failures.over(exchange.address)
        if over is not None:
            raise over
        token = _token_of(target, admission.source, admission, query)
        wrong = handshake.disproved(request, admission, self._clock.now(), token)
        if wrong is not None:
            raise self._failed(str(wrong), exchange)
        return handshake.permission(request, admission)

    async def _admit(
        self,
        request: web.BaseRequest,
        admission: Admission,
        token: str | None,
        query: Mapping[str, str],
        exchange: Exchange,
    ) -> web.StreamResponse:
        """Do every check in its order, then append."""
        entry = admission.entry
        self._limits.check(admission.policies)
        if self._in_flight > self._bounds.in_flight_max:
            raise unavailable("Too many requests are under way. Try again.")
        if admission.cannot_tell:
            raise unavailable("The secrets of this integration cannot be read now. Try again.")
        suspect = entry.signature_required and self._suspect(request, admission.schemes, token, exchange)
        raw = self._receiver.arrived(request)
        if raw is None:
            raw = await self._receiver.receive(request)
            suspect = entry.signature_required and self._suspect(request, admission.schemes, token, exchange)
        exchange.size = len(raw)
        now = self._clock.now()
        signed = SignedRequest(headers=request.headers, body=raw, now=now)
        confirm = await self._authenticate(signed, admission, token, exchange, suspect=suspect)
        if not admission.tenant.enabled:
            raise Problem(403, "This tenant is disabled.", type=ProblemType.FORBIDDEN)
        if not entry.enabled:
            raise Problem(403, "This integration is disabled.", type=ProblemType.FORBIDDEN)
        allowances = self._limits.count(admission.policies)
        encoding, body = self._decode(raw, request)
        if admission.source.fixed_format:
            try:
                admission.source.document_of(body, request.headers.get("Content-Type", ""), request.headers)
            except document.NotJson as error:
                raise _not_json(error) from error
        hidden: Sequence[str] = ()
        if admission.source.redact:
            clean = redacted(body, admission.source.redact)
            hidden, body = (() if clean == body else admission.source.redact), clean
        envelope = _envelope(request, admission, query, exchange.id, now, encoding, hidden)
        checked = self._clock.monotonic()
        record = Entry(admission.key, body, log_headers(Kind.DELIVERY, envelope))
        offset = await self._appender.append(admission.tenant.partition, record)
        self._metrics.accepted(checked - exchange.started, self._clock.monotonic() - checked, len(raw))
        if confirm is not None and self._sns is not None:
            await self._sns.confirm(confirm)
        return accepted(
            request,
            delivery=delivery_id(entry.tenant, Position(admission.tenant.partition, offset)),
            policy=admission.policy_field,
            limit=limit_field(allowances),
            date=self._dates.text(now),
        )

    def _find(self, source: Source, target: Webhook, query: Mapping[str, str], request: web.BaseRequest) -> Admission | None:
        """Find whom a request means; None for nobody. A tenant's name alone finds, and never authorises (A3).

        Raises:
            Problem: 503, where neither PostgreSQL nor a snapshot was read yet.
        """
        directory = self._directory()
        if directory is None:
            self._refusals.note_all()
            raise unavailable("The gateway does not know its integrations yet. Try again.")
        tenant = query.get("tenant_id")
        integration = target.integration or query.get("integration") or request.headers.get(INTEGRATION_HEADER)
        if integration is None:
            only = None if tenant is None else directory.only_of_source(tenant, source.name)
            integration = None if only is None else only.id
        if integration is None:
            return None
        admission = self._admissions.find(directory, source, integration)
        if admission is None or (tenant is not None and tenant != admission.entry.tenant):
            return None
        return admission

    async def _turn_away(self, request: web.BaseRequest, source: Source, token: str | None, exchange: Exchange) -> Problem:
        """Answer a request for nobody as one with a wrong secret, after the same work."""
        if self._in_flight > self._bounds.in_flight_max:
            return unavailable("Too many requests are under way. Try again.")
        self._suspect(request, source.schemes, token, exchange)
        raw = await self._receiver.receive(request)
        suspect = self._suspect(request, source.schemes, token, exchange)
        exchange.size = len(raw)
        signed = SignedRequest(headers=request.headers, body=raw, now=self._clock.now())
        verify_nobody(source, signed, token=token, by_header=suspect)
        return self._failed(_UNKNOWN, exchange)

    def _suspect(self, request: web.BaseRequest, schemes: tuple[Scheme, ...], token: str | None, exchange: Exchange) -> bool:
        """Tell whether the address failed too often: then only what stands in the header or the URL can prove a request (S25).

        Raises:
            Problem: 429, where nothing there could: its body is not even received.
        """
        over = self._failures.over(exchange.address)
        if over is None:
            return False
        if token is None and not shows_credentials(schemes, request.headers):
            exchange.reason = str(Rejection.NO_CREDENTIALS)
            raise over
        return True

    async def _authenticate(
        self, request: SignedRequest, admission: Admission, token: str | None, exchange: Exchange, *, suspect: bool
    ) -> str | None:
        """Check the signature over the bytes as received, and give the link that confirms a subscription, if it is one.

        Raises:
            Problem: 401, or 429 above the bound of failures of one address; 503 where the certificate of SNS cannot be fetched.
        """
        verdict, confirm = admission.verify(request, token=token, by_header=suspect), None
        # A wrong token is wrong, whoever signed the message.
        looked_into = verdict.accepted or (token is None and not suspect)
        if self._sns is not None and self._sns.concerns(admission) and looked_into:
            try:
                checked = await self._sns.check(admission, verdict, request.body, request.now)
            except Recoverable as error:
                over = self._failures.failed(exchange.address)
                if over is not None:
                    exchange.reason = _UNPROVEN
                    raise over from error
                exchange.reason = type(error).__name__
                raise unavailable(
                    "The certificate that would prove this message cannot be fetched now. Send it again."
                ) from error
            verdict, confirm = checked.verdict, checked.confirm
        if verdict.accepted:
            if verdict.slot is not None:
                self._note_use(admission.entry.id, verdict.slot, request.now, by_token=verdict.by_token)
            return confirm
        raise self._failed(str(verdict.reason), exchange)

    def _note_use(self, integration: str, slot: int, now: int, *, by_token: bool) -> None:
        """Note once a minute that a secret or a token was used: that is how finely it is kept."""
        minute = now // _MINUTE
        if minute != self._minute:
            self._minute = minute
            self._noted.clear()
        place = (integration, slot, by_token)
        if place not in self._noted:
            self._noted.add(place)
            (self._usage.url_token_used if by_token else self._usage.secret_used)(integration, slot)

    def _failed(self, reason: str, exchange: Exchange) -> Problem:
        exchange.reason = reason
        return self._failures.failed(exchange.address) or unauthenticated()

    def _decode(self, raw: bytes, request: web.BaseRequest) -> tuple[str, bytes]:
        """Undo the one content encoding that a body may have."""
        header = request.headers.get("Content-Encoding")
        if header is None:
            return "", raw
        try:
            # A repeated header field is a second encoding.
            encoding = encoding_of(", ".join(request.headers.getall("Content-Encoding")))
            return encoding, gunzip(raw, self._bounds.content) if encoding else raw
        except UnfitContent as unfit:
            problem = _CONTENT[unfit.fault]()
            raise problem from unfit

    def _refused(self, status: int, admission: Admission | None, exchange: Exchange) -> None:
        """Count what was not accepted; what the sender may have wanted to say and could not is for the next tick (P10)."""
        reason = exchange.reason or f"status-{status}"
        self._metrics.rejected(reason)
        tenant, integration = ("", "") if admission is None else (admission.entry.tenant, admission.entry.id)
        away = TurnedAway(reason=reason, status=status, request_id=exchange.id, address=exchange.address, size=exchange.size)
        self._usage.rejected(reason, tenant=tenant, integration=integration)
        self._usage.sampled(away, tenant=tenant, integration=integration)
        if admission is None:
            return
        if status in {429, 503} and reason not in _DENIALS:
            self._refusals.note(admission.tenant.partition, admission.entry.tenant, admission.entry.id)
        if status == 429 and reason not in _DENIALS:
            self._first_refusals.note(admission.entry.tenant, admission.entry.id)


def methods_of(name: str) -> tuple[str, ...]:
    """List how deliveries of a source come; of one that nobody knows, all ways there are: whatever comes there is 404."""
    source = registry.get(name)
    return DELIVERY_METHODS if source is None else source.methods


def _token_of(target: Webhook, source: Source, admission: Admission | None, query: Mapping[str, str]) -> str | None:
    """Give the token of a URL: of its path, else of the parameter that the source's standard names, where tokens are taken."""
    if target.token is not None or source.token_parameter is None or (admission is not None and not admission.entry.url_tokens):
        return target.token
    return query.get(source.token_parameter)


def _not_json(error: document.NotJson) -> Problem:
    """Refuse what is no JSON, where the sender's format is fixed: it would fail later, and the sender would never know."""
    detail = "The body is not JSON that we read."
    return Problem(400, detail, type=ProblemType.NOT_JSON, members={"code": str(error.code)})


def _envelope(
    request: web.BaseRequest,
    admission: Admission,
    query: Mapping[str, str],
    request_id: str,
    now: int,
    encoding: str,
    hidden: Sequence[str],
) -> bytes:
    """Write down what is known of a request, as its source allows."""
    headers = request.headers
    return encode_accepted(
        tenant=admission.entry.tenant,
        integration=admission.entry.id,
        source=admission.source.name,
        integration_version=admission.entry.version,
        request_id=request_id,
        received_at=now,
        content_type=_clean(headers.get("Content-Type", ""))[:_TEXT_MAX],
        encoding=encoding,
        redacted=hidden,
        headers=_kept(admission.headers, headers),
        query=_kept(admission.query, query) if query else _NOTHING,
    )


def _kept(names: Sequence[str], values: Mapping[str, str]) -> Mapping[str, str]:
    """Keep what the source names."""
    return {name: _clean(values[name]) for name in names if name in values} if names else _NOTHING


def _clean(text: str) -> str:
    """Make header text valid: aiohttp hands undecodable bytes on as lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
