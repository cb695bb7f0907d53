"""Text of others on a terminal: whoever sends an alert, or comments on one, must not move the cursor of who reads it."""

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"  # but tabs and line feeds
)
_SHOWN: Final = "\N{REPLACEMENT CHARACTER}"


def harmless(text: str) -> str:
    """Put a mark in the place of each control character, and of what turns the direction of writing."""
    return _UNSAFE.sub(_SHOWN, text)


def escaped(document: str) -> str:
    """Write the same characters of a JSON document as escapes: its strings stay what they are."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", document)
