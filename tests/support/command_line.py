"""The `tocsin` command as a person runs it, in this process."""

import asyncio
import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import orjson

from tocsin.__main__ import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Read what it printed for a program."""
        return orjson.loads(self.out)


async def tocsin(*arguments: str) -> Said:
    """Run one command to its end; in a thread, for it has an event loop of its own."""
    out, err = io.StringIO(), io.StringIO()

    def run() -> int:
        with redirect_stdout(out), redirect_stderr(err):
            return main(list(arguments))

    code = await asyncio.to_thread(run)
    return Said(code=code, out=out.getvalue(), err=err.getvalue())
