"""`make fuzz`: mutate the recorded bodies of every source; report what breaks, and the slowest of each source.

`python -m tests.fuzz --runs 20000 --seed 7 --only datadog`; `--case 812` tries one again, `--save FILE` keeps its body.
"""

import argparse
import sys
import traceback
from collections import Counter
from pathlib import Path

from tests.fuzz.trial import Case, case_of, tried
from tests.support.folding import Folding
from tocsin_sources import registry

_FRESH_EVERY = 100
"""Cases that share one partition's state."""
_SHOWN_MAX = 5


def main(arguments: list[str] | None = None) -> int:
    """Run; gives 1 where anything broke."""
    options = _options(arguments)
    broken = sum(_source(name, options) for name in ([options.only] if options.only else registry.names()))
    sys.stdout.write(f"{broken} of {options.runs} a source broke something\n" if broken else "nothing broke\n")
    return 1 if broken else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000, help="cases of each source")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=registry.names(), help="one source")
    parser.add_argument("--case", type=int, help="one case of it")
    parser.add_argument("--save", type=Path, help="where to write that case's body")
    return parser.parse_args(arguments)


def _source(name: str, options: argparse.Namespace) -> int:
    """Try the cases of one source; gives how many broke."""
    outcomes: Counter[str] = Counter()
    slowest, took, broken = None, -1.0, 0
    folding = Folding()
    for number in range(options.runs) if options.case is None else (options.case,):
        case = case_of(options.seed, name, number)
        if options.save is not None:
            options.save.write_bytes(case.body)
        if number % _FRESH_EVERY == 0:
            folding = Folding()
        try:
            result = tried(case, folding)
        except Exception:  # noqa: BLE001 # finding these is what it is for
            broken += 1
            if broken <= _SHOWN_MAX:
                sys.stdout.write(f"{_named(case)}\n{traceback.format_exc(limit=-4)}\n")
            continue
        outcomes[result.outcome] += 1
        if result.seconds > took:
            slowest, took = case, result.seconds
    _report(name, outcomes, slowest, took)
    return broken


def _report(name: str, outcomes: Counter[str], slowest: Case | None, took: float) -> None:
    said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common(5))
    sys.stdout.write(f"{name}: {said}\n")
    if slowest is not None:
        sys.stdout.write(f"  slowest: {took * 1_000:.1f} ms for {len(slowest.body):,} bytes: {_named(slowest)}\n")


def _named(case: Case) -> str:
    """Say how to try a case again."""
    return f"--only {case.source} --seed {case.seed} --case {case.number} (from {case.sample})"


if __name__ == "__main__":
    sys.exit(main())
