"""Whether choosing the best of several models finds skill or luck: combinatorially symmetric cross-validation.

The rows are cut into blocks; in each way to take half of the blocks, the model that is best there is looked up in the
other half. Blocks should be much longer than labels overlap; the rows at their edges are shared by both halves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from bullbear.errors import HistoryError, InputError
from bullbear.statistics.overlap import Array

BLOCKS = 12
"""Blocks by default: 924 splits; a block of fifteen years is 15 months long."""


@dataclass(frozen=True)
class Overfitting:
    """What became of the model that was best in one half of the history, in the other half, over all splits.

    `pbo` is the share of splits in which it fell below the median, `loss_share` that in which it did worse than the
    benchmark, `slope` that of its performance there on its performance where it was chosen (below 0: the better it
    looked, the worse it did).
    """

    pbo: float
    loss_share: float
    slope: float
    models: int
    blocks: int
    splits: int


def overfitting(gains: ArrayLike, *, horizon: int = 1, blocks: int = BLOCKS) -> Overfitting:
    """The probability of backtest overfitting (PBO) of choosing the column with the largest mean gain.

    w = rank in the other half of the column that is best in one, over k + 1;  PBO = share of splits with w <= 1/2, of
    all C(blocks, blocks / 2) splits. Equal performances share their mean rank.

    Among equally good models the choice is a matter of luck, and the PBO about one half, though it does no harm: read
    `loss_share` beside it.

    Parameters
    ----------
    gains
        Gain over the benchmark by row and model, larger is better, shape (n, k): rows in the order of time, k >= 2.
    horizon
        Sessions that a label spans.
    blocks
        An even number of at least 4.

    Raises
    ------
    InputError
        Fewer than two models, an odd number of blocks, or gains that are not finite.
    HistoryError
        Blocks are shorter than two horizons.

    References
    ----------
    Bailey, Borwein, Lopez de Prado and Zhu (2017), Journal of Computational Finance 20(4), doi:10.21314/JCF.2016.322

    Example
    -------
    >>> noise = np.random.default_rng(1).standard_normal((240, 5))
    >>> found = overfitting(noise + [0.0, 0.0, 2.0, 0.0, 0.0])
    >>> found.pbo, found.loss_share, found.splits
    (0.0, 0.0, 924)
    """
    performance = np.asarray(gains, dtype=np.float64)
    if performance.ndim != 2 or performance.shape[1] < 2 or not np.isfinite(performance).all():
        value = f"shape {performance.shape}"
        raise InputError("gains", value, "finite numbers of two or more models, (n, k)", "leave out what has no score")
    if blocks < 4 or blocks % 2:
        raise InputError("blocks", blocks, "an even number from 4 on", "12 gives 924 splits")
    n, k = performance.shape
    if n < 2 * horizon * blocks:
        allowed = f"at least {2 * horizon * blocks}, {blocks} blocks of two horizons"
        raise HistoryError("gains", f"{n} rows", allowed, "wait for more resolved forecasts")
    parts = np.array_split(np.arange(n), blocks)
    sums = np.array([performance[rows].sum(axis=0) for rows in parts])
    sizes = np.array([len(rows) for rows in parts], dtype=np.float64)
    chosen = np.zeros((math.comb(blocks, blocks // 2), blocks))
    for row, inside in enumerate(combinations(range(blocks), blocks // 2)):
        chosen[row, list(inside)] = 1.0
    here = chosen @ sums / (chosen @ sizes)[:, None]
    there = (1.0 - chosen) @ sums / ((1.0 - chosen) @ sizes)[:, None]
    best = here.argmax(axis=1)
    rows = np.arange(len(best))
    looked, became = here[rows, best], there[rows, best]
    below = (there < became[:, None]).sum(axis=1)
    equal = (there == became[:, None]).sum(axis=1)
    rank = (below + (equal + 1) / 2.0) / (k + 1.0)
    return Overfitting(
        pbo=float((rank <= 0.5).mean()),
        loss_share=float((became < 0.0).mean()),
        slope=_slope(looked, became),
        models=k,
        blocks=blocks,
        splits=len(best),
    )


def _slope(x: Array, y: Array) -> float:
    centred = x - x.mean()
    square = float(centred @ centred)
    return float(centred @ y) / square if square > 0.0 else float("nan")
