"""What became of a delivery, and why (P2)."""

from enum import StrEnum


class Mapped(StrEnum):
    """What the normalizer made of a delivery."""

    NORMALIZED = "normalized"
    IGNORED = "ignored"
    FAILED = "failed"


class Outcome(StrEnum):
    """What the fold decided: every delivery answered 202 ends in exactly one of the first four.

    `redriven` replaces `failed` on the original row once its redrive was processed.
    """

    PROCESSED = "processed"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    FAILED = "failed"
    REDRIVEN = "redriven"


class Reason(StrEnum):
    """Reason codes that we give ourselves; sources add their own `ignored` and `failed` codes."""

    IMAGE_TOO_LARGE = "image-too-large"
    KILLED_NORMALIZER = "killed-normalizer"
    FOLD_ERROR = "fold-error"
    NORMALIZER_ERROR = "normalizer-error"
    NOT_JSON = "not-json"
    UNKNOWN_SHAPE = "unknown-shape"
    TOO_MANY_ALERTS = "too-many-alerts"
    SAME_SENDER_ID = "same-sender-id"
    SAME_CONTENT = "same-content"
    NOT_FAILED = "original-not-failed"
    PROCESSED_SINCE = "processed-since"
    NO_ALERTS = "no-alerts"
    OWN_NOTIFICATION = "own-notification"
