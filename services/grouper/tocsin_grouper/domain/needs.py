"""What a batch will need, so that three round trips load it instead of three for each record.

Only a forecast: what it misses, `Missing` asks for.
"""

from collections.abc import Container, Iterable, Mapping, Sequence

from tocsin_contracts.command import Bulk, Command, Merge, SetRules
from tocsin_contracts.image import Image
from tocsin_contracts.outcome import Mapped
from tocsin_grouper.domain.episodes import may_begin
from tocsin_grouper.domain.fold import LogRecord
from tocsin_grouper.domain.keys import AlertKey, CommandKey, DeliveryKey, GroupKey, IncidentKey, Key, SenderKey
from tocsin_grouper.domain.partition import PartitionState
from tocsin_grouper.domain.rules import DEFAULT_RULES, judge_all
from tocsin_grouper.domain.state import Alert, Group, Value

Loaded = Mapping[Key, Value | None]


def named_by(records: Sequence[LogRecord]) -> list[Key]:
    """List the keys that the records themselves name: alerts, senders' ids, commands, redriven deliveries."""
    keys: dict[Key, None] = {}
    for record in records:
        match record.payload:
            case Image(mapped=Mapped.NORMALIZED) as image:
                for alert in image.alert_ids:
                    keys[AlertKey(image.tenant, alert)] = None
                if image.sender_id is not None:
                    keys[SenderKey(image.tenant, image.integration, image.sender_id)] = None
                if image.redrive_of is not None:
                    keys[DeliveryKey(*image.redrive_of)] = None
            case Command() as command:
                keys[CommandKey(command.tenant, command.id)] = None
                for name in _incidents_of(command):
                    keys[IncidentKey(command.tenant, name)] = None
            case _:
                pass
    return list(keys)


def _incidents_of(command: Command) -> Iterable[str]:
    match command.body:
        case Bulk(incidents=incidents):
            return incidents
        case Merge(incident=incident, sources=sources):
            return (incident, *sources)
        case SetRules():
            return ()
        case deed:
            return (deed.incident,)


def led_to(records: Sequence[LogRecord], state: PartitionState, new: Container[Key]) -> list[Key]:
    """List what alerts lead to that are `new` in memory: their incidents, and the groups of events that may begin an episode."""
    keys: dict[Key, None] = {}
    for record in records:
        image = record.payload
        if isinstance(image, Image) and image.mapped is Mapped.NORMALIZED and _names_any(image, new):
            for key in _led_to_by(image, record.position.offset, state):
                keys[key] = None
    return list(keys)


def _names_any(image: Image, keys: Container[Key]) -> bool:
    return any(AlertKey(image.tenant, alert) in keys for alert in image.alert_ids)


def pointed_at(groups: Iterable[Key], loaded: Loaded) -> list[Key]:
    """List the incidents that loaded groups point at."""
    found = ((key, loaded.get(key)) for key in groups if isinstance(key, GroupKey))
    return [
        IncidentKey(key.tenant, group.incident) for key, group in found if isinstance(group, Group) and group.incident is not None
    ]


def _led_to_by(image: Image, offset: int, state: PartitionState) -> Iterable[Key]:
    rules = state.rules.get(image.tenant, DEFAULT_RULES)
    judged = judge_all(rules, image, offset, state.judgements)
    for alert_id, one in zip(image.alert_ids, judged, strict=True):
        found = state.loaded.get(AlertKey(image.tenant, alert_id))
        alert = found if isinstance(found, Alert) else None
        if alert is not None and alert.incident is not None:
            yield IncidentKey(image.tenant, alert.incident)
        if alert is not None and alert.held is not None:
            yield GroupKey(image.tenant, alert.held)
        if one.rules_it and may_begin(alert, one.event):
            yield GroupKey(image.tenant, one.ruling.key)
