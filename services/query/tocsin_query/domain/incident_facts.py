"""Stored rows become facts again: what was recorded is what is told, nothing is worked out anew."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from tocsin_contracts.incident import AnyIncidentFact, Commented, decode_fact
from tocsin_contracts.times import from_datetime

Row = Mapping[str, object]


def fact_of(row: Row, incident: str) -> AnyIncidentFact | None:
    """Read a row of `facts`; None for a kind that this release does not know."""
    return _read(row, incident, str(row["body"]))


def fact_of_action(row: Row, incident: str) -> AnyIncidentFact | None:
    """Read a row of `incident_actions`, which keeps who, why and by which command in columns."""
    words = "text" if row["kind"] == Commented.kind else "comment"
    columns = {name: row[name] for name in ("actor_kind", "actor_id", "actor_name")}
    body = orjson.loads(str(row["detail"])) | columns | {"command": row["command_id"], words: row["comment"]}
    return _read(row, incident, orjson.dumps(body))


def _read(row: Row, incident: str, body: str | bytes) -> AnyIncidentFact | None:
    at = row["at"]
    if not isinstance(at, datetime):
        raise TypeError("the time of a fact is a timestamp")
    try:
        return decode_fact(str(row["kind"]), incident, int(str(row["version"])), from_datetime(at), body)
    except ValueError:
        return None
