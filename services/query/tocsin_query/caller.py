"""Who asks: from a request's key to its principal, and failures counted by address (security S25)."""

from dataclasses import dataclass

from aiohttp import web

from tocsin_control.errors import Unauthenticated
from tocsin_control.principal import Principal
from tocsin_query.ports import Authenticator
from tocsin_query.problems import key_in_query
from tocsin_runtime.address import Addresses
from tocsin_runtime.limits import Failures

_KEY_NAMES = frozenset({"access_token", "api_key", "apikey", "authorization", "bearer", "key", "token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """Believes API keys, or says why not; who fails too often is told to wait, whoever his neighbours are."""

    keys: Authenticator
    failures: Failures
    addresses: Addresses

    async def identify(self, request: web.Request) -> Principal:
        """Give who asks. The right key from an address above its bound is believed, and takes nothing from it.

        Raises:
            Problem: 400 for a key in the URL, where it would end up in logs; 429 for an address that failed too often.
            Unauthenticated: it names nobody.
            Recoverable: cannot be told now.
        """
        if any(name.lower() in _KEY_NAMES for name in request.query):
            raise key_in_query()
        try:
            return await self.keys.authenticate(request.headers.get("Authorization"))
        except Unauthenticated as error:
            raise (self.failures.failed(self._address(request)) or error) from None

    def _address(self, request: web.Request) -> str:
        return self.addresses.sender(request.remote, request.headers.getall("X-Forwarded-For", ()))
