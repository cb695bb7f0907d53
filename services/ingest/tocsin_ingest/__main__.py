"""Run ingest: `python -m tocsin_ingest`."""

from __future__ import annotations

import sys

from tocsin_ingest.service import build
from tocsin_ingest.settings import IngestSettings
from tocsin_runtime.lifecycle import main

if __name__ == "__main__":
    sys.exit(main("tocsin_ingest", IngestSettings, build))
