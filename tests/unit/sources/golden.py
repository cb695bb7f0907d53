"""Expected results of samples. Run `python -m tests.unit.sources.golden` to write those of new samples; it never rewrites one.

A golden file is a specification that somebody has read. To change one, delete it, run this, and let the review see the
difference. Refuses to run where `CI` is set.
"""

import os
import sys
from dataclasses import fields
from pathlib import Path

import orjson

from tests.unit.sources.payloads import all_payloads, answer_to
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.times import to_rfc3339
from tocsin_sources.source import Answer, Ignored, Normalized

GOLDEN = Path(__file__).parents[2] / "golden" / "sources"
_TIMES = ("occurred_at", "episode_at")


def path_of(source: str, name: str) -> Path:
    return GOLDEN / source / f"{name}.json"


def golden_of(answer: Answer) -> bytes:
    """Write an answer for a person to read: what is empty or false is left out, times are RFC 3339, raw JSON is its length."""
    match answer:
        case Normalized():
            document: dict[str, object] = {
                "answer": "normalized",
                "sender_id": answer.sender_id,
                "alerts": [_alert(alert) for alert in answer.alerts],
            }
        case Ignored():
            document = {"answer": "ignored", "reason": answer.reason, "detail": answer.detail}
        case _:
            document = {"answer": "failed", "reason": answer.reason, "pointer": answer.pointer, "detail": answer.detail}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _alert(alert: AlertEvent) -> dict[str, object]:
    values: dict[str, object] = {each.name: getattr(alert, each.name) for each in fields(alert)}
    for name in _TIMES:
        at = getattr(alert, name)
        values[name] = None if at is None else to_rfc3339(at)
    values["raw"] = None if alert.raw is None else f"{len(alert.raw.encode())} bytes"
    return {name: value for name, value in values.items() if value not in (None, False, "", {})}


def write_new() -> list[Path]:
    """Write the golden file of every sample that has none."""
    written = []
    for source, name in all_payloads():
        path = path_of(source, name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(golden_of(answer_to(source, name)))
            written.append(path)
    return written


if __name__ == "__main__":
    if os.environ.get("CI"):
        sys.exit("golden files are written by people, not by CI")
    for new in write_new():
        sys.stdout.write(f"wrote {new.relative_to(GOLDEN)}: read it before you commit it\n")
