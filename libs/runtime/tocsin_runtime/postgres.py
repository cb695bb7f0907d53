"""Thin typed wrappers over asyncpg: connections with limits, and what its errors mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal, Recoverable
from tocsin_runtime.retry import RetryPolicy, retry

T = TypeVar("T")

if TYPE_CHECKING:
    DedicatedConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Connection: TypeAlias = DedicatedConnection | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:  # asyncpg's own classes take no parameters while running
    DedicatedConnection = asyncpg.Connection
    Connection = asyncpg.Connection | PoolConnectionProxy
    Pool = asyncpg.Pool

# Connection trouble, resources, operator intervention, rollbacks that ask for another try.
_TRANSIENT_CLASSES = ("08", "53", "57P")
_TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03", "55006", "25P03", "57014", "58030"})
_REFUSED = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)


class PostgresUnavailable(Recoverable):
    """PostgreSQL does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long PostgreSQL may take, enforced by the server and, a little later, by the client."""

    statement_timeout_s: float = 30.0
    lock_timeout_s: float = 5.0
    idle_in_transaction_s: float = 60.0
    connect_timeout_s: float = 5.0

    def server_settings(self, application: str, extra: dict[str, str]) -> dict[str, str]:
        """Write the limits as settings of a session."""
        return {
            "application_name": application,
            "statement_timeout": _ms(self.statement_timeout_s),
            "lock_timeout": _ms(self.lock_timeout_s),
            "idle_in_transaction_session_timeout": _ms(self.idle_in_transaction_s),
            "timezone": "UTC",
            "jit": "off",  # our statements are short; JIT costs more than it saves
            **extra,
        }


DEFAULT_LIMITS = Limits()


async def connect(
    dsn: str,
    *,
    application: str,
    limits: Limits = DEFAULT_LIMITS,
    jsonb: bool = False,
    settings: dict[str, str] | None = None,
) -> DedicatedConnection:
    """Open one dedicated connection: for writers, which never share a pool.

    Args:
        dsn: where, as which role.
        application: shown in `pg_stat_activity`.
        limits: time limits of the session.
        jsonb: decode and encode `json` and `jsonb` by orjson; else they are text.
        settings: further settings of the session, e.g. `{"synchronous_commit": "off"}`.

    Raises:
        PostgresUnavailable: it does not answer, or is starting or stopping.
        Fatal: it answers and refuses us: role, password, database.
    """
    with_limits = limits.server_settings(application, settings or {})
    try:
        connection = await asyncpg.connect(
            dsn,
            timeout=limits.connect_timeout_s,
            command_timeout=limits.statement_timeout_s + 5,
            server_settings=with_limits,
        )
    except Exception as error:
        raise classified(error) from error
    if jsonb:
        await use_orjson(connection)
    return connection


async def create_pool(
    dsn: str,
    *,
    application: str,
    size_max: int = 8,
    size_min: int = 1,
    limits: Limits = DEFAULT_LIMITS,
    jsonb: bool = False,
    settings: dict[str, str] | None = None,
) -> Pool:
    """Open a pool for readers. Raises as `connect` does.

    Releasing a connection does *not* reset it (that costs a round trip for each use), so nothing may leave
    session state behind: `SET LOCAL` inside a transaction only.
    """

    async def prepare(connection: Connection) -> None:
        if jsonb:
            await use_orjson(connection)

    try:
        return await asyncpg.create_pool(
            dsn,
            min_size=size_min,
            max_size=size_max,
            timeout=limits.connect_timeout_s,
            command_timeout=limits.statement_timeout_s + 5,
            server_settings=limits.server_settings(application, settings or {}),
            init=prepare,
            reset=_no_reset,
        )
    except Exception as error:
        raise classified(error) from error


async def use_orjson(connection: Connection) -> None:
    """Decode and encode `json` and `jsonb` of this connection by orjson."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
        )


def is_transient(error: BaseException) -> bool:
    """Tell whether the same statement, tried again later or elsewhere, may succeed."""
    if isinstance(error, Recoverable):
        return True
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state in _TRANSIENT_STATES or state.startswith(_TRANSIENT_CLASSES)
    if isinstance(error, asyncpg.InterfaceError):
        # A connection that died in the middle of a COPY says that it is still at it; it is of no more use either way.
        return any(word in str(error) for word in ("closed", "connection", "another operation is in progress"))
    return isinstance(error, OSError | asyncio.TimeoutError | asyncpg.InternalClientError)


def classified(error: BaseException) -> BaseException:
    """Give `error` as one of ours where it is one: unavailable, or refused for good; else itself."""
    if isinstance(error, _REFUSED):
        return Fatal(f"PostgreSQL refuses us: {error}")
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        # Its text may repeat the DSN, and so the password.
        return Fatal("PostgreSQL's address cannot be read: it has the form postgresql://role:password@host:port/database")
    if is_transient(error) and not isinstance(error, Recoverable):
        return PostgresUnavailable(f"PostgreSQL does not answer: {_text(error)}")
    return error


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise transient errors of the body as `PostgresUnavailable`; others pass untouched."""
    try:
        yield
    except Exception as error:
        ours = classified(error)
        if ours is error:
            raise
        raise ours from error


async def run_again_if_stale(work: Callable[[], Awaitable[T]]) -> T:
    """Run a whole transaction, and once more if its cached plan or types were of a schema since swapped.

    asyncpg retries by itself outside a transaction only. COPY does *not* notice (it writes by remembered types):
    whoever copies opens new connections after a swap.
    """
    try:
        return await work()
    except (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError):
        return await work()


async def with_retry(work: Callable[[], Awaitable[T]], *, policy: RetryPolicy, clock: Clock) -> T:
    """Run `work` until it succeeds or the policy gives up; only transient errors are tried again.

    Raises:
        PostgresUnavailable: still away when the policy gave up.
    """

    async def attempt() -> T:
        async with translated():
            return await run_again_if_stale(work)

    return await retry(attempt, policy=policy, clock=clock)


async def close(connection: DedicatedConnection | Pool, *, timeout_s: float = 5.0) -> None:
    """Close politely within the bound, else at once; never raises for a server that is gone."""
    try:
        await asyncio.wait_for(connection.close(), timeout_s)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


async def _no_reset(_connection: Connection) -> None:
    """Leave the session as it is."""


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
