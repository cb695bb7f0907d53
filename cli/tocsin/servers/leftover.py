"""Processes that are not our children: whether they run, and waiting for their end."""

import time
from collections.abc import Sequence

import psutil

POLL_S = 0.05


def runs(process: psutil.Process) -> bool:
    """Tell whether `process` still runs; one that ended and was not reaped by its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_gone(processes: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait until none of `processes` runs; give those that still do after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    left = [process for process in processes if runs(process)]
    while left and time.monotonic() < deadline:
        time.sleep(POLL_S)
        left = [process for process in left if runs(process)]
    return left
