"""Addresses of people on the internet: to a gateway whose proxy we are, each call is somebody else (security S25)."""

import itertools

_NUMBERS = itertools.count(1)


def stranger() -> dict[str, str]:
    """Give the header by which a trusted proxy names a sender who was never seen before."""
    number = next(_NUMBERS)
    return {"x-forwarded-for": f"198.18.{number >> 8 & 255}.{number & 255}"}
