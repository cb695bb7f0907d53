"""The stories that were recorded as cases. `python -m tests.cases.stories` records those that have no file yet.

A file is recorded anew only when FOLD_VERSION rose: a changed fact under the same version is what the corpus is there to find.
The ledger keeps the hash of each, so that nobody edits or drops one unseen. `--again` records all anew under a FOLD_VERSION
that was never released.
"""

import sys
from collections.abc import Callable, Sequence

from tests.cases import ledger
from tests.cases.case import FOLDER, read_case, record_case, write_case
from tests.support.folding import Folding, alert, episode, firing, resolved
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import Position
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus, IncidentStatus
from tocsin_contracts.tick import Refused, Tick
from tocsin_contracts.times import SECOND
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


def a_threshold_counts_what_fires_not_what_resolved() -> Folding:
    """A known bug of rivals: an alert that resolved still counts towards the threshold."""
    folding = Folding()
    folding.rules({"name": "thrice", "threshold": {"alerts": 3, "within": "10m"}})
    for body in (firing("a"), resolved("a"), firing("b"), firing("c"), firing("d"), resolved("d")):
        folding.wait(20).deliver(body)
    return folding


def a_resolved_incident_swallows_nothing() -> Folding:
    """A known bug of rivals: new alerts vanish in an incident that is over, by its source or by hand."""
    folding = Folding()
    folding.deliver(firing("a"))
    folding.wait(60).deliver(resolved("a"))
    folding.wait(60).deliver(firing("b"))
    folding.command(folding.incidents()[1].id, IncidentStatus.RESOLVED)
    folding.wait(60).deliver(firing("c"))
    folding.wait(60).deliver(firing("b", title="still"))
    return folding


def a_change_of_rules_reaches_open_incidents() -> Folding:
    """A known bug of rivals: edits miss what is open. Keys, endings and classification hold from here; the oldest collects."""
    folding = Folding()
    folding.deliver(firing("a", service="api", problem="p1"))
    folding.wait(1).deliver(firing("b", service="api", problem="p2"))
    folding.rules({"name": "by-service", "group_by": ["service"], "resolve": {"after": "1m"}, "team": "sre"})
    folding.deliver(firing("c", service="api", problem="p3"))
    folding.wait(60).deliver(*(resolved(name, service="api") for name in "abc"))
    folding.tick_for(135)
    folding.rules()
    folding.deliver(firing("d", service="api", problem="p1"))
    return folding


def a_change_of_rules_reaches_what_is_opened_again() -> Folding:
    """What was over keeps key and rule; opened by a person it goes by the rules in force, by a rule it behaves as that says."""
    folding = Folding()
    folding.deliver(firing("a", problem="p1", service="x"), firing("b", problem="p2", service="y"))
    folding.wait(60).deliver(resolved("a", service="x"), resolved("b", service="y"))
    folding.rules(
        {"name": "by-service", "matchers": 'service="x"', "group_by": ["service"]}, {"name": "again", "refire": "reopen"}
    )
    folding.ask({"kind": "reopen", "incident": folding.incidents()[0].id})
    folding.wait(60).deliver(firing("c", problem="p3", service="x"), firing("b", problem="p2", service="y", title="again"))
    return folding


def a_change_of_rules_ends_what_waits_already() -> Folding:
    """Nobody resolved it, no rule would; a rule that ends what was left in silence ends it as well."""
    folding = Folding(settings=IntegrationSettings(group_window_s=120))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(300)
    folding.rules({"name": "silent", "resolve_silent_after": "3m"})
    folding.tick_for(120)
    return folding


def resolves_that_come_late() -> Folding:
    """Before its firing: it sticks. Older than the running episode: it does not. Behind a newer start: nothing ends."""
    folding = Folding()
    folding.wait(900).deliver(resolved("a", **episode(300, 360)))
    folding.deliver(firing("a", **episode(300)))
    folding.deliver(firing("b", **episode(200)))
    folding.wait(600).deliver(firing("b", **episode(1000)))
    folding.deliver(resolved("b", **episode(200, 400)))
    folding.deliver(resolved("b", **episode(1000, 1400)))
    return folding


def a_history_of_more_than_a_hundred_actions() -> Folding:
    """A known bug of rivals: the hundred-and-first is lost, or takes the first away."""
    folding = Folding()
    folding.deliver(firing("a"))
    for number in range(105):
        folding.ask({"kind": "comment", "incident": folding.incident().id, "text": f"{number}"})
    return folding


def a_manual_resolve_while_it_fires() -> Folding:
    """A known bug of rivals: an incident a minute. Its repeats follow it, its resolve ends the episode, the next firing opens."""
    folding = Folding()
    folding.deliver(firing("a"))
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    for number in range(5):
        folding.wait(60).deliver(firing("a", title=f"still {number}"))
    folding.wait(60).deliver(resolved("a"))
    folding.wait(60).deliver(firing("a"))
    return folding


def merged_split_and_taken_back() -> Folding:
    """Alerts move and counts follow; the next of a group goes where its incident went, though its taker was merged as well."""
    folding = Folding()
    for name, problem in (("a", "p1"), ("b", "p1"), ("c", "p2"), ("d", "p3")):
        folding.deliver(firing(name, problem=problem))
    first, second, third = (incident.id for incident in folding.incidents())
    folding.ask({"kind": "merge", "incident": second, "sources": [first]})
    folding.ask({"kind": "merge", "incident": third, "sources": [second]})
    folding.deliver(firing("e", problem="p1"))
    came = next(incident for incident in folding.incidents() if incident.id == third).version
    folding.ask({"kind": "split", "incident": third, "alerts": [folding.alert("d").id]})
    folding.ask({"kind": "undo", "incident": third, "version": came + 1})
    folding.ask({"kind": "undo", "incident": third, "version": 3})
    folding.deliver(firing("f", problem="p1"))
    folding.ask({"kind": "undo", "incident": third, "version": 3})
    folding.deliver(*(resolved(name) for name in "abcdef"))
    return folding


def two_regrouped_under_one_key_and_merged() -> Folding:
    """Of two under one key the oldest collects; merged, its group goes along, also to other rules, and comes back."""
    folding = Folding()
    everything = {"name": "all", "group_by": ["source"]}
    folding.deliver(firing("a", problem="p1", service="x"))
    folding.wait(1).deliver(firing("b", problem="p2", service="y"))
    folding.rules(everything)
    folding.wait(1).deliver(firing("c", problem="p3", service="x"))
    first, second = (incident.id for incident in folding.incidents())
    folding.ask({"kind": "merge", "incident": second, "sources": [first]})
    came = next(incident for incident in folding.incidents() if incident.id == second).version
    folding.wait(1).deliver(firing("d", problem="p4", service="x"))
    folding.rules({"name": "by-service", "group_by": ["service"]})
    folding.wait(1).deliver(firing("e", problem="p5", service="x"))
    folding.rules(everything)
    folding.ask({"kind": "undo", "incident": second, "version": came})
    folding.wait(1).deliver(firing("f", problem="p6", service="z"))
    return folding


def split_and_merged_and_each_taken_back() -> Folding:
    """Split, undone, merged, undone, both once more and in the other order: members, counts and groups are as they were."""
    folding = Folding()
    for name, problem in (("a", "p1"), ("b", "p1"), ("c", "p2")):
        folding.deliver(firing(name, problem=problem, title=f"Alert {name}", severity=Severity.LOW))
    first, second = (incident.id for incident in folding.incidents())

    def ask(kind: str, **values: object) -> int:
        folding.wait(1).ask({"kind": kind, "incident": first, **values})
        return next(incident for incident in folding.incidents() if incident.id == first).version

    members = {"alerts": [folding.alert("b").id]}
    ask("undo", version=ask("split", **members))
    ask("undo", version=ask("merge", sources=[second]))
    came, left = ask("merge", sources=[second]), ask("split", alerts=[folding.alert("c").id])
    ask("undo", version=came)
    ask("undo", version=left)
    folding.wait(1).deliver(firing("d", problem="p1"), firing("e", problem="p2"))
    folding.wait(1).deliver(*(resolved(name) for name in "abcde"))
    return folding


def a_merge_that_outlives_its_taker() -> Folding:
    """What opens once the taker is over names it as the one before; an undo gives a snooze back, under the rules of then."""
    folding = Folding()
    folding.deliver(firing("a", problem="p1", service="x"), firing("b", problem="p2", service="y"))
    first, second = (incident.id for incident in folding.incidents())
    folding.ask({"kind": "snooze", "incident": second, "until": folding.now + 3600 * SECOND})
    folding.ask({"kind": "merge", "incident": first, "sources": [second]})
    came = folding.incidents()[0].version
    folding.command(first, IncidentStatus.RESOLVED)
    folding.wait(60).deliver(firing("c", problem="p2", service="y"))
    folding.rules({"name": "by-service", "group_by": ["service"]})
    folding.ask({"kind": "undo", "incident": first, "version": came})
    folding.wait(60).deliver(resolved("c"))
    folding.ask({"kind": "reopen", "incident": first})
    folding.wait(60).deliver(firing("d", problem="p4", service="x"), firing("e", problem="p5", service="y"))
    return folding


def split_off_it_says_what_its_own_alerts_say() -> Folding:
    """Title, texts and severity are its alerts', raised by rules that match; a person's team goes along."""
    folding = Folding()
    prod = {"name": "prod", "matchers": 'environment="prod"', "at_least": "HIGH"}
    folding.rules({"name": "all", "group_by": ["source"]}, escalation=[prod])
    folding.deliver(firing("api", title="API answers 503", service="api", team="web", severity=Severity.CRITICAL))
    disk = {"service": "db", "environment": "prod", "team": "dba", "severity": Severity.LOW}
    folding.wait(20).deliver(firing("disk", title="Disk full", **disk), firing("cpu", title="CPU 99 %", service="db"))
    folding.wait(20).deliver(firing("disk", title="Disk fuller", **disk))
    parent = folding.incident().id
    folding.ask({"kind": "split", "incident": parent, "alerts": [folding.alert("disk").id]})
    folding.ask({"kind": "set-team", "incident": parent, "team": "storage"})
    folding.ask({"kind": "split", "incident": parent, "alerts": [folding.alert("cpu").id]})
    return folding


def a_group_that_flaps() -> Folding:
    """The fourth opening inside half an hour opens the last incident again, marked; it is calm half an hour later."""
    folding = Folding()
    for number in range(5):
        folding.deliver(firing("a", title=f"{number} up"))
        folding.wait(30).deliver(resolved("a", title=f"{number} down"))
        folding.wait(30).tick()
    folding.tick_for(1860)
    return folding


def escalated_by_a_spike_and_lowered_by_hand() -> Folding:
    """It rises by environment, then by a spike; what a person lowered stays until something worse comes."""
    folding = Folding()
    folding.rules(
        escalation=[
            {"name": "prod", "matchers": 'environment="prod"', "at_least": "MEDIUM"},
            {"name": "spike", "at_least": "HIGH", "spike": {"events": 4, "within": "2m"}},
        ]
    )
    for number in range(5):
        folding.wait(20).deliver(firing("a", environment="prod", severity=Severity.LOW, title=f"{number}"))
    folding.ask({"kind": "set-severity", "incident": folding.incident().id, "severity": "INFO"})
    folding.wait(20).deliver(firing("a", environment="prod", severity=Severity.LOW, title="again"))
    folding.wait(20).deliver(firing("b", environment="prod", severity=Severity.CRITICAL))
    return folding


def what_rules_demanded_while_alerts_waited() -> Folding:
    """Rules are asked of what waits for a threshold as of an incident: the one that opens has what they demanded."""
    folding = Folding()
    folding.rules(
        {"name": "thrice", "group_by": ["service"], "threshold": {"alerts": 3, "within": "10m"}},
        escalation=[
            {"name": "prod", "matchers": 'environment="prod"', "at_least": "MEDIUM"},
            {"name": "spike", "matchers": 'title=~".*now"', "at_least": "HIGH", "spike": {"events": 4, "within": "2m"}},
            {"name": "storm", "matchers": 'title=~".*now"', "at_least": "CRITICAL", "spike": {"events": 6, "within": "2m"}},
        ],
    )
    low = {"severity": Severity.LOW, "service": "x"}
    for number in range(3):
        folding.wait(20).deliver(firing("a", title=f"{number} now", environment="prod", **low))
    folding.wait(20).deliver(firing("b", title="now", **low), firing("d", service="y", environment="prod"))
    folding.wait(20).deliver(resolved("d", service="y"))
    folding.wait(20).deliver(firing("c", title="then", **low), firing("e", title="now", **low))
    folding.wait(20).deliver(firing("d", title="again", **low))
    return folding


_BEAT = {"name": "beat", "matchers": 'alertname="Watchdog"', "every": "5m"}


def a_heartbeat_of_what_has_an_incident() -> Folding:
    """It opened one before there was the rule and goes on there, in ever other words: a sign of life, and none missed."""
    folding = Folding()
    folding.deliver(firing("w", labels={"alertname": "Watchdog"}))
    folding.rules(heartbeats=[_BEAT])
    for number in range(3):
        folding.tick_for(240)
        folding.deliver(firing("w", labels={"alertname": "Watchdog"}, title=f"{number}"))
    return folding


def a_heartbeat_whose_gateway_was_refused() -> Folding:
    """P10: what we refused is no absence. A true one opens an incident; the next sign of life resolves it."""
    folding = Folding()
    folding.rules(heartbeats=[_BEAT])
    folding.deliver(firing("w", labels={"alertname": "Watchdog"}))
    folding.tick_for(600, refused=["prod"])
    folding.tick_for(390)
    folding.deliver(firing("w", labels={"alertname": "Watchdog"}, title="back"))
    return folding


def a_gateway_that_is_cut_off_while_another_ticks() -> Folding:
    """P10: nothing is judged before it told what it refused; one that said goodbye is not waited for."""
    folding = Folding()
    folding.rules(heartbeats=[_BEAT])
    folding.deliver(firing("w", labels={"alertname": "Watchdog"}))
    for name in ("one", "two"):
        folding.fold(Tick(gateway="g", process=name, covers_ms=15_000))
    for _ in range(30):
        folding.wait(15).fold(Tick(gateway="g", process="one", covers_ms=15_000))
    refused = [Refused(tenant=folding.tenant, integration=folding.integration)]
    folding.fold(Tick(gateway="g", process="two", covers_ms=450_000, refused=refused))
    folding.wait(15).fold(Tick(gateway="g", process="two", covers_ms=15_000, last=True))
    for _ in range(25):
        folding.wait(15).fold(Tick(gateway="g", process="one", covers_ms=15_000))
    return folding


def a_quiet_end() -> Folding:
    """It waits behind the last resolve; what fires again meanwhile is the same incident, and the wait begins anew."""
    folding = Folding()
    folding.rules({"name": "quiet", "resolve": {"after": "2m"}})
    folding.deliver(firing("a"))
    folding.wait(15).deliver(resolved("a"))
    folding.tick_for(90)
    folding.deliver(firing("a", title="again"))
    folding.wait(15).deliver(resolved("a", title="again"))
    folding.tick_for(195)
    return folding


def a_timed_end() -> Folding:
    """A source that never resolves: the window ends its alert, and its rule ends the incident so long behind it."""
    folding = Folding(settings=IntegrationSettings(group_window_s=60))
    folding.rules({"name": "timed", "resolve_silent_after": "3m"})
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(390)
    folding.deliver(firing("a", never_resolves=True, title="new"))
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
    a_threshold_counts_what_fires_not_what_resolved,
    a_resolved_incident_swallows_nothing,
    a_change_of_rules_reaches_open_incidents,
    a_change_of_rules_ends_what_waits_already,
    a_change_of_rules_reaches_what_is_opened_again,
    resolves_that_come_late,
    a_history_of_more_than_a_hundred_actions,
    a_manual_resolve_while_it_fires,
    merged_split_and_taken_back,
    two_regrouped_under_one_key_and_merged,
    split_and_merged_and_each_taken_back,
    a_merge_that_outlives_its_taker,
    split_off_it_says_what_its_own_alerts_say,
    a_group_that_flaps,
    escalated_by_a_spike_and_lowered_by_hand,
    what_rules_demanded_while_alerts_waited,
    a_heartbeat_whose_gateway_was_refused,
    a_heartbeat_of_what_has_an_incident,
    a_gateway_that_is_cut_off_while_another_ticks,
    a_quiet_end,
    a_timed_end,
)


def main(arguments: Sequence[str]) -> int:
    """Record what has no file, or one of an older FOLD_VERSION; with --again those of a FOLD_VERSION that nobody has yet, too."""
    for story in STORIES:
        path = FOLDER / f"{story.__name__}.json"
        if "--again" not in arguments and path.exists() and read_case(path)["fold_version"] == FOLD_VERSION:
            continue
        write_case(path, record_case(story.__doc__ or "", story()))
        print(f"recorded {path.name}")  # noqa: T201 # a command's output
    ledger.write(ledger.with_all(again="--again" in arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
