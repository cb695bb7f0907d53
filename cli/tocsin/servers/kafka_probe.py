"""Ask a broker whether it can serve groups: an open port, or even a log line, comes too early.

Two requests of the wire protocol, by hand: the client library may only be used through the runtime's log seam, and
the question must be cheap enough to be asked ten times a second.
"""

import socket
import struct

FIND_COORDINATOR, DESCRIBE_GROUPS = 10, 15
CLIENT = b"tocsin-probe"
GROUP = b"tocsin-probe"


def group_coordinator_ready(host: str, port: int, *, timeout_s: float = 2.0) -> bool:
    """Tell whether the broker finds a coordinator for a group and that coordinator answers for it.

    The question makes the offsets topic exist. False while it is being made or loaded, while the broker is still
    fenced after a crash, and when nobody answers.
    """
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            error, coordinator = _find_coordinator(connection)
            if error:
                return False
        with socket.create_connection(coordinator, timeout_s) as connection:
            connection.settimeout(timeout_s)
            return _describe_error(connection) == 0
    except (OSError, struct.error, EOFError):
        return False


def _find_coordinator(connection: socket.socket) -> tuple[int, tuple[str, int]]:
    """Ask who coordinates the group (FindCoordinator v1): error code, host and port."""
    answer = _ask(connection, FIND_COORDINATOR, 1, _text(GROUP) + struct.pack(">b", 0))
    _throttle, error, length = struct.unpack_from(">ihh", answer)
    at = 8 + max(length, 0)
    _node, length = struct.unpack_from(">ih", answer, at)
    host = answer[at + 6 : at + 6 + length].decode()
    (port,) = struct.unpack_from(">i", answer, at + 6 + length)
    return error, (host, port)


def _describe_error(connection: socket.socket) -> int:
    """Ask for the group's state (DescribeGroups v0): only the error code matters."""
    answer = _ask(connection, DESCRIBE_GROUPS, 0, struct.pack(">i", 1) + _text(GROUP))
    error: int
    _groups, error = struct.unpack_from(">ih", answer)
    return error


def _ask(connection: socket.socket, key: int, version: int, body: bytes) -> bytes:
    """Send one request and give its answer without the correlation id."""
    message = struct.pack(">hhi", key, version, 1) + _text(CLIENT) + body
    connection.sendall(struct.pack(">i", len(message)) + message)
    (size,) = struct.unpack(">i", _read(connection, 4))
    return _read(connection, min(size, 1 << 16))[4:]


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _text(value: bytes) -> bytes:
    return struct.pack(">h", len(value)) + value
