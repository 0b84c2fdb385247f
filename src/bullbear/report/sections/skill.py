"""How well the direction is forecast: skill against the base rate, the evidence behind it, and what it cannot say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bullbear.evaluate import Evaluation
from bullbear.report import tables
from bullbear.report.charts import PER_CENT, Chart
from bullbear.report.palette import SERIES, role
from bullbear.report.section import Block, Details, Facts, Heading, Section, Text, Tile, Tiles
from bullbear.report.tables import ModelResult, number
from bullbear.report.words import per_cent

_WORST, _HALF_A_YEAR = -100.0, 126
"""A year's skill in per cent below which its bar is cut, and the days below which it is pale."""


def skill_section(models: Sequence[ModelResult], champion: str | None) -> Section:
    """Skill, years, evidence and calibration of each model."""
    picked = f" The best of {len(models)} models looks better than it is, because it was picked." if models[1:] else ""
    blocks: list[Block] = [
        Text(
            "Skill above zero is better than always forecasting the base rate. Only an interval that excludes zero "
            f"shows a difference.{picked}"
        )
    ]
    for place, model in enumerate(models):
        e = model.evaluation
        named = f"{model.name} (champion)" if model.run_id == champion else model.name
        blocks += [Heading(f"Model {named}"), Text(f"{model.intent} Verdict: {tables.verdict(e)}.")]
        if any(part.bss != 0.0 for part in e.by_year):  # the base rate differs from itself in no year
            blocks += [Tiles(_tiles(e)), _years(e, model.name, place)]
        if model.weights is not None and len(model.weights):
            blocks.append(_weights(model, model.weights, place))
        evidence: list[Block] = [Facts(_evidence(model)), tables.calibration(e), tables.by_year(e)]
        blocks.append(Details("Evidence, calibration and years", evidence))
    return Section("skill", "How well the direction is forecast", blocks, "Direction")


def _tiles(e: Evaluation) -> list[Tile]:
    level = per_cent(e.level)
    return [
        Tile("Brier skill", per_cent(e.bss, 1, signed=True), f"{level} interval {_range(e.bss_low, e.bss_high)}"),
        Tile(
            "Log-loss skill",
            per_cent(e.log_loss_skill, 1, signed=True),
            f"{level} interval {_range(e.log_loss_skill_low, e.log_loss_skill_high)}",
        ),
        Tile("AUC", number(e.auc, 3), f"{number(e.auc_null, 3)} by chance"),
        Tile("Calibration error", per_cent(e.ece, 1), f"{per_cent(e.ece_null, 1)} by chance"),
    ]


def _evidence(model: ModelResult) -> list[tuple[str, str]]:
    e = model.evaluation
    return [
        ("run", model.run_id),
        ("decided", f"{e.first:%Y-%m-%d} to {e.last:%Y-%m-%d}"),
        ("days", f"{e.n:,}, which hold as much as {number(e.n_effective, 0)} independent ones"),
        ("Brier score", f"{number(e.brier, 4)}; the base rate's {number(e.brier_climatology, 4)}"),
        ("AUC", f"{number(e.auc, 3)}, interval {number(e.auc_low, 3)} to {number(e.auc_high, 3)}"),
        (
            "AUC by chance",
            f"{number(e.auc_null, 3)}, range {number(e.auc_null_low, 3)} to {number(e.auc_null_high, 3)}: of the same "
            "forecasts at the wrong times",
        ),
        (
            "calibration error by chance",
            f"{per_cent(e.ece_null, 1)}, range {per_cent(e.ece_null_low, 1)} to {per_cent(e.ece_null_high, 1)}",
        ),
        ("test of Diebold and Mariano", f"p {p_value(e.dm_p_value)} (two-sided)"),
        ("test of Clark and West", f"p {p_value(e.cw_p_value)} (one-sided)"),
    ]


def _years(e: Evaluation, name: str, place: int) -> Chart:
    """Bars of skill by year over the band of the whole record; what lies below -100 % is cut and written."""
    years = [int(part.label) for part in e.by_year]
    skill = 100.0 * np.array([part.bss for part in e.by_year], dtype=float)
    colours = [
        role("bull" if each >= 0.0 else "bear", 1.0 if part.n >= _HALF_A_YEAR else 0.45)
        for each, part in zip(skill, e.by_year, strict=True)
    ]
    bars = {
        "type": "bar", "x": years, "y": np.maximum(skill, _WORST), "marker": {"color": colours}, "showlegend": False,
        "text": [f"{each:.0f} %" if each < _WORST else "" for each in skill], "textposition": "outside",
        "customdata": skill.tolist(), "hovertemplate": "%{customdata:+.1f} %<extra></extra>",
    }  # fmt: skip
    layout: dict[str, Any] = {
        "xaxis": {"tickformat": "d", "nticks": 12},
        "yaxis": {"zeroline": True, "zerolinecolor": role("ink"), "zerolinewidth": 1.2, **PER_CENT},
    }
    if np.isfinite([e.bss_low, e.bss_high]).all():
        layout["shapes"] = [
            {
                "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": 100.0 * e.bss_low, "y1": 100.0 * e.bss_high,
                "fillcolor": role("grey", 0.22), "line": {"width": 0}, "layer": "below",
            }
        ]  # fmt: skip
    return Chart(
        f"years-{place}",
        "Brier skill by year",
        {"data": [bars], "layout": layout},
        f"Above zero: better than the base rate in that year. The band is the {per_cent(e.level)} interval of all "
        "years together; single years are mostly noise, and pale ones are parts of a year.",
        f"Bars: the Brier skill of {name} by year; {per_cent(e.bss, 1, signed=True)} over all years.",
        height=300,
    )


def _weights(model: ModelResult, weights: pd.DataFrame, place: int) -> Chart:
    *members, rest = weights.columns
    colours = [role("grey"), *(role(name) for name in SERIES if name != "grey")]
    traces = [
        {
            "type": "scatter", "mode": "lines", "stackgroup": "weights", "name": str(name),
            "x": pd.DatetimeIndex(weights.index), "y": 100.0 * weights[name].to_numpy(dtype=float),
            "line": {"width": 0.5, "color": colours[nth % len(colours)], "shape": "hv"}, "hovertemplate": "%{y:.0f} %",
        }
        for nth, name in enumerate([rest, *members])
    ]  # fmt: skip
    newest = ", ".join(f"{name} {per_cent(float(weight))}" for name, weight in weights.iloc[-1].items())
    return Chart(
        f"weights-{place}",
        f"Weights of the members of {model.name}",
        {"data": traces, "layout": {"xaxis": {"type": "date"}, "yaxis": {"range": [0, 100], **PER_CENT}}},
        f"What each member of the pool weighs from each fit on, above the base rate; newest: {newest}.",
        f"Layers: the weight of each member by the day of the fit; newest: {newest}.",
        height=320,
    )


def p_value(value: float) -> str:
    """A p-value; what is tiny is a bound.

    Example
    -------
    >>> p_value(0.0004), p_value(0.0312), p_value(float("nan"))
    ('below 0.001', '0.031', '–')
    """
    return "below 0.001" if value < 0.001 else number(value, 3)


def _range(low: float, high: float) -> str:
    return f"{per_cent(low, 1, signed=True)} to {per_cent(high, 1, signed=True)}"


def limits_section() -> Section:
    """What the page can and cannot say."""
    return Section(
        "limits",
        "What this can and cannot do",
        [
            Text(
                "Whether a stock index stands higher a month from now is almost unpredictable. It does so more often "
                "than not, and that long-run share, the base rate, is hard to beat: an honest forecast stays near it "
                "on most days, and a skill of one or two per cent would be a lot. Volatility, and how far the month "
                "will range, can be forecast better. Do not trust forecasts far from the base rate without a record "
                "that supports them."
            ),
            Text(
                "The page can say how often past forecasts of this size came true, on days that the model had not "
                "seen, and how certain that is. It cannot promise that past skill lasts, foresee a crash, or turn a "
                "small edge into a large profit."
            ),
            Text(
                "The backtest trades at the next open and pays spreads, but no taxes, and its rules were written with "
                "the past in view. Where the policy does not beat buy and hold by more than its interval, it has not "
                "been shown to beat it. This is not investment advice."
            ),
        ],
        "Limits",
    )
