"""An installation with an administrator and a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.ingest.managing import Gateway, World, inhabited
from tests.support.migrated import MigratedDatabase
from tocsin_control.principal import Scope


@pytest.fixture
async def world(migrated: MigratedDatabase) -> AsyncIterator[World]:
    async with inhabited(migrated) as world:
        yield world


@pytest.fixture
async def admin(world: World) -> str:
    return await world.key("acme", Scope.ADMIN)


@pytest.fixture
async def gateway(world: World, admin: str) -> AsyncIterator[Gateway]:
    async with world.gateway(management_burst=10_000) as gateway:
        yield gateway
