"""API keys over HTTP: made, listed, shown, revoked."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson
from aiohttp import web

from tocsin_contracts.times import from_datetime
from tocsin_control import keys as control
from tocsin_control.errors import NotFound
from tocsin_ingest.answers import answer
from tocsin_ingest.management.bodies import NewKey
from tocsin_ingest.management.ports import Administrator, Store
from tocsin_ingest.management.reading import read_as, read_json, unfit_value
from tocsin_ingest.management.shapes import key_shape
from tocsin_ingest.receiving import Receiver
from tocsin_runtime.clock import Clock

_NO_STORE = {"Cache-Control": "no-store"}
_ID = re.compile(r"[0-9A-Za-z]{10}")


class Keys:
    """Answers `/api/v1/keys…`; every method answers one operation, or raises what the dispatch turns into a problem."""

    def __init__(self, store: Store, receiver: Receiver, clock: Clock) -> None:
        self._store = store
        self._receiver = receiver
        self._clock = clock

    async def create(self, request: web.BaseRequest, administrator: Administrator, _id: str) -> web.Response:
        """Make a key of the administrator's tenant; its text is in this answer and in no other."""
        wanted = read_as(NewKey, await read_json(request, self._receiver))
        expires_at = None if wanted.expires_at is None else from_datetime(wanted.expires_at)
        if expires_at is not None and expires_at <= self._clock.now():
            raise unfit_value("/expires_at", "in-the-past", "a key that has ended already is none")
        async with self._store.acting(administrator) as connection:
            made = await control.create_key(
                connection,
                tenant=administrator.tenant,
                actor_name=wanted.holder,
                actor_kind=wanted.kind,
                scopes=frozenset(wanted.scopes),
                expires_at=expires_at,
                actor=administrator.author,
            )
        body = key_shape(made.key) | {"key": made.text.get_secret_value()}
        return answer(201, orjson.dumps(body), headers={"Location": f"/api/v1/keys/{made.key.id}", **_NO_STORE})

    async def list(self, _request: web.BaseRequest, administrator: Administrator, _query: Mapping[str, str]) -> web.Response:
        """List the tenant's keys in order of creation, revoked ones too."""
        async with self._store.acting(administrator) as connection:
            found = await control.list_keys(connection, tenant=administrator.tenant)
        return answer(200, orjson.dumps({"items": [key_shape(key) for key in found]}), headers=_NO_STORE)

    async def show(self, _request: web.BaseRequest, administrator: Administrator, key: str) -> web.Response:
        """Show one."""
        _check_id(key)
        async with self._store.acting(administrator) as connection:
            found = await control.find_key(connection, key, tenant=administrator.tenant)
        return answer(200, orjson.dumps(key_shape(found)), headers=_NO_STORE)

    async def revoke(self, _request: web.BaseRequest, administrator: Administrator, key: str) -> web.Response:
        """End one for good; it may be the one that asks."""
        _check_id(key)
        async with self._store.acting(administrator) as connection:
            await control.revoke_key(connection, key, tenant=administrator.tenant, actor=administrator.author)
        return answer(204, b"", headers=_NO_STORE)


def _check_id(key: str) -> None:
    if _ID.fullmatch(key) is None:
        raise NotFound("that is no id of a key")
