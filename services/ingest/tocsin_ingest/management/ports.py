"""What management asks of the world."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from tocsin_control.api_key import ParsedKey
from tocsin_control.audit import Author
from tocsin_control.master_key import MasterKey
from tocsin_control.principal import Scope
from tocsin_runtime.postgres import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """Who manages: the tenant that the key is of, the key itself, and how the audit names them."""

    tenant: str
    key: ParsedKey
    scope: Scope
    """What the operation needs and the key reaches."""
    author: Author


class Store(Protocol):
    """`control`, as the holder of a key may change it; `tocsin_control`'s functions run on its connections."""

    @property
    def master_key(self) -> MasterKey:
        """Give what seals new secrets."""

    def acting(self, administrator: Administrator) -> AbstractAsyncContextManager[Connection]:
        """Give a connection inside a transaction that sees and changes the key's tenant alone (ADR 10).

        Raises:
            Forbidden: PostgreSQL does not believe the key.
            Recoverable: PostgreSQL does not answer.
        """

    async def close(self) -> None:
        """Disconnect. Never raises."""
