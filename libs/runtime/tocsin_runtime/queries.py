"""Named SQL from the `.sql` files that lie beside their owner."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from tocsin_runtime.errors import Fatal

_NAME = re.compile(r"^--\s*name:\s*(?P<name>[a-z][a-z0-9_]*)\s*$")


class Queries:
    """The statements of one file, by name: `QUERIES["claim"]`.

    Load at import time and take each statement into a module constant, so a missing
    name fails when the module is imported, not when a request comes.
    """

    def __init__(self, origin: str, statements: Mapping[str, str]) -> None:
        self._origin = origin
        self._statements = MappingProxyType(dict(statements))

    def __getitem__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            raise Fatal(f"{self._origin} has no statement named {name!r}") from None

    def names(self) -> tuple[str, ...]:
        """Give every name in file order."""
        return tuple(self._statements)


def load(package: str, path: str) -> Queries:
    """Read and parse `path` inside `package`, e.g. `load("tocsin_runtime", "sql/fence.sql")`.

    Raises:
        Fatal: the file is missing, has a name twice, or SQL before its first name.
    """
    origin = f"{package}/{path}"
    try:
        text = files(package).joinpath(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Fatal(f"{origin} is missing from the installation") from None
    return parse(text, origin)


def parse(text: str, origin: str) -> Queries:
    """Split `text` at its `-- name: x` lines; comments before a name belong to nobody."""
    statements: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        if match := _NAME.match(line):
            if match["name"] in statements:
                raise Fatal(f"{origin} names {match['name']!r} twice")
            current = statements[match["name"]] = []
        elif current is not None:
            current.append(line)
        elif line.strip() and not line.lstrip().startswith("--"):
            raise Fatal(f"{origin} has SQL before its first '-- name:' line")
    return Queries(origin, {name: "\n".join(lines).strip().removesuffix(";") for name, lines in statements.items()})
