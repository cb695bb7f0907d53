"""Processes that stand still with their connections open: what a machine that hangs looks like."""

import os
import signal


def freeze(pid: int) -> None:
    """Stop a child of ours, and return once all of it stands: on a busy machine it goes on for a while behind the signal."""
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)
