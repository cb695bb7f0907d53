"""What every source's alerts have in common: the integration's defaults, safe keys, the contract's bounds."""

from collections.abc import Mapping
from hashlib import blake2b

from tocsin_contracts.alert import IDENTITY_MAX, LABELS_MAX, AlertEvent
from tocsin_contracts.bounds import bounded_event
from tocsin_contracts.integration import IntegrationSettings
from tocsin_sources.fields import TEAM, first_present


def finished(event: AlertEvent, settings: IntegrationSettings, *, trusted_time: bool) -> AlertEvent:
    """Complete an alert as its source mapped it.

    Service and environment take the integration's default where the sender said nothing; severity stays None there, for
    its default is the fold's (E6). Default labels stand where the sender gave none of that name; one that names a team is the
    alert's team where the sender named none. The integration may overrule whether its sender ever resolves
    (`send_resolved: false`). A time orders events only where there is one; a source that does not trust its times in general
    may trust one event's.
    """
    defaults = settings.default_labels
    return bounded_event(
        event,
        identity=fitting_key(event.identity),
        problem=fitting_key(event.problem),
        service=event.service or settings.default_service,
        environment=event.environment or settings.default_environment,
        team=event.team or (first_present(defaults, TEAM) if defaults else None),
        labels=with_defaults(event.labels, defaults) if defaults else None,
        never_resolves=settings.never_resolves,
        trusted=(trusted_time or event.trusted) and event.occurred_at is not None,
    )


def with_defaults(labels: Mapping[str, str], defaults: Mapping[str, str]) -> Mapping[str, str]:
    """Add the default labels that the sender did not give, as far as there is room: his own are never displaced."""
    missing = sorted(defaults.keys() - labels.keys())[: max(0, LABELS_MAX - len(labels))]
    return {**labels, **{name: defaults[name] for name in missing}} if missing else labels


def fitting_key(key: str) -> str:
    """Shorten a key that is too long by its hash: a key that was merely cut would make two problems one."""
    if len(key) <= IDENTITY_MAX:
        return key
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{key[: IDENTITY_MAX - len(digest) - 1]}~{digest}"
