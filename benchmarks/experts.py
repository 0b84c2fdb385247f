"""Every expert on every question that its file names, on two cores: overhead over the bare fits, and peak memory.

    python -m benchmarks.experts [MODEL ...] [--start 2005-01-03] [--jobs 2]

The market is that of `benchmarks.market`. Each line is a model: seconds of the training against the seconds inside its
learners' fits divided by the cores, and the peak memory of this process and its workers together (proportional set
size, so that pages that they share count once).
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.market import home
from benchmarks.ratio import Ratio
from bullbear.dataset import build_all
from bullbear.learn import train_all

AIM = 1.15
MEMORY = 2.0
"""GB."""


class Peak:
    """The peak memory of this process and all below it, sampled while the block runs."""

    def __enter__(self) -> Peak:
        self.gigabytes = 0.0
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._sample, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()

    def _sample(self) -> None:
        while not self._done.wait(0.2):
            self.gigabytes = max(self.gigabytes, sum(map(_proportional, _family(os.getpid()))) / 2**20)


def _family(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents.setdefault(int(fields[1]), []).append(int(place.name))
    found = [root]
    for each in found:
        found += parents.get(each, [])
    return found


def _proportional(process: int) -> int:
    """Kilobytes."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def measure(names: Sequence[str] = (), start: str | None = None, jobs: int = 2) -> list[Ratio]:
    found = []
    for name in names or home().names("models"):
        model = home().model(name)
        examples = build_all(home().store().as_of(), model.feature_sets, model.definition.targets)
        with Peak() as peak:
            began = time.perf_counter()
            trainings = train_all(model.definition, model.feature_sets, examples, start=start, jobs=jobs)
            ours = time.perf_counter() - began
        # Questions that share a fit share its seconds.
        bare = sum(each.fit_seconds for each in trainings) / jobs
        held = f"{peak.gigabytes:.2f} GB{'' if peak.gigabytes < MEMORY else ' MISSED'}"
        found.append(Ratio(f"{name}, {len(trainings)} questions, {held}", ours, bare or float("nan"), AIM))
        print(found[-1], flush=True)
    whole, fits = sum(each.ours for each in found), sum(each.bare for each in found if each.bare == each.bare)
    return [Ratio("all of them", whole, fits, AIM)]


def main() -> None:
    ask = argparse.ArgumentParser(prog="python -m benchmarks.experts", description=__doc__.split("\n")[0])
    ask.add_argument("models", nargs="*")
    ask.add_argument("--start", help="the first reported day, instead of each model's own")
    ask.add_argument("--jobs", type=int, default=2)
    asked = ask.parse_args()
    for ratio in measure(asked.models, asked.start, asked.jobs):
        print(ratio)


if __name__ == "__main__":
    main()
