"""What measurements send: one Prometheus' groups of alerts, of one size, no chance in it; and a mixed stream of ten sources."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import orjson

from tocsin.streams.stream import Sending, Traffic
from tocsin.streams.stream import stream as generate
from tocsin_contracts.times import from_datetime

BLOCK = 1000
"""Groups that are active at the same time; so far apart are two deliveries of the same group."""
STEPS = 4
ALERTS_PER_DELIVERY = 2
_START = datetime(2026, 1, 1, tzinfo=UTC)
_SEVERITIES = ("critical", "warning", "info", "page")
_TEXT = (
    "The error budget of the last hour burns faster than it is refilled. Look at the dashboard of the service, at the last "
    "deployment and at what it depends on, in this order; roll back first and ask later. "
)


MIXED_SEED = 7


def mixed(deliveries: int, *, tenants: tuple[str, ...] = ("t_bench",)) -> list[Sending]:
    """Give a busy company's deliveries: ten sources, sizes as they are, repeats, retries, some late; the same in every run."""
    traffic = Traffic(seed=MIXED_SEED, start_at=from_datetime(_START), tenants=tenants, rate_per_s=50.0, troubles=2_000)
    return list(islice(generate(traffic), deliveries))


def stream(deliveries: int, *, groups: int = BLOCK) -> Iterator[bytes]:
    """Give bodies of 2 kB, two alerts each, 8 alert events an incident.

    Each group goes through an episode: two pods fire; one repeats and a third fires; one resolves; the others resolve.
    After `groups` groups the first ones fire again, as the same alerts and a new incident.
    """
    for number in range(deliveries):
        block, rest = divmod(number, BLOCK * STEPS)
        step, place = divmod(rest, BLOCK)
        episode, group = divmod(block * BLOCK + place, groups)
        yield body(group, step, episode)


def body(group: int, step: int, episode: int = 0) -> bytes:
    """Write the delivery of one step of a group's episode."""
    starts = _START + timedelta(minutes=10 * episode, milliseconds=group)
    says = {
        0: ((0, "firing"), (1, "firing")),
        1: ((0, "firing"), (2, "firing")),
        2: ((0, "resolved"), (1, "firing")),
        3: ((1, "resolved"), (2, "resolved")),
    }[step]
    alerts = [_alert(group, pod, status, starts) for pod, status in says]
    name, service = f"ErrorBudgetBurn{group}", f"service-{group % 97}"
    common = {"alertname": name, "service": service, "team": f"team-{group % 11}"}
    return orjson.dumps({
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name}", service="{service}"}}',
        "truncatedAlerts": 0,
        "status": "firing" if any(status == "firing" for _, status in says) else "resolved",
        "receiver": "tocsin",
        "groupLabels": common,
        "commonLabels": common,
        "commonAnnotations": {"summary": f"{service} burns its error budget"},
        "externalURL": "http://alertmanager.example.com:9093",
        "alerts": alerts,
    })  # fmt: skip


def _alert(group: int, pod: int, status: str, starts: datetime) -> dict[str, object]:
    service = f"service-{group % 97}"
    ends = (starts + timedelta(minutes=5)).isoformat() if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "status": status,
        "labels": {
            "alertname": f"ErrorBudgetBurn{group}",
            "cluster": "eu-west-1",
            "environment": ("prod", "staging")[group % 2],
            "instance": f"10.{group % 256}.{group // 256 % 256}.{pod}:9100",
            "job": service,
            "namespace": f"ns-{group % 13}",
            "pod": f"{service}-{group:x}-{pod}",
            "service": service,
            "severity": _SEVERITIES[group % 4],
            "team": f"team-{group % 11}",
        },
        "annotations": {
            "summary": f"{service} burns its error budget",
            "description": _TEXT,
            "runbook_url": f"https://runbooks.example.com/error-budget/{service}",
        },
        "startsAt": starts.isoformat(),
        "endsAt": ends,
        "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=job%3Aerrors%3Arate5m&g0.tab=1",
        "fingerprint": f"{group * 4 + pod:016x}",
    }
