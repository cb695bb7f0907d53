"""Problem types of RFC 9457: one stable URI for each way a request can fail. `docs/reference/problems.md` explains them."""

from enum import StrEnum

_BASE = "https://tocsin.dev/problems/"


class ProblemType(StrEnum):
    """The `type` member of `application/problem+json`."""

    MALFORMED = _BASE + "malformed-request"
    NOT_JSON = _BASE + "not-json"
    UNAUTHENTICATED = _BASE + "unauthenticated"
    FORBIDDEN = _BASE + "forbidden"
    NOT_FOUND = _BASE + "not-found"
    GONE = _BASE + "gone"
    METHOD_NOT_ALLOWED = _BASE + "method-not-allowed"
    AMBIGUOUS = _BASE + "ambiguous-id"
    CONFLICT = _BASE + "transition-not-allowed"
    NAME_TAKEN = _BASE + "name-taken"
    NOT_FAILED = _BASE + "not-failed"
    BUSY = _BASE + "busy"
    NO_ROOM = _BASE + "no-room"
    PRECONDITION_FAILED = _BASE + "revision-changed"
    TOO_LARGE = _BASE + "too-large"
    UNSUPPORTED_MEDIA = _BASE + "unsupported-media-type"
    UNPROCESSABLE = _BASE + "invalid-value"
    IDEMPOTENCY_MISMATCH = _BASE + "idempotency-key-reused"
    QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
    UNAVAILABLE = _BASE + "unavailable"
    TIMEOUT = _BASE + "timed-out"
    INTERNAL = _BASE + "internal"
