"""Integrations over HTTP: made, listed, changed, rotated, tried, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import orjson
from aiohttp import web
from pydantic import SecretStr

from tocsin_contracts.integration import IntegrationSettings
from tocsin_control import integrations as control
from tocsin_control.documents import IntegrationDocument, document_of, merged
from tocsin_control.errors import NotFound, Refused
from tocsin_control.integrations import Integration
from tocsin_control.mapping_taken import NOT_TAKEN, untaken
from tocsin_control.secrets import add_secret, chosen_secret, list_secrets
from tocsin_control.trial import shown, try_delivery
from tocsin_control.url_tokens import NOT_TAKEN as NO_TOKEN
from tocsin_control.url_tokens import add_url_token, first_url_token, list_url_tokens
from tocsin_ingest.answers import answer, unavailable
from tocsin_ingest.management.bodies import NewIntegration, Rotation, Try
from tocsin_ingest.management.ports import Administrator, Store
from tocsin_ingest.management.reading import read_as, read_integration_as, read_json, read_limit, read_version, unfit_value
from tocsin_ingest.management.shapes import Json, integration_shape
from tocsin_ingest.receiving import Receiver
from tocsin_runtime.postgres import Connection
from tocsin_sources import registry

PAGE_DEFAULT, PAGE_MAX = 100, 1_000


class Integrations:
    """Answers `/api/v1/integrations…`; every method answers one operation, or raises what the dispatch turns into a problem."""

    def __init__(self, store: Store, receiver: Receiver, *, public_url: str, body_max: int, trials_max: int) -> None:
        """Change through `store`; URLs for senders begin with `public_url`, else as the caller reached us."""
        self._store = store
        self._receiver = receiver
        self._public_url = public_url.rstrip("/")
        self._body_max = body_max
        self._trials = asyncio.Semaphore(trials_max)

    async def create(self, request: web.BaseRequest, administrator: Administrator, _id: str) -> web.Response:
        """Make one; its secret, and the token of its URL, are in this answer and in no other."""
        wanted = read_integration_as(NewIntegration, await read_json(request, self._receiver))
        _check_source(wanted.source, signed=wanted.signature_required)
        _check_mapping(wanted.source, wanted.settings)
        secret = _chosen(wanted.secret)
        async with self._store.acting(administrator) as connection:
            made = await control.create_integration(
                connection,
                self._store.master_key,
                tenant=administrator.tenant,
                source=wanted.source,
                name=wanted.name,
                terms=wanted.terms(),
                secret=secret,
                actor=administrator.author,
            )
            shape = await self._shape(connection, request, made.integration, made.url_token)
        headers = {"Location": f"/api/v1/integrations/{made.integration.id}", "ETag": _etag(made.integration)}
        return _answer(shape | {"secret": made.secret.get_secret_value()}, status=201, headers=headers)

    async def list(self, request: web.BaseRequest, administrator: Administrator, query: Mapping[str, str]) -> web.Response:
        """List them in order of name; `next` goes on behind the last."""
        limit = read_limit(query, default=PAGE_DEFAULT, most=PAGE_MAX)
        async with self._store.acting(administrator) as connection:
            # At most PER_TENANT_MAX: sorted and cut here.
            found = await control.list_integrations(connection, tenant=administrator.tenant)
            wanted = sorted((each for each in found if _is_wanted(each, query)), key=lambda each: each.name)
            page = wanted[:limit]
            ids = [each.id for each in page]
            secrets, tokens = await list_secrets(connection, ids), await list_url_tokens(connection, ids)
        items = [integration_shape(each, secrets[each.id], tokens[each.id], self._base(request)) for each in page]
        return _answer({"items": items, "total": len(found), "next": page[-1].name if len(wanted) > limit else None})

    async def show(self, request: web.BaseRequest, administrator: Administrator, integration: str) -> web.Response:
        """Show one."""
        async with self._store.acting(administrator) as connection:
            found = await control.find_integration(connection, integration, tenant=administrator.tenant)
            shape = await self._shape(connection, request, found)
        return _answer(shape, headers={"ETag": _etag(found)})

    async def change(self, request: web.BaseRequest, administrator: Administrator, integration: str) -> web.Response:
        """Change one by a merge patch: the next version; what is not named stays, `null` is the default again.

        Where its URL now takes a token, the first one is in this answer and in no other.
        """
        if_version = read_version(request)
        patch = _object(await read_json(request, self._receiver))
        async with self._store.acting(administrator) as connection:
            before = await control.find_integration(connection, integration, tenant=administrator.tenant, lock=True)
            # A mapping that stays as it was is not asked again: a stricter release must not hinder other changes.
            reader = read_integration_as if _changes_mapping(patch) else read_as
            wanted = reader(IntegrationDocument, merged(document_of(before), patch))
            _check_source(before.source, signed=wanted.signature_required)
            _check_mapping(before.source, wanted.settings, before.terms.settings)
            after = await control.change_integration(
                connection,
                integration,
                wanted.terms(),
                name=wanted.name,
                tenant=administrator.tenant,
                if_version=if_version,
                actor=administrator.author,
            )
            token = await first_url_token(
                connection, tenant=administrator.tenant, integration=integration, actor=administrator.author
            )
            shape = await self._shape(connection, request, after, token)
        return _answer(shape, headers={"ETag": _etag(after)})

    async def delete(self, request: web.BaseRequest, administrator: Administrator, integration: str) -> web.Response:
        """Take one away, with its secrets."""
        if_version = read_version(request)
        async with self._store.acting(administrator) as connection:
            await control.delete_integration(
                connection, integration, tenant=administrator.tenant, if_version=if_version, actor=administrator.author
            )
        return answer(204, b"", headers={"Cache-Control": "no-store"})

    async def rotate(self, request: web.BaseRequest, administrator: Administrator, integration: str) -> web.Response:
        """Give one a new secret, or a new token of its URL; it is in this answer and in no other."""
        wanted = read_as(Rotation, await read_json(request, self._receiver, optional=True))
        if wanted.url_token:
            return await self._rotate_url_token(request, administrator, integration, wanted)
        chosen = _chosen(wanted.secret)
        async with self._store.acting(administrator) as connection:
            secret = await add_secret(
                connection,
                self._store.master_key,
                tenant=administrator.tenant,
                integration=integration,
                secret=chosen,
                overlap_s=wanted.overlap_s,
                actor=administrator.author,
            )
            found = await control.find_integration(connection, integration, tenant=administrator.tenant)
            shape = await self._shape(connection, request, found)
        return _answer(shape | {"secret": secret.get_secret_value()}, headers={"ETag": _etag(found)})

    async def _rotate_url_token(
        self, request: web.BaseRequest, administrator: Administrator, integration: str, wanted: Rotation
    ) -> web.Response:
        if wanted.secret is not None:
            raise unfit_value("/secret", "unfit-secret", "a token is made, never chosen")
        async with self._store.acting(administrator) as connection:
            found = await control.find_integration(connection, integration, tenant=administrator.tenant)
            if not found.terms.url_token:
                raise unfit_value("/url_token", "not-taken", NO_TOKEN)
            token = await add_url_token(
                connection,
                tenant=administrator.tenant,
                integration=integration,
                overlap_s=wanted.overlap_s,
                actor=administrator.author,
            )
            shape = await self._shape(connection, request, found, token)
        return _answer(shape, headers={"ETag": _etag(found)})

    async def try_out(self, request: web.BaseRequest, administrator: Administrator, integration: str) -> web.Response:
        """Say what today's code would make of a delivery; nothing is written, and no signature is asked for."""
        if self._trials.locked():
            raise unavailable("Other deliveries are being tried. Try again.")
        async with self._trials:
            wanted = read_as(Try, await read_json(request, self._receiver, most=self._body_max))
            async with self._store.acting(administrator) as connection:
                found = await control.find_integration(connection, integration, tenant=administrator.tenant)
            settings = read_integration_as(
                IntegrationDocument, merged(document_of(found), {"settings": wanted.settings})
            ).settings
            source = registry.get(found.source)
            if source is None:
                raise NotFound("this release does not know the integration's source")
            _check_mapping(found.source, settings, found.terms.settings)
            payload = wanted.payload
            made = await asyncio.to_thread(  # a large body takes long enough to hold up deliveries
                try_delivery,
                source,
                payload.encode() if isinstance(payload, str) else orjson.dumps(payload),
                settings=settings,
                headers=wanted.headers,
                query=wanted.query,
                content_type=wanted.content_type,
            )
            return _answer(shown(made))

    async def _shape(
        self, connection: Connection, request: web.BaseRequest, integration: Integration, token: SecretStr | None = None
    ) -> Json:
        named = integration.id
        secrets, tokens = await list_secrets(connection, [named]), await list_url_tokens(connection, [named])
        return integration_shape(integration, secrets[named], tokens[named], self._base(request), token)

    def _base(self, request: web.BaseRequest) -> str:
        """Give the public address; not set, it is what the caller says that it used."""
        if self._public_url:
            return self._public_url
        scheme = "https" if request.headers.get("X-Forwarded-Proto") == "https" else "http"
        return f"{scheme}://{request.host}"


def _is_wanted(integration: Integration, query: Mapping[str, str]) -> bool:
    return (
        integration.source == query.get("source", integration.source)
        and integration.name == query.get("name", integration.name)
        and integration.name > query.get("after", "")
    )


def _check_source(name: str, *, signed: bool) -> None:
    """Refuse what `tocsin_control` would refuse, naming the member.

    Raises:
        Problem: 422.
    """
    source = registry.get(name)
    if source is None:
        raise unfit_value("/source", "unknown-source", f"known are {', '.join(registry.names())}")
    if not signed and not source.signature_optional:
        raise unfit_value("/signature_required", "always-signed", f"{source.title} always proves who it is")


def _check_mapping(name: str, settings: IntegrationSettings, before: IntegrationSettings | None = None) -> None:
    """Refuse a mapping that its source would never look at.

    Raises:
        Problem: 422.
    """
    source = registry.get(name)
    why = None if source is None else untaken(source, settings.mapping, None if before is None else before.mapping)
    if why is not None:
        raise unfit_value("/settings/mapping", NOT_TAKEN, why)


def _chosen(secret: SecretStr | None) -> SecretStr | None:
    """Take a secret that the sender chose.

    Raises:
        Problem: 422.
    """
    try:
        return None if secret is None else chosen_secret(secret.get_secret_value())
    except Refused as error:
        raise unfit_value("/secret", "unfit-secret", str(error)) from error


def _object(parsed: object) -> dict[str, object]:
    if not isinstance(parsed, dict):
        raise unfit_value("", "object-type", "a change is an object")
    return parsed


def _changes_mapping(patch: Mapping[str, object]) -> bool:
    settings = patch.get("settings")
    return isinstance(settings, dict) and "mapping" in settings


def _etag(integration: Integration) -> str:
    return f'"v{integration.version}"'


def _answer(body: Json, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return answer(status, orjson.dumps(body), headers={"Cache-Control": "no-store", **(headers or {})})
