"""`python -m tocsin_grouper`: run the grouper."""

import sys

from tocsin_grouper.service import build
from tocsin_grouper.settings import GrouperSettings
from tocsin_runtime.lifecycle import main

if __name__ == "__main__":
    sys.exit(main("tocsin_grouper", GrouperSettings, build))
