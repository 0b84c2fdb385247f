"""The skill of the models of the direction against the base rate, with the evidence behind it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bullbear.report import tables
from bullbear.report.charts import PER_CENT, Chart
from bullbear.report.palette import SERIES, role
from bullbear.report.section import Block, Details, Heading, Section, Text
from bullbear.report.tables import ModelResult
from bullbear.report.words import per_cent


def skill_section(models: Sequence[ModelResult], champion: str | None) -> Section:
    """Skill and evidence of every model, then each one's years and calibration."""
    picked = f" The best of {len(models)} models looks better than it is, because it was picked." if models[1:] else ""
    blocks: list[Block] = [
        Text(
            "Skill above zero is better than always forecasting the base rate. Only an interval that excludes zero "
            f"shows a difference.{picked}"
        ),
        tables.skill(models, champion),
        tables.evidence(models, champion),
    ]
    for model in models:
        e = model.evaluation
        blocks += [Heading(f"Model {model.name}"), Text(f"{model.intent} Verdict: {tables.verdict(e)}.")]
        if model.weights is not None and len(model.weights):
            blocks.append(_weights(model, model.weights))
        blocks.append(Details("Calibration and years", [tables.calibration(e), tables.by_year(e)]))
    return Section("skill", "Skill of the models of the direction", blocks, "Skill")


def _weights(model: ModelResult, weights: pd.DataFrame) -> Chart:
    *members, rest = weights.columns
    colours = [role("grey"), *(role(name) for name in SERIES if name != "grey")]
    traces = [
        {
            "type": "scatter", "mode": "lines", "stackgroup": "weights", "name": str(name),
            "x": pd.DatetimeIndex(weights.index), "y": 100.0 * weights[name].to_numpy(dtype=float),
            "line": {"width": 0.5, "color": colours[place % len(colours)], "shape": "hv"},
            "hovertemplate": "%{y:.0f} %",
        }
        for place, name in enumerate([rest, *members])
    ]  # fmt: skip
    newest = ", ".join(f"{name} {per_cent(float(weight))}" for name, weight in weights.iloc[-1].items())
    return Chart(
        f"weights-{model.run_id}",
        f"Weights of the members of {model.name}",
        {"data": traces, "layout": {"xaxis": {"type": "date"}, "yaxis": {"range": [0, 100], **PER_CENT}}},
        f"What each member of the pool weighs from each fit on, above the base rate; newest: {newest}.",
        f"Layers: the weight of each member by the day of the fit; newest: {newest}.",
        height=320,
    )


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
