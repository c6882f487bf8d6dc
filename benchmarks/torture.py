"""The torture: `make torture` searches for ten minutes; `MINUTES=480` goes on longer, and `ARGS="--seed 7"` does the same again.

Two processes give hostile input to every reader, then try schedule after schedule against the promise (`tests/support/torture`).
Prints the seed, each story that breaks the promise, made short, and a line of figures at the end. Exits with 1 on a finding.
"""

import argparse
import multiprocessing
import random
import sys
import time
from collections.abc import Sequence
from itertools import count

from tests.support.torture.campaign import Figures, search
from tests.support.torture.fuzz import READERS
from tests.support.torture.machine import ERPS

_SCHEDULES_AT_ONCE = 25


def main() -> int:
    options = _options()
    print(f"seed {options.seed}, {options.minutes:g} minutes, {options.processes} processes", flush=True)
    kinds, processes, inputs = options.erp or list(ERPS), options.processes, options.inputs // options.processes
    figures, crashes = Figures(), 0
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        numbers = [options.seed * 1_000 + worker for worker in range(processes)]
        for failed in pool.starmap(_read_hostile, [(number, inputs) for number in numbers]):
            crashes += failed
        end = time.monotonic() + options.minutes * 60
        for part in pool.starmap(_search, [(kinds, number, processes, end) for number in numbers]):
            figures.add(part)
    print(f"{inputs * processes} hostile inputs for each of {', '.join(READERS)}: {crashes} findings")
    print(figures)
    return 1 if figures.harms or crashes else 0


def _read_hostile(number: int, inputs: int) -> int:
    """One process's share of the hostile input; tells what was found."""
    failed = 0
    for name, reader in READERS.items():
        try:
            reader(number, inputs)
        except AssertionError as finding:
            failed += 1
            print(f"\n{name}, seed {number}: {finding}\n", flush=True)
    return failed


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="printed, to do the same again")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--inputs", type=int, default=100_000, help="hostile inputs for each reader")
    parser.add_argument("--erp", choices=ERPS, action="append", help="only this kind of ERP; may be repeated")
    return parser.parse_args()


def _search(kinds: Sequence[str], first: int, stride: int, end: float) -> Figures:
    """One process's share: batch after batch until the end, each with another seed; tells each story as it is found."""
    figures = Figures()
    for number in count(first, stride):
        if time.monotonic() >= end:
            return figures
        tried, story = search(kinds[number % len(kinds)], number, _SCHEDULES_AT_ONCE)
        figures.add(tried)
        if story is not None:
            print(f"\n{story}\n", flush=True)
    return figures


if __name__ == "__main__":
    sys.exit(main())
