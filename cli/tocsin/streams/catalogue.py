"""The made-up companies whose troubles streams tell: services, environments, teams, and what breaks there."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product

from tocsin.streams.trouble import Severity, Trouble

SERVICES = ("checkout", "payments", "search", "catalog", "accounts", "shipping", "recommendations", "billing", "gateway", "media")
ENVIRONMENTS = ("production", "staging")
TEAMS = ("payments", "platform", "storefront")
REPLICAS_MAX = 4


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to break."""

    name: str
    title: str
    detail: str
    severity: Severity


_METRICS = (
    Kind("HighErrorRate", "High error rate", "7.4% of requests fail (threshold 5%) for more than 10 minutes.", "critical"),
    Kind("HighLatency", "High latency", "The 99th percentile of response times is 2.8 s (threshold 1 s).", "high"),
    Kind("DiskAlmostFull", "Disk almost full", "91% of the data volume is used; full in about 6 hours.", "high"),
    Kind("PodCrashLooping", "Pod crash looping", "The container restarted 7 times in 10 minutes.", "high"),
    Kind("QueueBacklog", "Queue backlog", "18,000 messages wait, the oldest for 12 minutes.", "medium"),
    Kind("ReplicationLag", "Replication lag", "The replica is 95 s behind its primary.", "medium"),
    Kind("CertificateExpiresSoon", "Certificate expires soon", "The certificate ends in 6 days.", "low"),
)
_ERRORS = (
    Kind("TimeoutError", "TimeoutError: upstream did not answer in 10s", "upstream did not answer in 10s", "high"),
    Kind("OperationalError", "OperationalError: connection pool exhausted", "connection pool exhausted", "critical"),
    Kind("KeyError", "KeyError: 'currency'", "'currency'", "medium"),
    Kind("ValidationError", "ValidationError: total must not be negative", "total must not be negative", "medium"),
)
_PIPELINES = (
    Kind("deploy", "deploy failed", "The rollout stopped: 3 of 10 pods never became ready.", "high"),
    Kind("nightly", "nightly failed", "The end-to-end tests failed.", "medium"),
    Kind("release", "release failed", "The image could not be pushed.", "high"),
)
_JOBS = (
    Kind("backup", "Backup failed", "pg_dump: error: connection to server failed", "high"),
    Kind("import", "Nightly import is late", "No file came since midnight.", "medium"),
    Kind("invoices", "Invoices were not sent", "The mail provider refused 212 of them.", "critical"),
)
_KINDS = {"sentry": _ERRORS, "github": _PIPELINES, "gitlab": _PIPELINES, "generic": _JOBS}
_GROUPED = frozenset({"alertmanager", "grafana"})


def troubles(tenant: str, sources: Sequence[str], many: int) -> list[Trouble]:
    """Give a tenant's first `many` troubles, the sources in turns; the same in every stream."""
    each = [_of(tenant, source) for source in sources]
    return [next(each[number % len(each)]) for number in range(many)]


def _of(tenant: str, source: str) -> Iterator[Trouble]:
    """Give a source's troubles: everything on one place in an order of its own, then on the next."""
    draw = random.Random(f"{tenant}/{source}")  # noqa: S311 # a mix that looks natural; nothing is secret
    mix = list(product(_KINDS.get(source, _METRICS), SERVICES, ENVIRONMENTS))
    draw.shuffle(mix)
    for place in count():
        for kind, service, environment in mix:
            yield Trouble(
                tenant=tenant,
                source=source,
                name=kind.name,
                title=kind.title,
                detail=kind.detail,
                severity=kind.severity,
                service=service,
                environment=environment,
                team=TEAMS[SERVICES.index(service) % len(TEAMS)],
                place=place,
                replicas=draw.randint(1, REPLICAS_MAX) if source in _GROUPED else 1,
            )
