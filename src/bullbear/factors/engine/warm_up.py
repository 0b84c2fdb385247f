"""How many rows a factor needs before its first value.

A plain window needs its own length, the longest of several theirs. An exponential smoother never quite forgets where it
began: its factor waits until the weight of that start is below rounding, so that more history leaves a row unchanged.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from bullbear.errors import InputError

FORGOTTEN = 1e-14
"""Weight of a start that is forgotten: even one a hundred times as wild as the present then moves 1e-12 at most."""


def in_order(**windows: int) -> int:
    """The last of `windows`; InputError unless they grow from left to right.

    Example
    -------
    >>> in_order(fast=50, slow=200)
    200
    """
    names = list(windows)
    for shorter, longer in pairwise(names):
        if windows[shorter] >= windows[longer]:
            raise InputError(longer, windows[longer], f"more than {shorter} = {windows[shorter]}", "swap or widen them")
    return windows[names[-1]]


def settles(*ratios: float, tolerance: float = 1e-12) -> int:
    """Rows after which a cascade of exponential smoothers has forgotten its start.

    A smoother that keeps the share `r` of its past weighs its start by r**n after n rows; of a cascade the slowest
    dominates, and every further stage of the same speed adds a power of n, hence the search.

    Parameters
    ----------
    ratios
        For each stage the share kept from one row to the next: 1 - 2 / (window + 1) for an EMA, 1 - 1 / window for
        Wilder's smoothing.
    tolerance
        The weight below which the start counts as forgotten.

    Example
    -------
    >>> settles(0.5)
    40
    """
    slowest = max(ratios)
    stages = len(ratios)
    rows = 1
    while True:
        # A negative-binomial tail bounds the start's weight in a cascade of equal stages from above.
        weight = sum(_choose(rows, k) * slowest ** (rows - k) * (1 - slowest) ** k for k in range(stages))
        if weight < tolerance:
            return rows
        rows += 1


def _choose(n: int, k: int) -> float:
    result = 1.0
    for i in range(k):
        result = result * (n - i) / (i + 1)
    return result


@cache
def ema_settles(*windows: int) -> int:
    """Rows after which a cascade of exponential averages, each seeded by a plain mean, has forgotten its start."""
    return sum(windows) + settles(*(1.0 - 2.0 / (window + 1.0) for window in windows), tolerance=FORGOTTEN)


@cache
def wilder_settles(window: int, *, stages: int = 1) -> int:
    """Rows after which `stages` of Wilder's smoothing, each seeded by a plain mean, have forgotten their start."""
    return stages * window + settles(*[1.0 - 1.0 / window] * stages, tolerance=FORGOTTEN) + 1
