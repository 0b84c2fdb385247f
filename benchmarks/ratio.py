"""Two pieces of work timed in turn, several times, so that whatever disturbs the machine disturbs both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Ratio:
    """`ours` over `bare`, medians in `unit`, and what the ratio is meant to stay below (None: told, not aimed at)."""

    name: str
    ours: float
    bare: float
    aim: float | None
    unit: str = "s"

    @property
    def value(self) -> float:
        return self.ours / self.bare

    def __str__(self) -> str:
        aim = "" if self.aim is None else f"  aim {self.aim:g}  {'met' if self.value <= self.aim else 'MISSED'}"
        return f"{self.name:<58} {self.ours:9.4f} {self.unit} / {self.bare:9.4f} {self.unit} = {self.value:6.2f}{aim}"


def interleaved(
    name: str, ours: Callable[[], object], bare: Callable[[], object], *, rounds: int, aim: float | None
) -> Ratio:
    """Time both, alternating; one unmeasured round warms caches."""
    return alternating(name, lambda: _seconds(ours), lambda: _seconds(bare), rounds=rounds, aim=aim)


def alternating(
    name: str, ours: Callable[[], float], bare: Callable[[], float], *, rounds: int, aim: float | None
) -> Ratio:
    """Both in turn, which say themselves what they took; one unmeasured round warms caches."""
    ours()
    bare()
    pairs = [(ours(), bare()) for _ in range(rounds)]
    return Ratio(name, median(a for a, _ in pairs), median(b for _, b in pairs), aim)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
