"""`python -m benchmarks [NAME ...]`: run the benchmarks and print their ratios."""

from __future__ import annotations

import importlib
import os
import platform
import sys

ALL = ("factor_matrix", "walk_forward", "tuning", "outlook", "forecast", "odds", "backtests", "store")


def main(names: list[str]) -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}; medians of one run")
    for name in names or ALL:
        for ratio in importlib.import_module(f"benchmarks.{name}").measure():
            print(ratio, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
