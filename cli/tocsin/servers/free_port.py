"""Loopback ports that nobody uses."""

import secrets
import socket

LOWEST, HIGHEST = 20_000, 32_767
"""Below the ephemeral range: a port from there can be taken by any outgoing connection at any moment."""
ATTEMPTS = 200


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether `port` can be listened on now; a closed connection that still lingers does not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_ports(count: int, *, but: frozenset[int] = frozenset()) -> list[int]:
    """Pick `count` different free ports at random, none of `but`; raise OSError if so many cannot be found."""
    found: list[int] = []
    for _ in range(ATTEMPTS):
        if len(found) == count:
            return found
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST + 1)
        if port not in but and port not in found and is_free(port):
            found.append(port)
    raise OSError(f"no {count} free ports between {LOWEST} and {HIGHEST}")
