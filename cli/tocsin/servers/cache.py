"""Where downloads are kept between projects, and how two processes share them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir() -> Path:
    """Give the directory for downloads: `TOCSIN_CACHE`, else `tocsin` in the user's cache; it is created."""
    named = os.environ.get("TOCSIN_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME")
    if named:
        path = Path(named)
    elif shared:
        path = Path(shared) / "tocsin"
    else:
        path = Path.home() / ".cache" / "tocsin"
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; wait until no other process holds it. The system frees it if we die."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write `text` so that a reader sees the old file or the whole new one; `mode` holds from the first byte."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
