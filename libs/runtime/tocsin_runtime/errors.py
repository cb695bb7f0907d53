"""The three ways to fail, and what the caller does about each."""

from __future__ import annotations


class TocsinError(Exception):
    """Something went wrong in Tocsin.

    Raised with no message, an error says its class docstring's first line.
    """

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or type(self).__name__).strip().splitlines()[0])


class Recoverable(TocsinError):  # noqa: N818 - the design's word
    """A dependency did not answer as it should: try again later, and do not advance."""


class Invalid(TocsinError):  # noqa: N818 - the design's word
    """This one input can never succeed as it is: record its reason and go on."""

    def __init__(self, reason: str, message: str | None = None) -> None:
        """Keep `reason`, a stable word in kebab-case, beside the sentence for people."""
        super().__init__(message or reason)
        self.reason = reason


class Fatal(TocsinError):  # noqa: N818 - the design's word
    """Going on would do harm: say what to do in one line, and leave with exit code 1."""
