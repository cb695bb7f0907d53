"""What the naive model looks up, by scanning."""

from tests.support.naive_rules import NaiveRules, Ruling
from tests.support.naive_state import Key, NaiveAlert, NaiveIncident
from tests.support.naive_time import Moment, NaiveTime
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity


class NaiveTables:
    """All that is remembered of a partition, and what is counted anew each time."""

    def __init__(self, settings: IntegrationSettings, source: str) -> None:
        self.settings = settings
        self.source = source
        self.time = NaiveTime()
        self.alerts: list[NaiveAlert] = []
        self.incidents: list[NaiveIncident] = []
        self.rules: dict[str, NaiveRules] = {}
        self.collector: dict[Key, NaiveIncident] = {}
        """Which incident a group's next alert asks first."""
        self.openings: dict[Key, list[int]] = {}
        self.deliveries: dict[tuple[str, str, str], int] = {}
        self.commands: set[tuple[str, str]] = set()
        self.beats: dict[tuple[str, str], Moment] = {}
        """When each expected heartbeat was heard last."""
        self.away: set[tuple[str, str]] = set()
        self.ceased: list[NaiveIncident] = []
        self.asking: list[tuple[NaiveAlert, Severity, tuple[int, int] | None]] = []
        """What rules want of alerts that wait, once the whole delivery is counted."""
        self.escalating: list[tuple[NaiveIncident, Severity, tuple[int, int] | None]] = []
        """What rules want of incidents, once the whole delivery is counted."""

    # ── what is counted anew each time ──

    def members(self, incident: NaiveIncident) -> list[NaiveAlert]:
        return [alert for alert in self.alerts if alert.incident is incident]

    def active(self, incident: NaiveIncident) -> list[NaiveAlert]:
        return [alert for alert in self.members(incident) if alert.active]

    def of(self, tenant: str) -> list[NaiveIncident]:
        return [incident for incident in self.incidents if incident.tenant == tenant]

    def rules_of(self, tenant: str) -> NaiveRules:
        return self.rules.get(tenant, NaiveRules({}))

    def alert(self, tenant: str, integration: str, identity: str) -> NaiveAlert | None:
        name = (tenant, integration, identity)
        return next((each for each in self.alerts if (each.tenant, each.integration, each.identity) == name), None)

    def key(self, tenant: str, ruling: Ruling, event: AlertEvent) -> Key:
        if ruling.group_by is None:
            return (tenant, "default", self.source, event.project, event.environment or "", event.problem)
        return (tenant, ruling.grouping_rule, *((name, getattr(event, name) or "") for name in ruling.group_by))

    def collects(self, incident: NaiveIncident) -> bool:
        """E8: open, and not left in silence."""
        return not incident.is_over and (bool(self.active(incident)) or not incident.silent)

    def last_of(self, key: Key) -> NaiveIncident | None:
        """The incident that the group's next alert asks, wherever it was merged."""
        found = self.collector.get(key)
        return None if found is None else self.followed(found)

    @staticmethod
    def followed(incident: NaiveIncident) -> NaiveIncident:
        """Say which incident has this one's alerts now."""
        while incident.merged_into is not None:
            incident = incident.merged_into
        return incident
