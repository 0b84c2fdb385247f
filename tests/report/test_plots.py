"""The pictures: valid, the same every time, marked when simulated, and alive on poor data."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from bullbear.dataset.predictions import Predictions
from bullbear.report import ModelResult, plots

Draw = Callable[[ModelResult, bool], bytes]


def _equity(model: ModelResult, simulated: bool) -> bytes:
    assert model.backtest is not None
    return plots.equity_plot(model.backtest, simulated=simulated)


def _values(model: ModelResult) -> pd.Series:
    days = pd.DatetimeIndex(model.predictions.table["decided_at"].dt.tz_convert(None).dt.normalize())
    return pd.Series(model.predictions.table["p"].to_numpy(), days, name="p")


def _weights() -> pd.DataFrame:
    fits = pd.date_range("2005-01-31", periods=6, freq="ME", tz="UTC")
    members = {f"member {number}": np.linspace(0.02, 0.11 - 0.01 * number, 6) for number in range(9)}
    return pd.DataFrame(members, fits).assign(**{"base rate": lambda table: 1.0 - table.sum(axis="columns")})


PLOTS: dict[str, Draw] = {
    "calibration": lambda m, s: plots.calibration_plot(m.evaluation, m.predictions, simulated=s),
    "skill": lambda m, s: plots.skill_plot(m.evaluation, simulated=s),
    "equity": _equity,
    "probability": lambda m, s: plots.probability_plot(m.predictions, simulated=s),
    "weights": lambda m, s: plots.weights_plot(_weights(), simulated=s),
    "factor": lambda m, s: plots.factor_plot(_values(m), unit="share", summary="What is said.", simulated=s),
}


@pytest.fixture(params=list(PLOTS))
def draw(request: pytest.FixtureRequest) -> Draw:
    return PLOTS[request.param]


_drawn: dict[Draw, bytes] = {}


def _once(draw: Draw, model: ModelResult) -> bytes:
    """The unmarked picture of the model of the session, drawn by the first test that looks at it."""
    if draw not in _drawn:
        _drawn[draw] = draw(model, False)
    return _drawn[draw]


def _chunks(png: bytes) -> list[bytes]:
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        names.append(png[at + 4 : at + 8])
        at += 12 + length
    return names


def test_the_same_input_gives_the_same_bytes_whatever_the_users_settings(draw: Draw, model: ModelResult) -> None:
    first = _once(draw, model)
    with matplotlib.rc_context({"font.size": 20.0, "axes.facecolor": "yellow"}):
        assert draw(model, False) == first
        assert matplotlib.rcParams["font.size"] == 20.0  # the user's settings survive


def test_it_is_a_png_without_time_or_software(draw: Draw, model: ModelResult) -> None:
    png = _once(draw, model)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert set(_chunks(png)) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    height, width, _ = imread(BytesIO(png)).shape
    assert width > 700
    assert height > 400


def test_simulated_is_written_across_the_picture(draw: Draw, model: ModelResult) -> None:
    plain, marked = _once(draw, model), draw(model, True)
    assert b"SIMULATED" not in plain
    assert b"SIMULATED" in marked
    changed = np.abs(imread(BytesIO(plain)) - imread(BytesIO(marked))).max(axis=2) > 0.05
    columns = np.flatnonzero(changed.any(axis=0))
    assert np.ptp(columns) > 0.5 * changed.shape[1]  # the picture itself did not move: only the mark differs
    assert 0.01 < changed.mean() < 0.2


def test_undetermined_years_and_intervals_are_drawn_as_gaps(model: ModelResult) -> None:
    nan = float("nan")
    years = (replace(model.evaluation.by_year[0], bss=nan), replace(model.evaluation.by_year[1], bss=-7.5, n=20))
    poor = replace(model.evaluation, bss_low=nan, bss_high=nan, by_year=years)
    assert plots.skill_plot(poor).startswith(b"\x89PNG")


def test_forecasts_without_interval_or_outcome_are_drawn(model: ModelResult) -> None:
    bare = Predictions(model.predictions.table.assign(p_low=np.nan, p_high=np.nan, y=np.nan))
    assert plots.probability_plot(bare).startswith(b"\x89PNG")


def test_constant_forecasts_are_drawn(model: ModelResult) -> None:
    constant = Predictions(model.predictions.table.assign(p=0.6, p_low=np.nan, p_high=np.nan))
    assert plots.calibration_plot(model.evaluation, constant).startswith(b"\x89PNG")


def test_a_factor_is_drawn_with_its_last_known_value_and_open_where_it_is_missing(
    model: ModelResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = _values(model)
    values.iloc[-3:] = [0.25, np.nan, np.nan]
    drawn = Figure()
    monkeypatch.setattr(plots, "png", lambda draw, size, simulated: draw(drawn) or b"")
    plots.factor_plot(values, unit="share", summary="What is said.")
    (axes,) = drawn.axes
    assert axes.get_title() == f"p: 0.25 on {values.index[-3].date()}\nWhat is said."
    assert np.isnan(axes.lines[0].get_ydata()[-2:]).all()
    plots.factor_plot(values * np.nan, unit="share", summary="What is said.")
    assert drawn.axes[-1].get_title() == "p\nWhat is said."


def test_another_question_than_up_is_named(model: ModelResult, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **k: (figures.append(figure), save(figure, *a, **k))[1])
    plots.calibration_plot(replace(model.evaluation, question="dip5"), model.predictions)
    plots.probability_plot(Predictions(model.predictions.table.assign(question="dip5")))
    top, bottom = figures[0].axes
    assert (top.get_ylabel(), bottom.get_xlabel()) == ("share of yes", "forecast P(dip5)")
    assert [each.get_text() for each in figures[1].axes[0].texts] == ["yes", "no"]
    assert "forecast P(dip5)" in figures[1].axes[0].get_legend_handles_labels()[1]
