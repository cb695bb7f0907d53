"""What went wrong, as RFC 9457 problems: the one place of this service that says it to a caller."""

import structlog

from tocsin_contracts.problem import ProblemType
from tocsin_control.errors import Forbidden, Unauthenticated
from tocsin_query.domain.parameter import Refused
from tocsin_query.domain.reference import Ambiguous, OtherRequest, Unknown
from tocsin_query.ports import TooSlow
from tocsin_query.turnstile import Busy
from tocsin_runtime.errors import Fatal, Recoverable
from tocsin_runtime.http import Problem

_log = structlog.get_logger()


def explain(error: Exception) -> Problem | None:
    """Give the problem that tells a caller about `error`; None for what is our own bug."""
    match error:
        case Refused():
            return _refused(error)
        case Unauthenticated():
            headers = {"WWW-Authenticate": 'Bearer realm="tocsin"'}
            return Problem(401, str(error), type=ProblemType.UNAUTHENTICATED, headers=headers)
        case Forbidden():
            return Problem(403, str(error), type=ProblemType.FORBIDDEN, members={"scope": error.scope})
        case Unknown():
            return Problem(404, "There is nothing under this id.", type=ProblemType.NOT_FOUND)
        case Ambiguous():
            detail = "Several incidents begin so: say more of the id."
            return Problem(409, detail, type=ProblemType.AMBIGUOUS, members={"choices": error.choices})
        case OtherRequest():
            detail = "This Idempotency-Key was used for another request, or by somebody else. Of yours nothing was done."
            return Problem(422, detail, type=ProblemType.IDEMPOTENCY_MISMATCH)
        case Busy():
            members = {"violated-policies": ["query-concurrency"]}
            detail = "Too many requests of this tenant wait already."
            return Problem(429, detail, type=ProblemType.QUOTA_EXCEEDED, headers={"Retry-After": "1"}, members=members)
        case TooSlow():
            detail = "This took too long: narrow the filters, or try again."
            return Problem(503, detail, type=ProblemType.TIMEOUT, headers={"Retry-After": "5"})
        case Recoverable() | Fatal():
            _log.warning("request.unavailable", kind=type(error).__name__, reason=str(error))
            detail = "The projection cannot be read now. Try again."
            return Problem(503, detail, type=ProblemType.UNAVAILABLE, headers={"Retry-After": "1"})
        case _:
            return None


def key_in_query() -> Problem:
    """Refuse an API key in the query string: it would stand in every log on the way."""
    detail = "An API key belongs in the Authorization header, never in a URL."
    return Problem(400, detail, type=ProblemType.MALFORMED)


def _refused(error: Refused) -> Problem:
    errors = [{"parameter": fault.parameter, "code": fault.code, "detail": fault.detail} for fault in error.faults]
    return Problem(422, "The query cannot be answered as it stands.", type=ProblemType.UNPROCESSABLE, members={"errors": errors})
