"""Run one normalizer: `python -m tocsin_normalizer`."""

import sys

from tocsin_normalizer.service import build
from tocsin_normalizer.settings import NormalizerSettings
from tocsin_runtime.lifecycle import main

if __name__ == "__main__":
    sys.exit(main("tocsin_normalizer", NormalizerSettings, build))
