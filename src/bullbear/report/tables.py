"""A table of text, the results of a model, and what several sections write of them.

Probabilities are in per cent; an undetermined number is a dash.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from bullbear.dataset import Predictions
from bullbear.decide import Backtest
from bullbear.evaluate import Evaluation
from bullbear.report.words import UNKNOWN, per_cent


@dataclass(frozen=True)
class ModelResult:
    """What the report shows of a model: out-of-sample `predictions`, their evaluation and, if any, a backtest."""

    name: str
    run_id: str
    intent: str
    evaluation: Evaluation
    backtest: Backtest | None
    predictions: Predictions
    weights: pd.DataFrame | None = None
    """Of the members of a pool by the close of each fit; see `learn.Training.weights`."""


@dataclass(frozen=True)
class Table:
    """A caption, the column heads, and rows of text whose first cell names the row.

    `tones` shade the cells: by row and column, from -1 (falling) to 1 (rising), None for none. `stack`: on a phone each
    row becomes a list of its cells, for tables with sentences in them; others scroll in their own box. `left` are the
    places of columns of words.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    tones: tuple[tuple[float | None, ...], ...] = ()
    stack: bool = False
    left: tuple[int, ...] = (0,)
    kind: ClassVar[str] = "table"

    def tone(self, row: int, column: int) -> str:
        """The style class of a cell: `tone-5` to `tone5`, or none."""
        value = self.tones[row][column] if self.tones else None
        return "" if value is None or not math.isfinite(value) else f"tone{round(5 * max(-1.0, min(1.0, value)))}"


def number(value: float | None, digits: int = 2) -> str:
    """A plain number with a fixed number of decimals."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def instant(value: Any) -> str:
    """An instant, or its ISO text, to the minute in UTC; other text stays as it is."""
    try:
        moment = pd.Timestamp(value)
    except ValueError:
        return str(value)
    if pd.isna(moment):
        return UNKNOWN
    if moment.tzinfo is None:
        return moment.strftime("%Y-%m-%d")
    return moment.tz_convert("UTC").strftime("%Y-%m-%d %H:%M UTC")


def verdict(evaluation: Evaluation) -> str:
    """What the interval of the Brier skill shows."""
    if evaluation.bss_low > 0.0:
        return "better than the base rate"
    if evaluation.bss_high < 0.0:
        return "worse than the base rate"
    return "no difference from the base rate shown"


def calibration(evaluation: Evaluation) -> Table:
    """Equal-mass bins of the forecast with the share of ups in each."""
    return Table(
        f"Calibration: share of ups by forecast ({per_cent(evaluation.level)} Wilson intervals over the effective "
        "number of days)",
        ("mean forecast", "days", "share of ups", "interval"),
        tuple(
            (
                per_cent(b.mean_p, 1),
                f"{b.n:,}",
                per_cent(b.share_up, 1),
                f"{per_cent(b.low, 1)} to {per_cent(b.high, 1)}",
            )
            for b in evaluation.calibration
        ),
    )


def by_year(evaluation: Evaluation) -> Table:
    """Skill of each calendar year."""
    return Table(
        "Skill by calendar year; single years are mostly noise",
        ("year", "days", "Brier skill", "log-loss skill", "share of ups", "mean forecast"),
        tuple(
            (
                s.label,
                f"{s.n:,}",
                per_cent(s.bss, 1, signed=True),
                per_cent(s.log_loss_skill, 1, signed=True),
                per_cent(s.share_up, 1),
                per_cent(s.mean_p, 1),
            )
            for s in evaluation.by_year
        ),
    )
