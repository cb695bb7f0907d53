"""A case: recorded records of `tocsin.alerts`, and what the fold told about them under one FOLD_VERSION.

The records are kept as a normalizer wrote them, so a case outlives every change of the code that made it.
"""

from pathlib import Path
from typing import Any

import orjson

from tests.support.folding import Folding
from tests.support.images import records_of
from tocsin_contracts.incident import encode_fact
from tocsin_grouper.decoding import decode, stamp_of
from tocsin_grouper.domain.facts import AlertRecorded, CommandDecided, DeliveryRecorded, DeliveryRedriven, Fact, IncidentChanged
from tocsin_grouper.domain.fold import FOLD_VERSION
from tocsin_runtime.log import Record

FOLDER = Path(__file__).parent
Case = dict[str, Any]


def record_case(promise: str, folding: Folding) -> Case:
    """Record a played fold as a case."""
    records = [
        {
            "offset": record.offset,
            "headers": {name: value.decode() for name, value in record.headers},
            "key": record.key.decode() if record.key else "",
            "value": orjson.loads(record.value),
        }
        for record in records_of(folding.records)
    ]
    case = {"promise": promise, "fold_version": FOLD_VERSION, "records": records}
    return case | {"told": told(case)}


def told(case: Case) -> list[list[Any]]:
    """Fold a case's records anew and tell, record by record, what was decided."""
    folding = Folding()
    lines: list[list[Any]] = []
    for record in case["records"]:
        headers = [(name, value.encode()) for name, value in record["headers"].items()]
        found = Record(
            partition=0, offset=record["offset"], appended_at_ms=0, key=record["key"].encode(),
            value=orjson.dumps(record["value"]), headers=headers,
        )  # fmt: skip
        lines += [
            [record["offset"], *line] for fact in folding.fold_record(decode(found, stamp_of(found))) if (line := _line(fact))
        ]
    return lines


def read_case(path: Path) -> Case:
    """Read a case from its file."""
    case: Case = orjson.loads(path.read_bytes())
    return case


def write_case(path: Path, case: Case) -> None:
    """Write a case so that a change of one fact is a change of one line."""
    head = {name: value for name, value in case.items() if name not in ("records", "told")}
    parts = [f"{orjson.dumps(name).decode()}: {orjson.dumps(value).decode()}" for name, value in head.items()]
    parts += [f'"{name}": [\n  ' + ",\n  ".join(orjson.dumps(line).decode() for line in case[name]) + "\n]" for name in _LISTS]
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


_LISTS = ("records", "told")


def _line(fact: Fact) -> list[Any] | None:
    match fact:
        case IncidentChanged(tenant=tenant, fact=change):
            return ["fact", tenant, change.kind, change.incident, change.version, change.at, orjson.loads(encode_fact(change))]
        case AlertRecorded(alert=alert, effect=effect):
            return ["alert", alert.id, effect.value, alert.status.value, alert.event_count]
        case DeliveryRecorded(outcome=outcome, reason=reason):
            return ["delivery", outcome.value, reason]
        case DeliveryRedriven(offset=offset):
            return ["redriven", offset]
        case CommandDecided(applied=applied, status=status, detail=detail):
            return ["command", applied, status, dict(detail)]
        case _:
            return None
