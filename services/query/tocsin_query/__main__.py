"""Run the query service: `python -m tocsin_query`; `--help` lists its settings."""

import sys

from tocsin_query.service import build
from tocsin_query.settings import QuerySettings
from tocsin_runtime.lifecycle import main

if __name__ == "__main__":
    sys.exit(main("tocsin_query", QuerySettings, build))
