"""Pictures of the outlook: valid, the same every time, marked when simulated, and true to their numbers."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from bullbear.dataset.predictions import Predictions
from bullbear.report import ModelResult
from bullbear.report import outlook_plots as plots

FAN = np.array([-0.08, -0.02, 0.01, 0.04, 0.09])[:, None] * np.sqrt(np.arange(1, 22) / 21)
PAST = pd.Series(np.linspace(90, 100, 30), pd.bdate_range("2019-11-01", periods=30))
OUTLOOK: list[dict[str, Any]] = [
    {"statement": "The month ends higher.", "p": 0.6, "p_low": 0.5, "p_high": 0.7, "climatology": 0.58},
    {"statement": "A close 8 % lower.", "p": 0.19, "p_low": None, "p_high": None, "climatology": 0.12},
]
Draw = Callable[[ModelResult, bool], bytes]
PLOTS: dict[str, Draw] = {
    "fan": lambda m, s: plots.fan_plot(FAN, usual=1.3 * FAN, past=PAST, simulated=s),
    "usual": lambda m, s: plots.against_usual_plot(OUTLOOK, simulated=s),
    "past": lambda m, s: plots.past_outlooks_plot(dict.fromkeys(("up", "dip5"), m.predictions), simulated=s),
    "reliability": lambda m, s: plots.reliability_plot({"up": m.evaluation, "dip5": m.evaluation}, simulated=s),
}


@pytest.fixture(params=list(PLOTS))
def draw(request: pytest.FixtureRequest) -> Draw:
    return PLOTS[request.param]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: Any, **options: Any) -> None:
        figures.append(figure)
        save(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def test_the_same_input_gives_the_same_bytes_whatever_the_users_settings(draw: Draw, model: ModelResult) -> None:
    first = draw(model, False)
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    with matplotlib.rc_context({"font.size": 20.0}):
        assert draw(model, False) == first


def test_simulated_is_written_across_the_picture(draw: Draw, model: ModelResult) -> None:
    plain, marked = draw(model, False), draw(model, True)
    assert b"SIMULATED" not in plain
    assert b"SIMULATED" in marked
    changed = np.abs(imread(BytesIO(plain)) - imread(BytesIO(marked))).max(axis=2) > 0.05
    assert np.ptp(np.flatnonzero(changed.any(axis=0))) > 0.3 * changed.shape[1]


def test_the_fan_ends_at_its_quantiles_and_begins_at_nothing(drawn: list[Figure]) -> None:
    plots.fan_plot(FAN, usual=1.3 * FAN, past=PAST)
    axes = drawn[0].axes[0]
    lines = {str(line.get_label()): line for line in axes.lines}
    assert lines["median"].get_ydata()[[0, -1]].tolist() == [0.0, pytest.approx(0.01)]  # type: ignore[call-overload,index]
    assert lines["usual 90%"].get_ydata()[-1] == pytest.approx(-0.104)  # type: ignore[index]
    assert lines["so far"].get_ydata()[[0, -1]].tolist() == [pytest.approx(-0.1), 0.0]  # type: ignore[call-overload,index]
    assert [each.get_text() for each in axes.texts] == ["-8.0%", "+1.0%", "+9.0%"]
    assert axes.get_title() == "Total return from the close of 2019-12-12"
    plots.fan_plot(FAN)
    assert drawn[1].axes[0].get_title() == "Total return from today's close"


def test_the_ticks_of_a_narrow_fan_are_not_rounded(drawn: list[Figure]) -> None:
    plots.fan_plot(FAN)
    axis = drawn[0].axes[0].yaxis
    for place in (0.025, -0.075, 0.05, 0.0):
        text = axis.get_major_formatter()(place, None)
        assert float(text.removesuffix("%")) == pytest.approx(100 * place)


def test_every_question_is_named_with_its_probability_and_the_usual_one(drawn: list[Figure]) -> None:
    plots.against_usual_plot(OUTLOOK)
    axes = drawn[0].axes[0]
    assert [each.get_text() for each in axes.texts] == [
        "60% (usually 58%)", "The month ends higher", "19% (usually 12%)", "A close 8 % lower",
    ]  # fmt: skip
    assert [bar.get_width() for bar in axes.patches] == [0.6, 0.19]  # type: ignore[attr-defined]
    vertical = [line for line in axes.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]  # type: ignore[arg-type]
    assert [line.get_xdata()[0] for line in vertical] == [0.58, 0.12]  # type: ignore[index]


def test_reliability_shows_the_calibration_of_each_question(drawn: list[Figure], model: ModelResult) -> None:
    plots.reliability_plot({"up": model.evaluation, "dip5": model.evaluation, "vol20": model.evaluation})
    panels = drawn[0].axes
    assert [axes.get_visible() for axes in panels] == [True, True, True, False]
    assert panels[2].get_title() == f"vol20: skill {model.evaluation.bss:+.1%}"
    points = panels[1].containers[0].lines[0]  # type: ignore[attr-defined]
    assert points.get_xdata().tolist() == [each.mean_p for each in model.evaluation.calibration]
    assert points.get_ydata().tolist() == [each.share_up for each in model.evaluation.calibration]


def test_pictures_of_little_are_drawn_too(model: ModelResult) -> None:
    unresolved = Predictions(model.predictions.table.assign(y=np.nan).tail(1))
    for png in (
        plots.past_outlooks_plot({"up": unresolved}),
        plots.past_outlooks_plot({}),
        plots.against_usual_plot([]),
        plots.reliability_plot({}),
        plots.fan_plot(FAN[:, :1]),
    ):
        assert png.startswith(b"\x89PNG")
