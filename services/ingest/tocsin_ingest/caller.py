"""Who calls the API: from a request's key to its principal, with the scope that the path needs."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from tocsin_contracts.problem import ProblemType
from tocsin_control.auth import Authenticator
from tocsin_control.errors import Forbidden, Unauthenticated
from tocsin_control.principal import Principal, Scope
from tocsin_ingest.answers import malformed, unauthenticated, unavailable
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Exchange
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.http import Problem
from tocsin_runtime.limits import Failures

_KEY_PARAMETERS = frozenset({"key", "api_key", "apikey", "token", "access_token", "authorization"})


class Callers:
    """Believes API keys, or says why not."""

    def __init__(self, authenticator: Authenticator, failures: Failures, metrics: IngestMetrics) -> None:
        self._authenticator = authenticator
        self._failures = failures
        self._metrics = metrics

    async def identify(self, request: web.BaseRequest, query: Mapping[str, str], scope: Scope, exchange: Exchange) -> Principal:
        """Give who calls, if the key reaches `scope`.

        Raises:
            Problem: 400 for a key in the URL, where it would end up in logs; 401, 403, 429, 503.
        """
        if not _KEY_PARAMETERS.isdisjoint(name.lower() for name in query):
            raise malformed("An API key goes into the Authorization header, never into the URL.")
        try:
            principal = await self._authenticator.authenticate(request.headers.get("Authorization"))
            exchange.tenant = principal.tenant
            principal.require(scope)
        except Unauthenticated:
            exchange.reason = "wrong-key"
            self._metrics.rejected(exchange.reason)
            raise (self._failures.failed(exchange.address) or unauthenticated()) from None
        except Forbidden:
            exchange.reason = "scope"
            detail = f"This needs an API key with the scope {scope}."
            raise Problem(403, detail, type=ProblemType.FORBIDDEN, members={"scope": scope}) from None
        except Recoverable as error:
            raise unavailable("API keys cannot be checked now. Try again.") from error
        return principal
