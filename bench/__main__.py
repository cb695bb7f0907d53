"""`python -m bench [--only NAME]`: measure, print a table, write bench-results.json."""

import argparse
import sys
from collections.abc import Callable, Mapping

from rich.console import Console

from bench import drain, fold, gateway, listing, normalizer, rebuild, result, ruled_fold, rules, transaction, visible
from bench.result import Result

MEASUREMENTS: Mapping[str, Callable[[], list[Result]]] = {
    "gateway": gateway.measure,
    "transaction": transaction.measure,
    "fold": fold.measure,
    "rules": rules.measure,
    "ruled-fold": ruled_fold.measure,
    "normalizer": normalizer.measure,
    "drain": drain.measure,
    "visible": visible.measure,
    "listing": listing.measure,
    "rebuild": rebuild.measure,
}


def main(arguments: list[str]) -> int:
    """Measure what is asked for; exit code 0 whether goals hold or not: this tells, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Tocsin beside floors taken in the same run.")
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="measure only this; may be repeated")
    wanted = parser.parse_args(arguments).only or list(MEASUREMENTS)
    console = Console(width=None if sys.stdout.isatty() else 140)
    results: list[Result] = []
    for name in wanted:
        console.print(f"Measuring {name} …", style="dim")
        results += MEASUREMENTS[name]()
        result.write(results)  # what was measured is kept, whatever happens next
    console.print(result.table(results))
    missed = [each.name for each in results if each.holds is False]
    console.print(f"{sum(each.holds is True for each in results)} goals hold, {len(missed)} do not. Written: {result.RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
