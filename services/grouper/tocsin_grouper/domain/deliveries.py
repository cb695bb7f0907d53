"""What becomes of a delivery (P2, P4): exactly one outcome."""

from typing import Final, NamedTuple

from tocsin_contracts.image import Image
from tocsin_contracts.outcome import Mapped, Outcome, Reason
from tocsin_contracts.times import DAY
from tocsin_grouper.domain import alert_state, duplicates, heartbeats
from tocsin_grouper.domain.alert_state import Moment
from tocsin_grouper.domain.facts import AlertMoved, DeliveryRecorded, DeliveryRedriven
from tocsin_grouper.domain.gathering import Gathering, moment_of
from tocsin_grouper.domain.keys import AlertKey, DeliveryKey, SenderKey
from tocsin_grouper.domain.state import Alert, RecordedDelivery, SenderDelivery
from tocsin_grouper.domain.step import Step

# Members by one name each, as in `episodes`.
_NORMALIZED: Final = Mapped.NORMALIZED
_PROCESSED: Final = Outcome.PROCESSED
_FAILED: Final = Outcome.FAILED
REDRIVE_HORIZON = 30 * DAY
"""A failed delivery can be redriven this long (µs), by the fold's clock: `tocsin.log` keeps its bytes no longer by default.

A fixed number, below every retention of rows: else a rebuild, which has all rows, would decide otherwise than the live fold.
"""


class _Refusal(NamedTuple):
    """Why a delivery is a duplicate."""

    reason: Reason
    duplicate_of: int | None = None


def decide_delivery(step: Step, image: Image) -> None:
    """Decide one delivery: its outcome, and what its alerts do.

    Raises:
        Missing: state is needed that is not loaded.
    """
    if image.mapped is _NORMALIZED:
        _decide_normalized(step, image)
    else:
        outcome = Outcome.FAILED if image.mapped is Mapped.FAILED else Outcome.IGNORED
        _record(step, image, outcome, image.reason, image.detail)


def record_fold_error(step: Step, image: Image, error: Exception) -> None:
    """Record that deciding a delivery raised: it is failed, nothing else changes, and others go on (P7)."""
    _record(step, image, Outcome.FAILED, Reason.FOLD_ERROR, type(error).__name__)


def _decide_normalized(step: Step, image: Image) -> None:
    refusal = _refused_redrive(step, image) or _same_sender_id(step, image)
    if refusal is not None:
        _record(step, image, Outcome.DUPLICATE, refusal.reason, None, refusal.duplicate_of)
        return
    keys = [AlertKey(image.tenant, alert_id) for alert_id in image.alert_ids]
    alerts = step.draft.alerts(keys)
    moment = moment_of(step, image)
    if image.sender_id is None and image.redrive_of is None and _same_content(step, image, keys, alerts, moment):
        _record(step, image, Outcome.DUPLICATE, Reason.SAME_CONTENT, None)
        return
    gathering = Gathering(step, image, keys, moment)
    gathering.apply()
    if image.sender_id is not None:
        key = SenderKey(image.tenant, image.integration, image.sender_id)
        step.draft.put(key, SenderDelivery(offset=step.position.offset, logged_at=step.now))
    if image.redrive_of is not None:
        _mark_redriven(step, image, image.redrive_of.partition, image.redrive_of.offset)
    _record(step, image, _PROCESSED, None, None, incidents=tuple(gathering.incidents))


def _refused_redrive(step: Step, image: Image) -> _Refusal | None:
    """Refuse a redrive whose original is not failed any more (DESIGN 3, "Redrive")."""
    if image.redrive_of is None:
        return None
    original = step.draft.delivery(DeliveryKey(image.redrive_of.partition, image.redrive_of.offset))
    known = original is not None and original.tenant == image.tenant and step.now - original.logged_at <= REDRIVE_HORIZON
    if original is None or not known or original.outcome != Outcome.FAILED:
        return _Refusal(Reason.NOT_FAILED)
    return None


def _same_sender_id(step: Step, image: Image) -> _Refusal | None:
    if image.sender_id is None:
        return None
    known = step.draft.sender_delivery(SenderKey(image.tenant, image.integration, image.sender_id))
    if known is None or not duplicates.same_sender_id(known, step.now):
        return None
    reason = Reason.SAME_SENDER_ID if image.redrive_of is None else Reason.PROCESSED_SINCE
    return _Refusal(reason, known.offset)


def _same_content(step: Step, image: Image, keys: list[AlertKey], alerts: list[Alert | None], moment: Moment) -> bool:
    """Tell whether the delivery repeats by content; if so its alerts' leases move, and nothing is counted.

    A sign of life is one however often it says the same: Alertmanager repeats a Watchdog word for word.
    """
    repeats = duplicates.repeats_of(image, alerts, step.now)
    if repeats is None:
        return False
    heartbeats.require(step, [(image.tenant, judged.beat.name) for judged in step.judged(image) if judged.beat is not None])
    for key, alert, repeated, judged in zip(keys, alerts, repeats, step.judged(image), strict=True):
        if judged.beat is not None and repeated:
            heartbeats.beat(step, image.tenant, image.integration, judged.beat)
        if alert is not None:
            moved = alert_state.note_duplicate(alert, moment) if repeated else alert_state.note_late(alert, moment)
            step.draft.put(key, moved)
            step.record(AlertMoved(alert=moved))
    return True


def _mark_redriven(step: Step, image: Image, partition: int, offset: int) -> None:
    key = DeliveryKey(partition, offset)
    original = step.draft.delivery(key)
    if original is not None:
        step.draft.put(key, RecordedDelivery(tenant=image.tenant, outcome=Outcome.REDRIVEN, logged_at=original.logged_at))
        step.record(DeliveryRedriven(partition=partition, offset=offset, to=step.position.offset))


def _record(
    step: Step,
    image: Image,
    outcome: Outcome,
    reason: str | None,
    detail: str | None,
    duplicate_of: int | None = None,
    incidents: tuple[str, ...] = (),
) -> None:
    if outcome is _FAILED:  # what else became of it no redrive needs to know: it is refused all the same
        recorded = RecordedDelivery(tenant=image.tenant, outcome=outcome, logged_at=step.now)
        step.draft.put(DeliveryKey(*step.position), recorded)
    step.record(
        DeliveryRecorded(
            image=image, outcome=outcome, reason=reason, detail=detail, duplicate_of=duplicate_of, incidents=incidents
        )
    )
