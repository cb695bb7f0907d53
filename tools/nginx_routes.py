# ruff: noqa: INP001 # a script, no package
"""Write deploy/nginx/routes.conf from the one route table: `make nginx`. A test compares the file with what this writes."""

import re
from pathlib import Path

from tocsin_contracts.routes import INGEST_PREFIXES, INGEST_SUFFIXES, PRIVATE_PREFIXES, READ_METHODS

TARGET = Path(__file__).parents[1] / "deploy" / "nginx" / "routes.conf"
_HEAD = """\
# Which service owns each public path, whatever the method. Made from libs/contracts/tocsin_contracts/routes.py by `make nginx`:
# do not edit. The first line that matches counts. $uri is decoded and normalized: a spelling of /-/ or /metrics is no way in.
map "$request_method $uri" $tocsin_owner {
"""


def render() -> str:
    """Give the text of the file."""
    lines = [_line(prefix, "nobody") for prefix in PRIVATE_PREFIXES]
    lines += [_line(prefix, "tocsin_ingest") for prefix in INGEST_PREFIXES]
    lines += [_line(prefix, "tocsin_ingest", suffix) for prefix, suffix in INGEST_SUFFIXES]
    lines.append(f'    "~^(?:{"|".join(sorted(READ_METHODS))}) " tocsin_query;')
    lines.append("    default tocsin_ingest;")
    return _HEAD + "\n".join(lines) + "\n}\n"


def _line(prefix: str, owner: str, suffix: str = "") -> str:
    """Write one line; prefix and suffix of a path may share characters, so the prefix is looked for without taking it."""
    path = re.escape(prefix) if not suffix else rf"(?={re.escape(prefix)}).*{re.escape(suffix)}\z"
    return rf'    "~(?s)^\S+ {path}" {owner};'


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
