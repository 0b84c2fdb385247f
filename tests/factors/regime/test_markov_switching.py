"""The two-state model against statsmodels on a simulated market, and its calendar of refits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from bullbear.factors import registered
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import bars_from, log_returns
from bullbear.factors.regime import markov_switching
from bullbear.factors.regime.markov_switching import LONGEST, TwoStates, filtered, fit, regimes

TRUTH = TwoStates(mean=(0.06, -0.12), variance=(0.64, 4.84), stay=(0.985, 0.95))


def simulated(rows: int, seed: int = 3) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    state, states, returns = 0, [], []
    for _ in range(rows):
        state = state if random.random() < TRUTH.stay[state] else 1 - state
        states.append(float(state))
        returns.append(random.normal(TRUTH.mean[state], TRUTH.variance[state] ** 0.5))
    return np.array(returns), np.array(states)


def in_statsmodels_order(states: TwoStates) -> list[float]:
    return [states.stay[0], 1.0 - states.stay[1], *states.mean, *states.variance]


def part(bars: Bars, start: int, stop: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[start:stop].copy() for field in fields(Bars)})


def test_fit_is_the_maximum_likelihood_of_statsmodels() -> None:
    returns, _ = simulated(3_000)
    model = MarkovRegression(returns, k_regimes=2, switching_variance=True)
    best = model.fit()
    ours = fit(returns)
    order = np.argsort(best.params[4:6])  # statsmodels does not order its states
    theirs = [*best.params[2:4][order], *best.params[4:6][order]]
    stay = np.array([best.params[0], 1.0 - best.params[1]])[order]
    assert_allclose([*ours.mean, *ours.variance, *ours.stay], [*theirs, *stay], atol=1e-3)
    assert model.loglike(in_statsmodels_order(ours)) == pytest.approx(best.llf, abs=1e-3)
    probabilities = best.filtered_marginal_probabilities[:, order[1]]
    assert_allclose(filtered(returns, ours), probabilities, atol=2e-3)


def test_filter_is_that_of_statsmodels() -> None:
    returns, _ = simulated(1_000)
    model = MarkovRegression(returns, k_regimes=2, switching_variance=True)
    expected = model.filter(in_statsmodels_order(TRUTH)).filtered_marginal_probabilities[:, 1]
    assert_allclose(filtered(returns, TRUTH), expected, atol=1e-12)


def test_fit_finds_the_truth_and_the_filter_the_states() -> None:
    returns, states = simulated(20_000)
    found = fit(returns)
    assert_allclose(np.sqrt(found.variance), np.sqrt(TRUTH.variance), rtol=0.03)
    assert_allclose(found.stay, TRUTH.stay, atol=0.01)
    assert ((filtered(returns, found) > 0.5) == states).mean() > 0.93


def test_filter_by_hand() -> None:
    states = TwoStates(mean=(0.0, 0.0), variance=(1.0, 4.0), stay=(0.9, 0.7))
    # Stationary: 1/4 turbulent. Densities of 0 and of 2, apart from 1/sqrt(2 pi): 1 and 1/2, exp(-2) and exp(-1/2)/2.
    first = (0.25 * 0.5) / (0.25 * 0.5 + 0.75)
    ahead = first * 0.7 + (1 - first) * 0.1
    wild, calm = ahead * np.exp(-0.5) / 2, (1 - ahead) * np.exp(-2.0)
    assert_allclose(filtered(np.array([0.0, 2.0]), states), [first, wild / (wild + calm)], rtol=1e-12)


def test_steps_of_the_fit_never_lower_the_likelihood() -> None:
    returns, _ = simulated(800)
    model = MarkovRegression(returns, k_regimes=2, switching_variance=True)
    climb = [model.loglike(in_statsmodels_order(fit(returns, steps=steps))) for steps in (1, 2, 4, 8, 16, 32, 64)]
    assert (np.diff(climb) > -1e-3).all()  # the stationary start is not part of the step
    assert climb[-1] > climb[0]


def test_a_crash_beyond_all_measure_is_survived() -> None:
    returns, _ = simulated(600)
    returns[300] = -60.0
    states = fit(returns)
    assert np.isfinite([*states.mean, *states.variance, *states.stay]).all()
    assert np.isfinite(filtered(np.append(returns, 1e6), TRUTH)).all()


def market(rows: int) -> Bars:
    returns, _ = simulated(rows)
    bars = bars_from(np.exp(np.cumsum(returns / 100.0)).tolist())
    days = pd.bdate_range("2000-01-03", periods=rows).to_numpy().astype("datetime64[us]")
    return Bars(days, bars.open, bars.high, bars.low, bars.close, bars.volume)


def test_refits_stand_on_the_first_session_of_a_half_year() -> None:
    bars = market(1_200)
    found = regimes(bars, window=300)
    begins = np.flatnonzero(np.diff(np.nan_to_num(found.variance[0])) != 0.0) + 1
    dates = pd.DatetimeIndex(bars.sessions[begins]).strftime("%Y-%m-%d").tolist()
    assert dates == ["2001-07-02", "2002-01-01", "2002-07-01", "2003-01-01", "2003-07-01", "2004-01-01", "2004-07-01"]


def test_a_row_by_hand_from_its_own_half_year() -> None:
    bars = market(700)
    row = int(np.searchsorted(bars.sessions, np.datetime64("2002-03-15")))
    refit = int(np.searchsorted(bars.sessions, np.datetime64("2002-01-01")))
    returns = log_returns(bars.close)
    states = fit(returns[refit - 300 : refit])
    p = filtered(returns[refit - 300 : row + 1], states)[-1]
    assert markov_switching.turbulent_probability(bars, window=300)[row] == p
    wild = p * states.stay[1] + (1 - p) * (1 - states.stay[0])
    mean = (1 - wild) * states.mean[0] + wild * states.mean[1]
    second = (1 - wild) * (states.variance[0] + states.mean[0] ** 2) + wild * (states.variance[1] + states.mean[1] ** 2)
    volatility = np.sqrt(252 * (second - mean**2))
    assert markov_switching.regime_volatility(bars, window=300)[row] == pytest.approx(volatility)
    assert markov_switching.regime_drift(bars, window=300)[row] == pytest.approx(252 * mean / volatility)


def test_what_comes_later_changes_no_bit() -> None:
    bars = market(900)
    whole = markov_switching.turbulent_probability(bars, window=300)
    for stop in (302, 390, 391, 520, 651, 899):
        cut = markov_switching.turbulent_probability(part(bars, 0, stop), window=300)
        assert_array_equal(cut, whole[:stop])


@pytest.mark.parametrize("rows", [0, 1, 2, 300])
def test_too_short_a_history_has_no_regime(rows: int) -> None:
    assert np.isnan(markov_switching.turbulent_probability(market(rows), window=300)).all()


def test_constant_prices_have_no_regime() -> None:
    bars = bars_from([5.0] * 800)
    assert np.isnan(markov_switching.regime_volatility(bars, window=300)).all()


def test_the_look_back_covers_the_longest_half_year() -> None:
    days = pd.date_range("1999-12-31", "2031-01-01")
    half = days.year * 2 + (days.month > 6)
    assert pd.Series(1, index=half).groupby(level=0).sum().max() == LONGEST
    assert registered()["turbulent_probability"].rows_needed({"window": 1260}) == 1260 + LONGEST + 1


REGIME = sorted(
    name
    for name, factor in registered().items()
    if factor.family == "regime" and list(factor.inputs.values()) == ["bars"]
)


@pytest.mark.parametrize("name", REGIME)
def test_exactly_the_look_back_gives_the_same_bits(name: str, tape: Callable[..., Bars]) -> None:
    factor = registered()[name]
    assert factor.windowed
    params = {**factor.complete({}), **({"window": 300} if "regime" in name or "turbulent" in name else {})}
    rows = factor.rows_needed(params)
    bars = tape(rows + 120)
    values = factor.function(bars, **params)
    for last in range(rows - 1, rows + 120, 20):
        alone = factor.function(part(bars, last - rows + 1, last + 1), **params)[-1]
        assert_array_equal(alone, values[last])
