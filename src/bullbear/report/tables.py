"""Results as tables of text, for the report.

Probabilities and returns are in per cent; an undetermined number is a dash.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from bullbear.dataset import Predictions
from bullbear.decide import Backtest
from bullbear.evaluate import Evaluation

UNKNOWN = "–"


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


def percent(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A fraction in per cent.

    Example
    -------
    >>> percent(0.0123, signed=True), percent(float("nan")), percent(0.5, 0)
    ('+1.2%', '–', '50%')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:{'+' if signed else ''}.{digits}%}"


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


def skill(models: Sequence[ModelResult], champion: str | None) -> Table:
    """Every model against the base rate, which stands last."""
    rows = [
        (
            _shown(model, champion),
            verdict(e),
            _interval(e.bss, e.bss_low, e.bss_high),
            _interval(e.log_loss_skill, e.log_loss_skill_low, e.log_loss_skill_high),
            f"{number(e.auc, 3)} [{number(e.auc_low, 3)}, {number(e.auc_high, 3)}]",
            f"{number(e.auc_null, 3)} [{number(e.auc_null_low, 3)}, {number(e.auc_null_high, 3)}]",
        )
        for model in models
        for e in (model.evaluation,)
    ]
    rows.append(("base rate", "the benchmark", "0", "0", "", ""))
    return Table(
        f"Out-of-sample skill against the base rate, with {models[0].evaluation.level:.0%} intervals in brackets "
        "(stationary bootstrap), and the AUC of the same forecasts at the wrong times",
        ("model", "verdict", "Brier skill", "log-loss skill", "AUC", "AUC by chance"),
        tuple(rows),
    )


def evidence(models: Sequence[ModelResult], champion: str | None) -> Table:
    """The evidence behind the skills: numbers of days, raw scores and tests."""
    return Table(
        "Evidence behind the skills; p-values of the tests of Diebold-Mariano (two-sided) and Clark-West (one-sided)",
        ("model", "run", "decided", "days", "effective days", "Brier", "Brier of the base rate", "calibration error",
         "calibration error by chance", "p, Diebold-Mariano", "p, Clark-West"),
        tuple(
            (
                _shown(model, champion),
                model.run_id[:8],
                f"{e.first:%Y-%m} to {e.last:%Y-%m}",
                f"{e.n:,}",
                number(e.n_effective, 0),
                number(e.brier, 4),
                number(e.brier_climatology, 4),
                percent(e.ece),
                f"{percent(e.ece_null)} [{percent(e.ece_null_low)}, {percent(e.ece_null_high)}]",
                _p_value(e.dm_p_value),
                _p_value(e.cw_p_value),
            )
            for model in models
            for e in (model.evaluation,)
        ),
    )  # fmt: skip


def calibration(evaluation: Evaluation) -> Table:
    """Equal-mass bins of the forecast with the share of ups in each."""
    return Table(
        f"Calibration: share of ups by forecast ({evaluation.level:.0%} Wilson intervals over "
        "the effective number of days)",
        ("mean forecast", "days", "share of ups", "interval"),
        tuple(
            (percent(b.mean_p), f"{b.n:,}", percent(b.share_up), f"{percent(b.low)} to {percent(b.high)}")
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
                percent(s.bss, signed=True),
                percent(s.log_loss_skill, signed=True),
                percent(s.share_up),
                percent(s.mean_p),
            )
            for s in evaluation.by_year
        ),
    )


def outlook(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Every question of a forecast beside its base rate, and whose forecast it is with what skill."""
    return Table(
        "Every question beside its base rate; intervals are of 90%. The skill is that of the question's champion, "
        "measured at its promotion",
        ("question", "statement", "forecast", "interval", "base rate", "skill", "champion"),
        tuple(
            (
                str(row["question"]),
                str(row["statement"]),
                percent(row["p"]),
                f"{percent(row['p_low'])} to {percent(row['p_high'])}",
                percent(row["climatology"]),
                UNKNOWN if row["model"] is None else _interval(row["skill"], row["skill_low"], row["skill_high"]),
                "none: the base rate" if row["model"] is None else f"{row['model']} {str(row['run_id'])[:8]}",
            )
            for row in rows
        ),
    )


def distribution(found: Mapping[str, Any] | None) -> str | None:
    """The forecast volatility beside the usual one, and the quantiles of the return; None without a distribution."""
    if found is None:
        return None
    quantiles = ", ".join(
        f"{float(level):.0%} below {percent(value, signed=True)}" for level, value in found["quantiles"].items()
    )
    usual = f" (usually {percent(found['volatility_climatology'])})"
    return f"Forecast volatility {percent(found['volatility'])} a year{usual}. Quantiles of the return: {quantiles}."


def positions(forecast: Mapping[str, Any]) -> Table:
    """Target weights from the next open on."""
    return Table(
        "Positions from the next open on",
        ("ticker", "weight"),
        tuple((str(t), percent(w)) for t, w in forecast["positions"].items()),
    )


def stops(forecast: Mapping[str, Any]) -> Table:
    """Standing levels: at the next open a close below a stop sells, one at or above a re-entry level buys.

    A stop order sells in the session itself.
    """
    standing = (*forecast["stops"], *forecast.get("reentries", ()))
    names = {"exit": "stop", "reentry": "re-entry"}
    has_orders = any(each.get("resting") for each in standing)
    return Table(
        f"Stops and re-entry levels, checked at closes{' but for stop orders' if has_orders else ''}",
        ("ticker", "level", "price", "ATR", "least distance in ATRs"),
        tuple(
            (
                str(each["ticker"]),
                "stop order" if each.get("resting") else names[each.get("side", "exit")],
                number(each["level"]),
                number(each["atr"]),
                number(each["multiple"]),
            )
            for each in standing
        ),
    )


def drivers(forecast: Mapping[str, Any]) -> Table:
    """The factors that moved this forecast, in the order given."""
    return Table(
        "Drivers: what moves this forecast away from the base rate (log-odds, after calibration)",
        ("factor", "value", "contribution"),
        tuple(
            (
                str(d["factor"]),
                UNKNOWN if d["value"] is None else f"{d['value']:.4g}",
                UNKNOWN if d["contribution"] is None else f"{d['contribution']:+.4f}",
            )
            for d in forecast["drivers"]
        ),
    )


def _shown(model: ModelResult, champion: str | None) -> str:
    return f"{model.name} (champion)" if model.run_id == champion else model.name


def _p_value(value: float) -> str:
    return "<0.001" if value < 0.001 else number(value, 3)


def _interval(estimate: float | None, low: float | None, high: float | None) -> str:
    return f"{percent(estimate, signed=True)} [{percent(low, signed=True)}, {percent(high, signed=True)}]"
