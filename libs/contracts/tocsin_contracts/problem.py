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
    REJECTED = _BASE + "command-rejected"
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


MEANINGS: dict[ProblemType, str] = {
    ProblemType.MALFORMED: "The request cannot be read, or holds a key in its URL.",
    ProblemType.NOT_JSON: "The body is not JSON that we read.",
    ProblemType.UNAUTHENTICATED: "No credentials, or none that open this.",
    ProblemType.FORBIDDEN: "The key's scopes do not reach, or the tenant or integration is disabled.",
    ProblemType.NOT_FOUND: "Nothing lies here, or not for you: another tenant's is answered alike.",
    ProblemType.GONE: "Retention took the bytes.",
    ProblemType.METHOD_NOT_ALLOWED: "The path takes other methods; `Allow` lists them.",
    ProblemType.AMBIGUOUS: "Several incidents begin so; `choices` lists them.",
    ProblemType.CONFLICT: "The incident cannot go from its status to this one; `allowed` says where to.",
    ProblemType.REJECTED: "As things stand, the incident does not take this command; `reason` says why.",
    ProblemType.NAME_TAKEN: "The tenant has another one of this name.",
    ProblemType.NOT_FAILED: "The delivery has not failed; `outcome` says what became of it.",
    ProblemType.BUSY: "Another one runs for this tenant.",
    ProblemType.NO_ROOM: "A bound of the tenant is reached.",
    ProblemType.PRECONDITION_FAILED: "It was changed since the version in `If-Match`.",
    ProblemType.TOO_LARGE: "Larger than what is taken here.",
    ProblemType.UNSUPPORTED_MEDIA: "Another content type or encoding than is taken here.",
    ProblemType.UNPROCESSABLE: "Values do not fit; `errors` says each, by `pointer` or `parameter`.",
    ProblemType.IDEMPOTENCY_MISMATCH: "The Idempotency-Key was used for another request, or by somebody else.",
    ProblemType.QUOTA_EXCEEDED: "More requests than a quota allows; `violated-policies` names it.",
    ProblemType.UNAVAILABLE: "Not now: something that it needs does not answer. What was sent may be stored; send it again.",
    ProblemType.TIMEOUT: "It took too long: the body to arrive, or the answer to be found.",
    ProblemType.INTERNAL: "A fault of ours; the request id finds it in our log.",
}
"""What each means, for documents."""
