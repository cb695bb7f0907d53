"""Crockford base32: digits and letters without I, L, O, U, so that an id can be said aloud and typed back."""

import base64
import binascii

_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DECODE = bytes.maketrans(_CROCKFORD, _STANDARD)
_LETTERS = _CROCKFORD.decode("ascii")
_TRIPLES = [first + second + third for first in _LETTERS for second in _LETTERS for third in _LETTERS]
_FOLD = str.maketrans({"I": "1", "L": "1", "O": "0"})


def encode(data: bytes) -> str:
    """Encode bytes as upper-case Crockford base32 without padding."""
    bits = len(data) * 8
    length = -(-bits // 5)
    triples = -(-length // 3)
    number = int.from_bytes(data, "big") << (triples * 15 - bits)
    return "".join([_TRIPLES[number >> shift & 32767] for shift in range(triples * 15 - 15, -1, -15)])[:length]


def decode(text: str) -> bytes:
    """Decode what `encode` wrote; lower case and the look-alikes I, L and O are read as what they look like.

    Raises:
        ValueError: the text is not Crockford base32, or no `encode` could have written it.
    """
    folded = fold(text)
    if not folded.isascii() or "U" in folded:
        raise ValueError("not Crockford base32")
    padded = folded.encode("ascii").translate(_DECODE) + b"=" * (-len(folded) % 8)
    try:
        data = base64.b32decode(padded)
    except binascii.Error as error:
        raise ValueError("not Crockford base32") from error
    if encode(data) != folded:
        raise ValueError("not Crockford base32 as we write it")
    return data


def fold(text: str) -> str:
    """Fold what a person typed to the alphabet: upper case, I and L to 1, O to 0."""
    return text.strip().upper().translate(_FOLD)
