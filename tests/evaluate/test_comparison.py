"""Pairs of forecasters on their common sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.errors import HistoryError, InputError
from bullbear.evaluate import Comparison, compare
from bullbear.evaluate.significance import diebold_mariano


@pytest.fixture
def frames(market) -> dict[str, pd.DataFrame]:
    """The truth, a blurred truth and climatology; the blurred one starts 100 sessions late."""
    n = 900
    rng = np.random.default_rng(17)
    made = market(n, rng, 0.06)
    days = pd.date_range("2012-01-02 21:00", periods=n + 21, freq="B", tz="UTC")
    frame = pd.DataFrame({"decided_at": days[:n], "resolved_at": days[21:], "asset": "IWM"})
    frame["climatology"] = made.climatology
    frame["y"] = np.where(np.arange(n) < n - 10, made.y, np.nan)
    blurred = np.clip(made.truth + 0.2 * rng.standard_normal(n), 0.02, 0.98)
    return {
        "truth": frame.assign(p=made.truth),
        "blurred": frame.assign(p=blurred).iloc[100:],
        "climatology": frame.assign(p=made.climatology),
    }


def compared(frames: dict[str, pd.DataFrame], **options) -> list[Comparison]:
    return compare({name: Predictions.of(**frame) for name, frame in frames.items()}, **options)


def test_every_pair_on_the_common_resolved_sessions(frames):
    pairs = compared(frames, resamples=200)
    assert [(pair.first, pair.second) for pair in pairs] == [
        ("truth", "blurred"),
        ("truth", "climatology"),
        ("blurred", "climatology"),
    ]
    assert {pair.n for pair in pairs} == {790}


def test_gain_and_test_are_those_of_the_common_rows(frames):
    pair = compared(frames, resamples=200)[0]
    one, other = frames["truth"].iloc[100:890], frames["blurred"].iloc[:790]
    y = one["y"].to_numpy()
    expected = np.mean((other["p"].to_numpy() - y) ** 2 - (one["p"].to_numpy() - y) ** 2)
    test = diebold_mariano(y, one["p"], other["p"], 21)
    assert pair.gain == pytest.approx(expected, rel=1e-12)
    assert pair.brier_second - pair.brier_first == pytest.approx(expected, rel=1e-9)
    assert (pair.dm_statistic, pair.dm_p_value) == (test.statistic, test.p_value)
    assert 0 < pair.gain_low < pair.gain < pair.gain_high
    assert pair.log_loss_gain_low < pair.log_loss_gain < pair.log_loss_gain_high


def test_turning_the_pair_turns_the_gain(frames):
    names = ("truth", "climatology")
    one = compared({name: frames[name] for name in names}, resamples=200)[0]
    other = compared({name: frames[name] for name in reversed(names)}, resamples=200)[0]
    assert (one.gain, one.gain_low, one.gain_high) == pytest.approx((-other.gain, -other.gain_high, -other.gain_low))


def test_a_run_equals_itself(frames):
    pair = compared({"a": frames["truth"], "b": frames["truth"]}, resamples=50)[0].as_dict()
    assert (pair["gain"], pair["gain_low"], pair["gain_high"], pair["dm_p_value"]) == (0, 0, 0, 1)


def test_refusals(frames):
    with pytest.raises(InputError, match=r"RUN RUN \.\.\.: got '1 run'"):
        compared({"truth": frames["truth"]})
    turned = frames["truth"].assign(y=1 - frames["truth"]["y"])
    with pytest.raises(InputError, match="turned: got 'outcomes unlike those of truth'"):
        compared({"truth": frames["truth"], "turned": turned})
    with pytest.raises(HistoryError, match="common sessions: got '50 resolved rows'"):
        compared({"early": frames["truth"].iloc[:150], "late": frames["blurred"]})
    with pytest.raises(HistoryError, match="common sessions: got '0 resolved rows'"):
        compared({"early": frames["truth"].iloc[:100], "late": frames["blurred"]})


def test_assets_are_compared_asset_by_asset(frames):
    one = compared({name: frames[name] for name in ("truth", "blurred")}, resamples=50)[0]
    both = {
        name: Predictions.concat([Predictions.of(**frames[name].assign(asset=asset)) for asset in ("IWM", "TWIN")])
        for name in ("truth", "blurred")
    }
    two = compare(both, resamples=50)[0]
    assert two.n == 2 * one.n
    assert (two.gain, two.gain_low, two.dm_p_value) == pytest.approx((one.gain, one.gain_low, one.dm_p_value))


def test_other_questions_are_refused(frames):
    made = {name: Predictions.of(**frames["truth"], question=name) for name in ("up", "dip")}
    with pytest.raises(InputError, match="dip: got 'dip over 21'; allowed: the question of up"):
        compare(made)
