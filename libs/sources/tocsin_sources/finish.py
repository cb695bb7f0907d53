"""What every source's alerts have in common: the integration's defaults, safe keys, the contract's bounds."""

from dataclasses import replace
from hashlib import blake2b

from tocsin_contracts.alert import IDENTITY_MAX, AlertEvent
from tocsin_contracts.bounds import bounded_event
from tocsin_contracts.integration import IntegrationSettings


def finished(event: AlertEvent, settings: IntegrationSettings, *, trusted_time: bool) -> AlertEvent:
    """Complete an alert as its source mapped it.

    Service and environment take the integration's default where the sender said nothing; severity stays None there, for
    its default is the fold's (E6). The integration may overrule whether its sender ever resolves (`send_resolved: false`).
    A time orders events only where there is one; a source that does not trust its times in general may trust one event's.
    """
    never_resolves = event.never_resolves if settings.never_resolves is None else settings.never_resolves
    return bounded_event(
        replace(
            event,
            identity=fitting_key(event.identity),
            problem=fitting_key(event.problem),
            service=event.service or settings.default_service,
            environment=event.environment or settings.default_environment,
            never_resolves=never_resolves,
            trusted=(trusted_time or event.trusted) and event.occurred_at is not None,
        )
    )


def fitting_key(key: str) -> str:
    """Shorten a key that is too long by its hash: a key that was merely cut would make two problems one."""
    if len(key) <= IDENTITY_MAX:
        return key
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{key[: IDENTITY_MAX - len(digest) - 1]}~{digest}"
