"""Settings of integration versions, for the normalizer: read once each, for a version never changes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import asyncpg

from tocsin_contracts.integration import IntegrationSettings
from tocsin_runtime.errors import Invalid, TocsinError
from tocsin_runtime.postgres import Pool, PostgresUnavailable, classified
from tocsin_runtime.queries import load

UNKNOWN_VERSION = "unknown-integration-version"
_SETTINGS_OF_VERSION = load("tocsin_control", "sql/integrations.sql")["settings_of_version"]


class IntegrationVersions:
    """Looks versions up, at most `size_max` of them in memory; those that are there need no PostgreSQL."""

    def __init__(self, pool: Pool, *, size_max: int = 10_000, answer_timeout_s: float = 5.0) -> None:
        """Read through a pool as tocsin_normalizer, which may be opened with PostgreSQL away (`size_min=0`)."""
        self._pool = pool
        self._size_max = size_max
        self._answer_timeout_s = answer_timeout_s
        self._known: OrderedDict[tuple[str, int], IntegrationSettings] = OrderedDict()

    async def get(self, integration: str, version: int) -> IntegrationSettings:
        """Give the settings that a delivery came in under.

        Raises:
            Recoverable: not in memory, and PostgreSQL is away: wait, and do not advance.
            Invalid: PostgreSQL answers, and has no such version (`unknown-integration-version`).
        """
        place = (integration, version)
        found = self._known.get(place)
        if found is None:
            found = self._known[place] = await self._read(integration, version)
            if len(self._known) > self._size_max:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(place)
        return found

    async def _read(self, integration: str, version: int) -> IntegrationSettings:
        try:
            async with asyncio.timeout(self._answer_timeout_s), self._pool.acquire() as connection:
                text = await connection.fetchval(_SETTINGS_OF_VERSION, integration, version)
        except asyncpg.DataError:  # a number that no version can have
            text = None
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:  # TimeoutError is an OSError
            ours = classified(error)
            if not isinstance(ours, TocsinError):
                ours = PostgresUnavailable(f"cannot read integration versions: {error}")
            raise ours from error
        if text is None:
            raise Invalid(UNKNOWN_VERSION, f"integration {integration} has no version {version}")
        return IntegrationSettings.model_validate_json(text)
