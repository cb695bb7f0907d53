"""`make openapi`: write the gateway's part of the OpenAPI document to a file."""

import sys
from pathlib import Path

import orjson

from tocsin_ingest.openapi.document import gateway_part


def written() -> bytes:
    """Give the file's content: sorted, so that a change of it shows what changed."""
    return orjson.dumps(gateway_part(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(written())
