"""The default classification set says what people would say."""

import pytest

from tests.unit.rules.alerts import alert, classify
from tests.unit.sources.payloads import all_payloads, answer_to
from tocsin_rules.category import Category
from tocsin_rules.defaults import COMPILED_DEFAULTS
from tocsin_sources.source import Normalized


@pytest.mark.parametrize(
    ("category", "title", "labels"),
    [
        ("availability", "Instance localhost:8081 down", {"alertname": "InstanceDown"}),
        ("availability", "Pod api-000 not ready for 15 minutes.", {"alertname": "KubePodNotReady"}),
        ("availability", "Container worker of pod backup-deployment-1 has been restarted", {"alertname": "ContainerRestarted"}),
        ("availability", "Host 'a :: 192.0.2.50' is DOWN", {}),
        ("availability", "checkout.example.com is unreachable", {}),
        ("latency", "p95 latency", {}),
        ("latency", "Refunds are slow", {}),
        ("latency", "", {"alertname": "ApiResponseTimeHigh"}),
        ("errors", "High 5xx rate on checkout-9", {"alertname": "HighErrorRate"}),
        ("errors", "Checkout answers 503", {}),
        ("errors", "ReferenceError: blooopy is not defined", {}),
        ("errors", "Error budget burn", {}),
        ("errors", "Payment failed", {}),
        ("capacity", "Disk usage alert on CS30", {"alertname": "DiskSpace"}),
        ("capacity", "High CPU on web-1", {}),
        ("capacity", "Queue depth is too high", {"alertname": "DatasourceError"}),
        ("capacity", "OperationalError: connection pool exhausted", {}),
        ("capacity", "Consumer lag of orders above 10,000", {}),
        ("capacity", "Saffron", {"metric_name": "CPUUtilization"}),
        ("security", "Certificate of a.example ends in 5 days", {}),
        ("security", "CVE-2026-1234 in openssl", {}),
        ("security", "Suspicious login from a new country", {}),
        ("deploy", "Deployment to production failed", {}),
        ("deploy", "Pipeline failed on main", {}),
        ("deploy", "", {"alertname": "KubeDeploymentRolloutStuck"}),
        ("data", "Backup of db-1 failed", {}),
        ("data", "Replication lag", {}),
        ("availability", "", {"alertname": "host_down"}),
        ("availability", "", {"alertname": "etcdNoLeader"}),
        ("errors", "", {"alertname": "DownstreamErrors"}),
        ("errors", "", {"alertname": "DownloadFailed"}),
        ("other", "", {"alertname": "KubeletTooManyPods"}),
        ("capacity", "", {"alertname": "ContainerOOMKilled"}),
        ("capacity", "", {"alertname": "oom_kill"}),
        ("security", "", {"alertname": "FailedLogins"}),
        ("other", "An example alert message", {}),
        ("other", "Watch this", {"alertname": "Watchdog"}),
    ],
)
def test_common_alerts_are_about_what_people_would_say(category: str, title: str, labels: dict[str, str]) -> None:
    assert classify(COMPILED_DEFAULTS, alert(title, labels=labels)).category == category


@pytest.mark.parametrize(
    ("source", "title", "labels", "category"),
    [
        ("github", "acme/checkout: test failed on main", {"workflow": "test"}, "deploy"),
        ("github", "semver vulnerable", {"kind": "dependabot"}, "security"),
        ("gitlab", "acme/checkout: Job production failed on main", {"ref": "main"}, "deploy"),
        ("gitlab", "Alert: checkout down", {"repository": "acme/checkout"}, "availability"),
        ("sentry", "A test message", {}, "errors"),
        ("uptimekuma", "Marketing is up", {}, "availability"),
    ],
)
def test_where_it_comes_from_says_what_the_title_does_not(source: str, title: str, labels: dict[str, str], category: str) -> None:
    assert classify(COMPILED_DEFAULTS, alert(title, labels=labels), source).category == category


def test_most_alerts_of_the_samples_are_about_something() -> None:
    """Samples have many titles that say nothing (`Test alert`); still no more than a quarter is `other`."""
    found = [
        classify(COMPILED_DEFAULTS, event, source).category
        for source, name in all_payloads()
        if isinstance(answer := answer_to(source, name), Normalized)
        for event in answer.alerts[:3]
    ]
    assert len(found) > 150
    assert found.count(Category.OTHER) <= len(found) / 4
    assert set(found) == set(Category)
