"""The stories that were recorded as cases. `python -m tests.cases.stories` records those that have no file yet.

A file is recorded anew only when FOLD_VERSION rose: a changed fact under the same version is what the corpus is there to find.
"""

import sys
from collections.abc import Callable

from tests.cases.case import FOLDER, read_case, record_case, write_case
from tests.support.folding import Folding, alert, episode, firing, resolved
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import Position
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus, IncidentStatus
from tocsin_grouper.domain.fold import FOLD_VERSION


def six_incidents_of_one_delivery() -> Folding:
    """One body of six problems opens six incidents, each with its own id."""
    folding = Folding()
    folding.deliver(*(firing(f"a{number}", problem=f"p{number}", severity=Severity.HIGH) for number in range(6)))
    folding.wait(60).deliver(*(resolved(f"a{number}") for number in range(6)))
    return folding


def many_pods_are_one_incident() -> Folding:
    """Alerts of one alertname and service are one incident, told in one fact, resolved with the last."""
    folding = Folding()
    pods = [f"pod-{number}" for number in range(12)]
    folding.deliver(*(firing(pod, environment="prod", **episode(0)) for pod in pods))
    folding.wait(60).deliver(*(resolved(pod, environment="prod", **episode(0, 50)) for pod in pods[:-1]))
    folding.wait(60).deliver(resolved(pods[-1], environment="prod", **episode(0, 110)))
    return folding


def a_resolve_without_an_environment() -> Folding:
    """Membership is sticky: the resolve closes what its firing opened."""
    folding = Folding(source="sentry", integration="web")
    folding.deliver(firing("issue:1", environment="prod", project="shop"), sender_id="e1")
    folding.wait(60).deliver(resolved("issue:1"))
    return folding


def down_up_down_without_times() -> Folding:
    """Three deliveries, two of them byte-equal; the copy of the third is none."""
    folding = Folding(source="statuscake")
    for body in (firing("a"), resolved("a"), firing("a"), firing("a")):
        folding.wait(20).deliver(body)
    return folding


def a_resolve_before_its_firing() -> Folding:
    """It sticks; and one that is older than the running episode is late."""
    folding = Folding()
    folding.deliver(resolved("a", **episode(0, 60)))
    folding.wait(5).deliver(firing("a", **episode(0)))
    folding.wait(600).deliver(firing("a", **episode(500)))
    folding.wait(5).deliver(resolved("a", **episode(0, 60)))
    return folding


def a_mixed_group_in_both_orders() -> Folding:
    """One resolves, one begins: the incident goes on, in whatever order the body lists them."""
    folding = Folding()
    folding.deliver(firing("a"))
    folding.wait(60).deliver(resolved("a"), firing("b"))
    folding.wait(60).deliver(firing("c"), resolved("b"))
    return folding


def one_alert_three_times_in_one_body() -> Folding:
    """It fires, resolves and fires: two incidents of one group by one record have different ids."""
    folding = Folding()
    folding.deliver(firing("a"), resolved("a"), firing("a"))
    return folding


def resolved_by_hand_while_it_fires() -> Folding:
    """Repeats follow to the incident; after silence the episode ends, and the next firing opens another."""
    folding = Folding(settings=IntegrationSettings(silence_s=300))
    folding.deliver(firing("a"))
    name = folding.incident().id
    folding.command(name, IncidentStatus.ACKNOWLEDGED, if_revision=0)
    folding.command(name, IncidentStatus.CLOSED)
    folding.command(name, IncidentStatus.RESOLVED, if_revision=0)
    folding.command(name, IncidentStatus.RESOLVED)
    folding.wait(15).deliver(firing("a", title="still"))
    folding.tick_for(375)
    folding.deliver(firing("a"))
    return folding


def a_window_that_passes_and_one_that_was_refused() -> Folding:
    """A source that never resolves: its window ends the episode, but not while we refused it; its late word resolves."""
    folding = Folding(settings=IntegrationSettings(group_window_s=120))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(150, refused=["prod"])
    folding.wait(3600).tick()
    folding.tick_for(210)
    folding.deliver(resolved("a"))
    return folding


def failed_and_sent_again() -> Folding:
    """A redrive is processed once; a sender's id is known from then on."""
    folding = Folding()
    folding.deliver(mapped=Mapped.FAILED, reason="unknown-shape", sender_id="e1")
    folding.deliver(mapped=Mapped.IGNORED, reason="ping")
    for _ in range(2):
        folding.wait(60).deliver(firing("a"), sender_id="e1", redrive_of=Position(0, 0))
    folding.wait(60).deliver(firing("a"), sender_id="e1")
    return folding


def two_tenants_of_the_same_fingerprint() -> Folding:
    """They never meet; and a start that is newer ends an episode unheard."""
    folding = Folding()
    for tenant in ("acme", "other"):
        folding.deliver(firing("a", severity=Severity.LOW, **episode(0)), tenant=tenant)
    folding.wait(60).deliver(alert("a", EventStatus.ACKNOWLEDGED, **episode(0)), tenant="other")
    folding.wait(600).deliver(firing("a", severity=Severity.CRITICAL, **episode(500)))
    folding.deliver(firing("b", severity=Severity.INFO, **episode(500)), firing("watchdog", heartbeat=True))
    return folding


STORIES: tuple[Callable[[], Folding], ...] = (
    six_incidents_of_one_delivery,
    many_pods_are_one_incident,
    a_resolve_without_an_environment,
    down_up_down_without_times,
    a_resolve_before_its_firing,
    a_mixed_group_in_both_orders,
    one_alert_three_times_in_one_body,
    resolved_by_hand_while_it_fires,
    a_window_that_passes_and_one_that_was_refused,
    failed_and_sent_again,
    two_tenants_of_the_same_fingerprint,
)


def main() -> int:
    """Record what has no file, or one of an older FOLD_VERSION."""
    for story in STORIES:
        path = FOLDER / f"{story.__name__}.json"
        if path.exists() and read_case(path)["fold_version"] == FOLD_VERSION:
            continue
        write_case(path, record_case(story.__doc__ or "", story()))
        print(f"recorded {path.name}")  # noqa: T201 # a command's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
