"""The models of two and of three states against statsmodels on a simulated market, and their calendar of refits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from bullbear.errors import InputError
from bullbear.factors import registered
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import bars_from, log_returns
from bullbear.factors.regime import markov_switching
from bullbear.factors.regime.markov_switching import (
    LONGEST_HALF_YEAR,
    STATES,
    THREE_STATES,
    TWO_STATES,
    MarkovSwitching,
    filtered,
    fit,
    refit_spans,
)

TRUTH = MarkovSwitching(np.array([0.06, -0.12]), np.array([0.64, 4.84]), np.array([[0.985, 0.015], [0.05, 0.95]]))
TRUTH_OF_THREE = MarkovSwitching(
    mean=np.array([0.3, 0.0, -0.8]),
    variance=np.array([0.3, 2.0, 12.0]),
    transition=np.array([[0.96, 0.03, 0.01], [0.04, 0.94, 0.02], [0.01, 0.09, 0.90]]),
)


def simulated(rows: int, seed: int = 3, truth: MarkovSwitching = TRUTH) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    state, states, returns = 0, [], []
    for _ in range(rows):
        state = int(random.choice(len(truth.mean), p=truth.transition[state]))
        states.append(float(state))
        returns.append(random.normal(truth.mean[state], truth.variance[state] ** 0.5))
    return np.array(returns), np.array(states)


def in_statsmodels_order(model: MarkovSwitching) -> list[float]:
    """p[0->0], p[1->0], ..., to each state but the last, then means and variances."""
    return [*model.transition[:, :-1].T.ravel(), *model.mean, *model.variance]


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
    assert_allclose([*ours.mean, *ours.variance, *np.diag(ours.transition)], [*theirs, *stay], atol=1e-3)
    assert model.loglike(in_statsmodels_order(ours)) == pytest.approx(best.llf, abs=1e-3)
    probabilities = best.filtered_marginal_probabilities[:, order[1]]
    assert_allclose(filtered(returns, ours)[1], probabilities, atol=2e-3)


def test_fit_of_three_states_is_the_maximum_likelihood_of_statsmodels() -> None:
    returns, _ = simulated(1_000, 1, TRUTH_OF_THREE)
    model = MarkovRegression(returns, k_regimes=3, switching_variance=True)
    ours = fit(returns, THREE_STATES, steps=300)
    best = model.fit(start_params=in_statsmodels_order(ours), em_iter=0)
    # The step leaves out the start, whose likelihood depends on the transitions too: one return in a thousand.
    assert best.llf - model.loglike(in_statsmodels_order(ours)) < 0.05
    assert model.loglike(in_statsmodels_order(ours)) > model.loglike(in_statsmodels_order(TRUTH_OF_THREE))
    assert_allclose([*ours.mean, *ours.variance], best.params[6:], atol=0.05)


@pytest.mark.parametrize("truth", [TRUTH, TRUTH_OF_THREE], ids=["two", "three"])
def test_filter_is_that_of_statsmodels(truth: MarkovSwitching) -> None:
    returns, _ = simulated(800, 1, truth)
    model = MarkovRegression(returns, k_regimes=len(truth.mean), switching_variance=True)
    expected = model.filter(in_statsmodels_order(truth)).filtered_marginal_probabilities
    assert_allclose(filtered(returns, truth).T, expected, atol=1e-10)


@pytest.mark.parametrize("truth", [TRUTH, TRUTH_OF_THREE], ids=["two", "three"])
def test_stationary_shares_are_kept_by_a_step_of_the_chain(truth: MarkovSwitching) -> None:
    assert truth.stationary.sum() == pytest.approx(1.0)
    assert_allclose(truth.stationary @ truth.transition, truth.stationary, atol=1e-12)


def test_fit_finds_the_truth_and_the_filter_the_states() -> None:
    returns, states = simulated(20_000)
    found = fit(returns)
    assert_allclose(np.sqrt(found.variance), np.sqrt(TRUTH.variance), rtol=0.03)
    assert_allclose(found.transition, TRUTH.transition, atol=0.01)
    assert ((filtered(returns, found)[1] > 0.5) == states).mean() > 0.93
    found = fit(simulated(5_000, 1, TRUTH_OF_THREE)[0], THREE_STATES, steps=40)
    assert_allclose(np.sqrt(found.variance), np.sqrt(TRUTH_OF_THREE.variance), rtol=0.08)
    assert_allclose(found.transition, TRUTH_OF_THREE.transition, atol=0.04)


def test_filter_by_hand() -> None:
    model = MarkovSwitching(np.zeros(2), np.array([1.0, 4.0]), np.array([[0.9, 0.1], [0.3, 0.7]]))
    # Stationary: 1/4 turbulent. Densities of 0 and of 2, apart from 1/sqrt(2 pi): 1 and 1/2, exp(-2) and exp(-1/2)/2.
    first = (0.25 * 0.5) / (0.25 * 0.5 + 0.75)
    ahead = first * 0.7 + (1 - first) * 0.1
    wild, calm = ahead * np.exp(-0.5) / 2, (1 - ahead) * np.exp(-2.0)
    assert_allclose(filtered(np.array([0.0, 2.0]), model)[1], [first, wild / (wild + calm)], rtol=1e-12)


def test_steps_of_the_fit_never_lower_the_likelihood() -> None:
    returns, _ = simulated(800)
    model = MarkovRegression(returns, k_regimes=2, switching_variance=True)
    climb = [model.loglike(in_statsmodels_order(fit(returns, steps=steps))) for steps in (1, 2, 4, 8, 16, 32, 64)]
    assert (np.diff(climb) > -1e-3).all()  # the stationary start is not part of the step
    assert climb[-1] > climb[0]


def test_a_crash_beyond_all_measure_is_survived() -> None:
    returns, _ = simulated(600)
    returns[300] = -60.0
    for start in (TWO_STATES, THREE_STATES):
        assert np.isfinite(in_statsmodels_order(fit(returns, start))).all()
    assert np.isfinite(filtered(np.append(returns, 1e6), TRUTH)).all()


def market(rows: int, truth: MarkovSwitching = TRUTH) -> Bars:
    returns, _ = simulated(rows, 1, truth)
    bars = bars_from(np.exp(np.cumsum(returns / 100.0)).tolist())
    days = pd.bdate_range("2000-01-03", periods=rows).to_numpy().astype("datetime64[us]")
    return Bars(days, bars.open, bars.high, bars.low, bars.close, bars.volume)


def test_refits_stand_on_the_first_session_of_a_half_year() -> None:
    bars = market(1_200)
    begins = [row for row, _ in refit_spans(bars, 300)]
    dates = pd.DatetimeIndex(bars.sessions[begins]).strftime("%Y-%m-%d").tolist()
    assert dates == ["2001-07-02", "2002-01-01", "2002-07-01", "2003-01-01", "2003-07-01", "2004-01-01", "2004-07-01"]


def test_a_row_by_hand_from_its_own_half_year() -> None:
    bars = market(700)
    row = int(np.searchsorted(bars.sessions, np.datetime64("2002-03-15")))
    refit = int(np.searchsorted(bars.sessions, np.datetime64("2002-01-01")))
    returns = log_returns(bars.close)
    model = fit(returns[refit - 300 : refit])
    p = filtered(returns[refit - 300 : row + 1], model)[1, -1]
    assert markov_switching.turbulent_probability(bars, window=300)[row] == p
    states = np.array([1 - p, p]) @ model.transition
    mean, second = states @ model.mean, states @ (model.variance + model.mean**2)
    volatility = np.sqrt(252 * (second - mean**2))
    assert markov_switching.regime_volatility(bars, window=300)[row] == pytest.approx(volatility)
    assert markov_switching.regime_drift(bars, window=300)[row] == pytest.approx(252 * mean / volatility)


def test_what_comes_later_changes_no_bit() -> None:
    bars = market(900)
    whole = markov_switching.turbulent_probability(bars, window=300)
    for stop in (302, 390, 391, 520, 651, 899):
        cut = markov_switching.turbulent_probability(part(bars, 0, stop), window=300)
        assert_array_equal(cut, whole[:stop])


def test_a_row_of_three_states_by_hand_from_its_own_spans() -> None:
    bars = market(700, TRUTH_OF_THREE)
    refit = int(np.searchsorted(bars.sessions, np.datetime64("2002-01-01")))
    row = int(np.searchsorted(bars.sessions, np.datetime64("2002-03-15")))
    logs = np.log(bars.close)
    ends = np.arange(refit - 1 - 59 * 5, refit, 5)  # 300 sessions are 60 spans
    model = fit(logs[ends] - logs[ends - 5], THREE_STATES, steps=40)
    # 59 adjoining spans before the first of the row's own chain of spans in the half-year.
    own = refit + (row - refit) % 5
    ends = np.arange(own - 59 * 5, row + 1, 5)
    expected = filtered(logs[ends] - logs[ends - 5], model)[:, -1]
    ours = [markov_switching.three_state_probability(bars, state=state, window=300)[row] for state in STATES]
    assert_allclose(ours, expected, rtol=1e-12)


def test_what_comes_later_changes_no_bit_of_three_states() -> None:
    bars = market(900, TRUTH_OF_THREE)
    whole = markov_switching.three_state_probability(bars, window=300)
    assert not np.isnan(whole[500:]).any()
    for stop in (302, 390, 392, 523, 655, 899):
        cut = markov_switching.three_state_probability(part(bars, 0, stop), window=300)
        assert_array_equal(cut, whole[:stop])


@pytest.mark.parametrize("span", [1, 4, 5, 21])
def test_exactly_the_look_back_gives_the_same_bits_of_three_states(span: int) -> None:
    rows = registered()["three_state_probability"].rows_needed({"window": 252, "span": span})
    bars = market(rows + 100, TRUTH_OF_THREE)
    values = markov_switching.three_state_probability(bars, window=252, span=span)
    for last in range(rows - 1, rows + 100, 11):
        alone = markov_switching.three_state_probability(part(bars, last - rows + 1, last + 1), window=252, span=span)
        assert_array_equal(alone[-1], values[last])


def test_a_window_of_few_spans_is_refused() -> None:
    with pytest.raises(InputError, match=r"window.*more than 10 \* span = 300"):
        registered()["three_state_probability"].rows_needed({"window": 252, "span": 30})


@pytest.mark.parametrize("rows", [0, 1, 2, 300])
def test_too_short_a_history_has_no_regime(rows: int) -> None:
    assert np.isnan(markov_switching.turbulent_probability(market(rows), window=300)).all()
    assert np.isnan(markov_switching.three_state_probability(market(rows), window=300)).all()


def test_constant_prices_have_no_regime() -> None:
    bars = bars_from([5.0] * 800)
    assert np.isnan(markov_switching.regime_volatility(bars, window=300)).all()
    assert np.isnan(markov_switching.three_state_probability(bars, window=300)).all()


def test_the_look_back_covers_the_longest_half_year() -> None:
    days = pd.date_range("1999-12-31", "2031-01-01")
    half = days.year * 2 + (days.month > 6)
    assert pd.Series(1, index=half).groupby(level=0).sum().max() == LONGEST_HALF_YEAR
    assert registered()["turbulent_probability"].rows_needed({"window": 1260}) == 1260 + LONGEST_HALF_YEAR + 1


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
