"""A projection with rows, and the real query service over it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest
from pydantic import SecretStr

from tests.support.projection_rows import ProjectionDatabase, build_projection, copy_projection
from tests.support.servers import SharedPostgres
from tocsin_control.bootstrap import Role
from tocsin_query.service import QueryService
from tocsin_query.settings import QuerySettings
from tocsin_runtime.clock import ManualClock

NOW = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z: what the service's clock says, until a test moves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, read."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return orjson.loads(self.text)

    @property
    def ids(self) -> list[str]:
        return [item["id"] for item in self.body["items"]]

    @property
    def faults(self) -> dict[str, str]:
        """Codes of a 422 by parameter."""
        return {fault["parameter"]: fault["code"] for fault in self.body["errors"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Asks one running service, by default with one tenant's key."""

    url: str
    key: str
    session: aiohttp.ClientSession

    async def get(
        self, path: str, *, key: str | None = None, method: str = "GET", headers: dict[str, str] | None = None
    ) -> Reply:
        sent = {"Authorization": f"Bearer {self.key if key is None else key}"} | (headers or {})
        if key == "":
            del sent["Authorization"]
        async with self.session.request(method, self.url + path, headers=sent) as response:
            found = {name.title(): value for name, value in response.headers.items()}
            return Reply(status=response.status, headers=found, text=await response.text())

    async def list(self, resource: str, *pairs: tuple[str, str], **parameters: str) -> Reply:
        """Ask a list with properly encoded parameters."""
        query = [*pairs, *parameters.items()]
        sent = {"Authorization": f"Bearer {self.key}"}
        async with self.session.get(f"{self.url}/api/v1/{resource}", params=query, headers=sent) as response:
            found = {name.title(): value for name, value in response.headers.items()}
            return Reply(status=response.status, headers=found, text=await response.text())


def settings(dsn: str, **changed: object) -> QuerySettings:
    """Make settings for a service on a free port."""
    return QuerySettings(port=0, postgres=SecretStr(dsn), **changed)  # type: ignore[arg-type] # pydantic checks them


@asynccontextmanager
async def running(made: QuerySettings, clock: ManualClock | None = None) -> AsyncIterator[QueryService]:
    """Run the service as its process does."""
    service = QueryService(made, clock or ManualClock(NOW))
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


@asynccontextmanager
async def asking(
    projection: ProjectionDatabase, tenant: str = "acme", *, clock: ManualClock | None = None, **changed: object
) -> AsyncIterator[Client]:
    """Run the service over a projection and ask it as a tenant."""
    key = await projection.key(tenant)
    async with (
        running(settings(projection.dsn(Role.QUERY), **changed), clock) as service,
        aiohttp.ClientSession() as session,
    ):
        yield Client(url=service.url, key=key, session=session)


@pytest.fixture(scope="session")
def empty_projection(postgres: SharedPostgres) -> Iterator[ProjectionDatabase]:
    """A template: built once, copied by each test that writes."""
    made = asyncio.run(build_projection(postgres))
    yield made
    asyncio.run(postgres.drop_database(made.database))


@pytest.fixture(scope="module")
def module_projection(postgres: SharedPostgres, empty_projection: ProjectionDatabase) -> Iterator[ProjectionDatabase]:
    """A projection that the module's own fixture seeds once, and its tests only read."""
    made = asyncio.run(copy_projection(postgres, empty_projection))
    yield made
    asyncio.run(postgres.drop_database(made.database))


@pytest.fixture
async def projection(postgres: SharedPostgres, empty_projection: ProjectionDatabase) -> AsyncIterator[ProjectionDatabase]:
    """A projection without rows, of one test's own."""
    made = await copy_projection(postgres, empty_projection)
    yield made
    await postgres.drop_database(made.database)


@pytest.fixture
async def client(projection: ProjectionDatabase) -> AsyncIterator[Client]:
    """The service over this test's projection, asked by `acme`."""
    async with asking(projection) as made:
        yield made


@pytest.fixture
async def reading(module_projection: ProjectionDatabase) -> AsyncIterator[Client]:
    """The service over the module's projection, asked by `acme`."""
    async with asking(module_projection) as made:
        yield made
