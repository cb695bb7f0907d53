"""What a batch will need, so that three round trips load it instead of three for each record.

Only a forecast: what it misses, `Missing` asks for.
"""

from collections.abc import Iterable, Mapping, Sequence

from tocsin_contracts.command import Command
from tocsin_contracts.image import Image
from tocsin_contracts.outcome import Mapped
from tocsin_grouper.domain.episodes import may_begin
from tocsin_grouper.domain.fold import LogRecord
from tocsin_grouper.domain.group_key import group_key
from tocsin_grouper.domain.state import (
    Alert,
    AlertKey,
    CommandKey,
    DeliveryKey,
    Group,
    GroupKey,
    IncidentKey,
    Key,
    SenderKey,
    Value,
)

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
                keys[IncidentKey(command.tenant, command.body.incident)] = None
            case _:
                pass
    return list(keys)


def led_to(records: Sequence[LogRecord], loaded: Loaded) -> list[Key]:
    """List what the loaded alerts lead to: their incidents, and the groups of events that may begin an episode."""
    keys: dict[Key, None] = {}
    for record in records:
        if isinstance(record.payload, Image) and record.payload.mapped is Mapped.NORMALIZED:
            for key in _led_to_by(record.payload, loaded):
                keys[key] = None
    return list(keys)


def pointed_at(groups: Iterable[Key], loaded: Loaded) -> list[Key]:
    """List the incidents that loaded groups point at."""
    found = ((key, loaded.get(key)) for key in groups if isinstance(key, GroupKey))
    return [IncidentKey(key.tenant, group.incident) for key, group in found if isinstance(group, Group)]


def _led_to_by(image: Image, loaded: Loaded) -> Iterable[Key]:
    for alert_id, event in zip(image.alert_ids, image.alerts, strict=True):
        alert = loaded.get(AlertKey(image.tenant, alert_id))
        if isinstance(alert, Alert) and alert.incident is not None:
            yield IncidentKey(image.tenant, alert.incident)
        if may_begin(alert if isinstance(alert, Alert) else None, event):
            yield GroupKey(image.tenant, group_key(image.source, event))
