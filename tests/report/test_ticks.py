"""Labels of axes say what stands at their tick, on every picture that has per cent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bullbear.odds.definitions import EventSpec
from bullbear.odds.event_paths import EventPaths
from bullbear.report import ModelResult, odds_plot, outlook_plots, plots
from bullbear.report.ticks import PercentTicks, decimals_of


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([-2.5, 0.0, 2.5, 5.0, 7.5], 1),
        ([0.0, 10.0, 20.0], 0),
        ([0.0, 0.25, 0.5], 2),
        ([100 * each for each in np.arange(-3, 4) * 0.025], 1),
        ([1e-9], 6),
        ([], 0),
    ],
)
def test_as_many_decimals_as_the_step_needs(values: list[float], decimals: int) -> None:
    assert decimals_of(values) == decimals


def test_signs_and_zero() -> None:
    assert PercentTicks(signed=True).format_ticks([-0.05, -1e-18, 0.05]) == ["-5%", "0%", "+5%"]
    assert PercentTicks().format_ticks([0.5, 1.0]) == ["50%", "100%"]


def _drawn(monkeypatch: pytest.MonkeyPatch, module: Any, draw: Callable[[], object]) -> Figure:
    figures: list[Figure] = []

    def keep(fill: Callable[[Figure], None], size: tuple[float, float], simulated: bool) -> bytes:
        figures.append(Figure(figsize=size, layout="constrained"))
        fill(figures[-1])
        figures[-1].draw_without_rendering()
        return b""

    monkeypatch.setattr(module, "png", keep)
    draw()
    return figures[0]


def _untrue(figure: Figure) -> list[str]:
    wrong, seen = [], 0
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for each in axis.get_major_ticks():
                tick, text = each.get_loc(), each.label1.get_text().replace("−", "-")
                if text.endswith("%"):
                    seen += 1
                    if float(text[:-1]) != pytest.approx(100 * float(tick), rel=1e-9, abs=1e-9):
                        wrong.append(f"{text} at {100 * tick}")
    assert seen > 3
    return wrong


@pytest.mark.parametrize("reach", [0.004, 0.03, 0.07, 0.11, 0.35])
def test_the_odds_and_the_fan_are_labelled_truly(monkeypatch: pytest.MonkeyPatch, reach: float) -> None:
    steps = np.outer(np.linspace(-reach, reach, 5), np.linspace(0.2, 1.0, 21))
    event = EventSpec(
        name="e", indicator="RSI", direction="bullish", function="rsi", params={"window": 14}, rule="rises_through",
        level=30.0, says="RSI left 30",
    )  # fmt: skip
    day = pd.Timestamp("2019-12-31")
    paths = EventPaths(event, "IWM", day, day, np.column_stack([np.zeros(5), steps]), np.zeros(3))
    assert _untrue(_drawn(monkeypatch, odds_plot, lambda: odds_plot.odds_plot(paths))) == []
    assert _untrue(_drawn(monkeypatch, outlook_plots, lambda: outlook_plots.fan_plot(steps))) == []


def test_the_pictures_of_a_run_are_labelled_truly(monkeypatch: pytest.MonkeyPatch, model: ModelResult) -> None:
    e, result = model.evaluation, model.backtest
    assert result is not None
    for draw in (
        lambda: plots.calibration_plot(e, model.predictions),
        lambda: plots.skill_plot(e),
        lambda: plots.equity_plot(result),
        lambda: plots.probability_plot(model.predictions),
    ):
        assert _untrue(_drawn(monkeypatch, plots, draw)) == []
    record = {"up": model.predictions}
    for other in (
        lambda: outlook_plots.past_outlooks_plot(record),
        lambda: outlook_plots.reliability_plot({"up": e}),
    ):
        assert _untrue(_drawn(monkeypatch, outlook_plots, other)) == []
