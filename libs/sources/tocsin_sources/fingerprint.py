"""Prometheus' fingerprint of a label set, as Alertmanager computes it (SOURCES 1)."""

from collections.abc import Mapping

_OFFSET = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MASK = 0xFFFFFFFFFFFFFFFF
_SEPARATOR = b"\xff"


def label_fingerprint(labels: Mapping[str, str]) -> str:
    """Compute FNV-1a 64 over the sorted labels, each as name, 0xFF, value, 0xFF; 16 hex digits.

    Labels with an empty value do not count, as for Prometheus they do not exist.
    """
    said = bytearray()
    for name in sorted(name for name, value in labels.items() if value):
        said += name.encode("utf-8", "surrogatepass") + _SEPARATOR
        said += labels[name].encode("utf-8", "surrogatepass") + _SEPARATOR
    digest = _OFFSET
    for byte in said:
        digest = (digest ^ byte) * _PRIME & _MASK
    return f"{digest:016x}"
