"""What the gateway needs to know of one integration at each request, put together once a revision of the directory."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin_control.directory import Directory, IntegrationEntry, TenantEntry
from tocsin_control.url_token import find_token
from tocsin_runtime.buckets import Policy, Quota, policy
from tocsin_runtime.rate_fields import policy_field
from tocsin_sources.schemes.body_key import BodyKey
from tocsin_sources.signature import Accepted, Rejected, Rejection, Scheme, SignedRequest, authenticate
from tocsin_sources.source import Source

_NOBODYS_SECRET = secrets.token_bytes(32)
"""What requests for unknown integrations are compared with, so that they take the time of a wrong secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request is authentic: the slot of the secret that proved it (None for an unsigned one), else why not."""

    accepted: bool
    slot: int | None = None
    by_token: bool = False
    """Whether the slot is that of a token in the URL, not of a secret."""
    reason: Rejection | None = None


_PROVED = {slot: Verdict(accepted=True, slot=slot) for slot in (1, 2)}
_PROVED_BY_TOKEN = {slot: Verdict(accepted=True, slot=slot, by_token=True) for slot in (1, 2)}
_WRONG_TOKEN = Verdict(accepted=False, reason=Rejection.WRONG)
_UNSIGNED = Verdict(accepted=True)
_UNSIGNED_REASONS = frozenset({Rejection.NO_CREDENTIALS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """One integration, ready to be checked."""

    entry: IntegrationEntry
    tenant: TenantEntry
    source: Source
    schemes: tuple[Scheme, ...]
    header_schemes: tuple[Scheme, ...]
    """Those for which nothing in the body has to be looked for."""
    policies: tuple[Policy, ...]
    policy_field: str
    key: bytes
    """The record's key in the log: the tenant."""
    headers: tuple[str, ...]
    query: tuple[str, ...]
    lasting: tuple[bytes, ...] | None = field(repr=False)
    """The secrets, where none of them ends some day: then they need not be looked through at each request."""

    def verify(self, request: SignedRequest, *, token: str | None = None, by_header: bool = False) -> Verdict:
        """Check who sent a request, where `by_header` is set by its header alone; never raises.

        A token in the URL must be right. Then it proves the request, unless its header holds credentials that are wrong: who
        signs is believed by the signature, wherever he posts to.
        """
        if token is None:
            return self._verify(request, self.header_schemes if by_header else self.schemes)
        live = self.entry.active_url_tokens(request.now)
        place = find_token(token, [each.value for each in live])
        if place is None:
            return _WRONG_TOKEN
        others = self._verify(request, self.header_schemes)
        shown_wrong = not others.accepted and others.reason not in _UNSIGNED_REASONS
        return others if shown_wrong else _PROVED_BY_TOKEN[live[place].slot]

    def _verify(self, request: SignedRequest, schemes: tuple[Scheme, ...]) -> Verdict:
        active = self.entry.secrets
        values = self.lasting
        if values is None:
            active = self.entry.active_secrets(request.now)
            values = tuple(secret.value for secret in active)
        verdict = authenticate(schemes, request, values)
        if isinstance(verdict, Accepted):
            return _PROVED[active[verdict.secret].slot]
        if not self.entry.signature_required and verdict.reason in _UNSIGNED_REASONS:
            return _UNSIGNED
        return Verdict(accepted=False, reason=verdict.reason)

    @property
    def cannot_tell(self) -> bool:
        """Tell whether its secrets exist and cannot be read: no sender's fault, so 503 and not 401."""
        return self.entry.secrets_unreadable > 0 and not self.entry.secrets


def provable_by_header(schemes: tuple[Scheme, ...]) -> tuple[Scheme, ...]:
    """Leave out the schemes whose proof has to be looked for in the body: that is a parse for somebody who proved nothing yet."""
    return tuple(scheme for scheme in schemes if not isinstance(scheme, BodyKey))


def shows_credentials(schemes: tuple[Scheme, ...], headers: Mapping[str, str]) -> bool:
    """Tell whether a header holds what one of the schemes would check, right or wrong; the body need not be there yet."""
    verdict = authenticate(provable_by_header(schemes), SignedRequest(headers=headers, body=b""), [_NOBODYS_SECRET])
    return isinstance(verdict, Rejected) and verdict.reason is not Rejection.NO_CREDENTIALS


def verify_nobody(source: Source, request: SignedRequest, *, token: str | None = None, by_header: bool = False) -> None:
    """Do the work of a wrong secret, or of a wrong token, for an integration that does not exist."""
    if token is not None:
        find_token(token, ())
        return
    schemes = provable_by_header(source.schemes) if by_header else source.schemes
    verdict = authenticate(schemes, request, [_NOBODYS_SECRET])
    assert isinstance(verdict, Rejected)  # noqa: S101 # 256 random bits, drawn when this process started


class Admissions:
    """Admissions of the directory in force; made when first asked for, dropped when another revision comes."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._known: dict[str, Admission] = {}

    def find(self, directory: Directory, source: Source, integration: str) -> Admission | None:
        """Find the admission of an integration; None where it does not exist or is of another source."""
        if directory is not self._directory:
            self._directory, self._known = directory, {}
        admission = self._known.get(integration)
        if admission is None:
            entry = directory.integration(integration)
            tenant = None if entry is None else directory.tenant(entry.tenant)
            if entry is None or tenant is None or entry.source != source.name:
                return None
            admission = self._known[integration] = _admission(entry, tenant, source)
        return admission if admission.source is source else None


def _admission(entry: IntegrationEntry, tenant: TenantEntry, source: Source) -> Admission:
    policies = (
        policy("integration", entry.id, Quota(entry.rate_limit_per_min, entry.burst)),
        policy("tenant", tenant.id, Quota(tenant.rate_limit_per_min, tenant.burst)),
    )
    schemes = entry.schemes()
    return Admission(
        entry=entry,
        tenant=tenant,
        source=source,
        schemes=schemes,
        header_schemes=provable_by_header(schemes),
        policies=policies,
        policy_field=policy_field(policies),
        key=tenant.id.encode(),
        headers=tuple(sorted(source.headers)),
        query=tuple(sorted(source.query)),
        lasting=None if any(secret.not_after is not None for secret in entry.secrets) else tuple(s.value for s in entry.secrets),
    )
