"""The pictures: valid, the same every time, marked when simulated, and alive on poor data."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread

from bullbear.report import ModelResult, plots

Draw = Callable[[ModelResult, bool], bytes]


def _equity(model: ModelResult, simulated: bool) -> bytes:
    assert model.backtest is not None
    return plots.equity_plot(model.backtest, simulated=simulated)


PLOTS: dict[str, Draw] = {
    "calibration": lambda m, s: plots.calibration_plot(m.evaluation, m.predictions, simulated=s),
    "skill": lambda m, s: plots.skill_plot(m.evaluation, simulated=s),
    "equity": _equity,
    "probability": lambda m, s: plots.probability_plot(m.predictions, simulated=s),
}


@pytest.fixture(params=list(PLOTS))
def draw(request: pytest.FixtureRequest) -> Draw:
    return PLOTS[request.param]


def _chunks(png: bytes) -> list[bytes]:
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        names.append(png[at + 4 : at + 8])
        at += 12 + length
    return names


def test_the_same_input_gives_the_same_bytes_whatever_the_users_settings(draw: Draw, model: ModelResult) -> None:
    first = draw(model, False)
    with matplotlib.rc_context({"font.size": 20.0, "axes.facecolor": "yellow"}):
        assert draw(model, False) == first
        assert matplotlib.rcParams["font.size"] == 20.0  # the user's settings survive


def test_it_is_a_png_without_time_or_software(draw: Draw, model: ModelResult) -> None:
    png = draw(model, False)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert set(_chunks(png)) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    height, width, _ = imread(BytesIO(png)).shape
    assert width > 700
    assert height > 400


def test_simulated_is_written_across_the_picture(draw: Draw, model: ModelResult) -> None:
    plain, marked = draw(model, False), draw(model, True)
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
    bare = model.predictions.assign(p_low=np.nan, p_high=np.nan, y=np.nan)
    assert plots.probability_plot(bare).startswith(b"\x89PNG")


def test_constant_forecasts_are_drawn(model: ModelResult) -> None:
    constant = model.predictions.assign(p=0.6)
    assert plots.calibration_plot(model.evaluation, constant).startswith(b"\x89PNG")
