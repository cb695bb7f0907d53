"""The audit over HTTP: what was changed in the key's tenant, and by whom."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson
from aiohttp import web

from tocsin_contracts.times import to_rfc3339
from tocsin_control.audit import Entry, list_entries
from tocsin_ingest.answers import answer
from tocsin_ingest.management.ports import Administrator, Store
from tocsin_ingest.management.reading import read_limit, unfit_parameter
from tocsin_ingest.management.shapes import Json

PAGE_DEFAULT, PAGE_MAX = 100, 1_000
_ID = re.compile(r"\d{1,18}")


class Audit:
    """Answers `GET /api/v1/audit`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, _request: web.BaseRequest, administrator: Administrator, query: Mapping[str, str]) -> web.Response:
        """List entries, newest first; `next` goes on behind the last."""
        limit = read_limit(query, default=PAGE_DEFAULT, most=PAGE_MAX)
        before = query.get("before")
        if before is not None and _ID.fullmatch(before) is None:
            raise unfit_parameter("before", "`next` of the page before")
        async with self._store.acting(administrator) as connection:
            found = await list_entries(
                connection,
                tenant=administrator.tenant,
                limit=limit + 1,
                before=None if before is None else int(before),
                action=query.get("action"),
                subject=query.get("subject"),
            )
        page = found[:limit]
        body = {"items": [_shape(entry) for entry in page], "next": str(page[-1].id) if len(found) > limit else None}
        return answer(200, orjson.dumps(body), headers={"Cache-Control": "no-store"})


def _shape(entry: Entry) -> Json:
    return {
        "id": str(entry.id),
        "at": to_rfc3339(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    }
