"""Platt, beta, isotonic and Venn-Abers calibration: against scikit-learn and venn-abers, and what all of them keep."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from venn_abers import VennAbers as Library

from bullbear.definitions import Source
from bullbear.errors import DefinitionError
from bullbear.learn.calibrator import CALIBRATORS, FittedCalibrator, History
from bullbear.statistics import independent_number

KINDS = ("platt", "beta", "isotonic", "venn_abers")


def past(n: int, slope: float, *, seed: int = 0, horizon: int = 1, level: float = 0.0) -> History:
    """Signals of standard deviation 0.7, of which the outcomes have taken `slope`."""
    rng = np.random.default_rng(seed)
    signal, base = rng.normal(0.0, 0.7, n), np.full(n, 0.6)
    y = (rng.random(n) < expit(logit(0.6) + level + slope * signal)).astype(float)
    return History(y, base, signal, horizon, y)


def fitted(kind: str, history: History, **table: Any) -> FittedCalibrator:
    return CALIBRATORS.read({"kind": kind, **table}).fit(history)


SEEN = past(400, 0.8, level=0.3)
GRID = np.linspace(-2.5, 2.5, 101)
BASE = np.full(101, 0.6)


def test_platt_equals_scikit_learn() -> None:
    library = _SigmoidCalibration().fit(SEEN.signal, SEEN.y)
    np.testing.assert_allclose(fitted("platt", SEEN).probability(BASE, GRID), library.predict(GRID), atol=2e-5)


def test_beta_equals_a_logistic_regression_on_two_logarithms() -> None:
    dropped = []
    for seed in range(6):
        seen = past(400, 0.8, level=0.3, seed=seed)
        columns, at = (
            np.column_stack([np.log(expit(logit(0.6) + s)), -np.log(expit(-logit(0.6) - s))])
            for s in (seen.signal, GRID)
        )
        ups = seen.y.sum()
        soft = np.where(seen.y > 0.5, (ups + 1) / (ups + 2), 1 / (400 - ups + 2))
        label, weight = np.repeat([1.0, 0.0], 400), np.concatenate([soft, 1 - soft])

        def fit(
            kept: list[int], columns: np.ndarray = columns, label: np.ndarray = label, weight: np.ndarray = weight
        ) -> LogisticRegression:
            rows = np.tile(columns[:, kept], (2, 1))
            return LogisticRegression(C=1e9, tol=1e-10, max_iter=10_000).fit(rows, label, weight)

        kept = [column for column in (0, 1) if fit([0, 1]).coef_[0, column] > 0]
        dropped.append(2 - len(kept))
        expected = fit(kept).predict_proba(at[:, kept])[:, 1]
        np.testing.assert_allclose(fitted("beta", seen).probability(BASE, GRID), expected, atol=1e-4)
    assert set(dropped) == {0, 1}


def test_isotonic_equals_scikit_learn_where_nothing_is_added() -> None:
    x = logit(0.6) + SEEN.signal
    library = IsotonicRegression(out_of_bounds="clip").fit(x, SEEN.y)
    found = fitted("isotonic", SEEN, prior=0.0).probability(BASE, GRID)
    np.testing.assert_allclose(found, library.predict(logit(0.6) + GRID), atol=1e-12)
    eased = fitted("isotonic", SEEN).probability(BASE, GRID)
    assert found[0] == 0.0
    assert 0.0 < eased[0] < eased[-1] < 1.0


def test_venn_abers_equals_the_library_where_labels_do_not_overlap() -> None:
    def columns(signal: np.ndarray) -> np.ndarray:
        q = expit(logit(0.6) + signal)
        return np.column_stack([1 - q, q])

    library = Library()
    with np.errstate(all="ignore"):
        library.fit(columns(SEEN.signal), SEEN.y)
        p, both = library.predict_proba(columns(GRID))
    found = fitted("venn_abers", SEEN)
    np.testing.assert_allclose(np.column_stack(found.both(BASE, GRID)), both, atol=1e-12)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found.probability(BASE, GRID), p[:, 1], atol=1e-12)


def test_venn_abers_averages_the_sets_that_do_not_overlap() -> None:
    whole = past(600, 0.8, horizon=3)
    parts = [
        fitted("venn_abers", History(whole.y[k::3], whole.climatology[k::3], whole.signal[k::3], 1, whole.y[k::3]))
        for k in range(3)
    ]
    low, high = np.array([part.both(BASE, GRID) for part in parts]).transpose(1, 0, 2)  # type: ignore[attr-defined]
    p0, p1 = 1 - np.exp(np.log(1 - low).mean(axis=0)), np.exp(np.log(high).mean(axis=0))
    np.testing.assert_allclose(fitted("venn_abers", whole).probability(BASE, GRID), p1 / (1 - p0 + p1), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_without_much_of_a_past_it_says_the_base_rate(kind: str) -> None:
    nothing = np.zeros(0)
    silent = History(SEEN.y, SEEN.climatology, np.zeros(400), 1, SEEN.y)
    one_sided = History(np.ones(400), SEEN.climatology, SEEN.signal, 1, np.ones(400))
    for seen in (History(nothing, nothing, nothing, 21, SEEN.y), past(400, 1.0, horizon=21), silent, one_sided):
        found = fitted(kind, seen)
        np.testing.assert_array_equal(found.probability(BASE, GRID), BASE)
        assert found.slope == 0.0
    # 400 labels over 21 sessions are worth 26.5 independent ones.
    assert float(independent_number(400, 21)) < 30
    assert fitted(kind, past(400, 1.0, horizon=21), least=20).slope > 0.0


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(40, 120),
    seed=st.integers(0, 10_000),
    slope=st.sampled_from([-2.0, 0.0, 1.0, 8.0]),
    scale=st.sampled_from([1e-3, 1.0, 40.0]),
    horizon=st.sampled_from([1, 5]),
)
def test_forecasts_rise_with_the_signal_and_lie_in_their_intervals(
    kind: str, n: int, seed: int, slope: float, scale: float, horizon: int
) -> None:
    seen = past(n, slope, seed=seed)
    seen = History(seen.y, seen.climatology, scale * seen.signal, horizon, seen.resolved)
    found = fitted(kind, seen, least=5)
    signal = scale * GRID
    p, (low, high) = found.probability(BASE, signal), found.interval(BASE, np.full(101, 50.0), signal)
    assert (np.diff(p) >= -1e-12).all()
    assert ((low >= 0) & (low <= p) & (p <= high) & (high <= 1)).all()
    again = CALIBRATORS[found.state()["kind"]].restore(json.loads(json.dumps(found.state(), allow_nan=False)))
    np.testing.assert_array_equal(again.probability(BASE, signal), p)
    np.testing.assert_array_equal(again.interval(BASE, np.full(101, 50.0), signal), (low, high))
    for row in (0, 37, 100):
        one = slice(row, row + 1)
        assert again.probability(BASE[one], signal[one])[0] == p[row]
        ends = again.interval(BASE[one], np.full(1, 50.0), signal[one])
        assert (ends[0][0], ends[1][0]) == (low[row], high[row])


@pytest.mark.parametrize("kind", KINDS)
def test_overlap_and_times_that_last_widen_an_interval(kind: str) -> None:
    def width(horizon: int, resolved: np.ndarray) -> float:
        seen = past(1500, 0.8, horizon=horizon)
        seen = History(seen.y, seen.climatology, seen.signal, horizon, resolved)
        low, high = fitted(kind, seen).interval(BASE, np.full(101, 1e6), GRID)
        return float(np.mean(high - low))

    mixed = past(1500, 0.0, seed=3).y
    seasons = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], 250)
    assert width(10, mixed) > 1.5 * width(1, mixed)
    assert width(10, seasons) > 1.2 * width(10, mixed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_forecast_is_near_the_frequency_that_made_the_labels(kind: str) -> None:
    found, near = fitted(kind, past(6000, 0.8, level=0.3)), np.abs(GRID) < 1.2
    frequency = expit(logit(0.6) + 0.3 + 0.8 * GRID)
    assert np.abs(found.probability(BASE, GRID) - frequency)[near].max() < 0.08
    assert found.slope == pytest.approx(0.8, abs=0.15)
    low, high = found.interval(BASE, np.full(101, 1e6), GRID)
    assert np.mean(((low <= frequency) & (frequency <= high))[near]) > 0.85


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "platt", "least": 1}, r"got 1(\.0)?; allowed: a number from 5 on"),
        ({"kind": "isotonic", "prior": -1.0}, r"got -1.0; allowed: a number from 0 on"),
        ({"kind": "beta", "prior_sd": 1.0}, r"got 'prior_sd'; allowed: one of kind, least|got 'prior_sd'"),
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        CALIBRATORS.read(table, Source.nowhere("tiny"), below=("calibration",))
