"""The three-state model against statsmodels on a simulated market, and its spans and refits."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from bullbear.errors import InputError
from bullbear.factors import registered
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.regime import three_states
from bullbear.factors.regime.three_states import STATES, ThreeStates, filtered, fit

TRUTH = ThreeStates(
    mean=(0.3, 0.0, -0.8),
    variance=(0.3, 2.0, 12.0),
    passing=((0.96, 0.03, 0.01), (0.04, 0.94, 0.02), (0.01, 0.09, 0.90)),
)


def simulated(rows: int, seed: int = 1) -> Array:
    random = np.random.default_rng(seed)
    state, returns = 0, []
    for _ in range(rows):
        state = int(random.choice(3, p=TRUTH.passing[state]))
        returns.append(random.normal(TRUTH.mean[state], TRUTH.variance[state] ** 0.5))
    return np.array(returns)


def in_statsmodels_order(states: ThreeStates) -> list[float]:
    # p[0->0], p[1->0], p[2->0], p[0->1], p[1->1], p[2->1], then means and variances.
    to = [states.passing[i][j] for j in (0, 1) for i in range(3)]
    return [*to, *states.mean, *states.variance]


def market(rows: int, seed: int = 1) -> Bars:
    bars = bars_from(np.exp(np.cumsum(simulated(rows, seed) / 100.0)).tolist())
    days = pd.bdate_range("2000-01-03", periods=rows).to_numpy().astype("datetime64[us]")
    return Bars(days, bars.open, bars.high, bars.low, bars.close, bars.volume)


def part(bars: Bars, start: int, stop: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[start:stop].copy() for field in fields(Bars)})


def test_filter_is_that_of_statsmodels() -> None:
    returns = simulated(800)
    model = MarkovRegression(returns, k_regimes=3, switching_variance=True)
    expected = model.filter(in_statsmodels_order(TRUTH)).filtered_marginal_probabilities
    assert_allclose(filtered(returns, TRUTH), expected, atol=1e-10)


def test_stationary_shares_are_kept_by_a_step_of_the_chain() -> None:
    shares = np.array(TRUTH.stationary)
    assert shares.sum() == pytest.approx(1.0)
    assert_allclose(shares @ np.array(TRUTH.passing), shares, atol=1e-12)


def test_fit_is_the_maximum_likelihood_of_statsmodels() -> None:
    returns = simulated(1_000)
    model = MarkovRegression(returns, k_regimes=3, switching_variance=True)
    ours = fit(returns, steps=300)
    best = model.fit(start_params=in_statsmodels_order(ours), em_iter=0)
    # The step leaves out the start, whose likelihood depends on the transitions too: one return in a thousand.
    assert best.llf - model.loglike(in_statsmodels_order(ours)) < 0.05
    assert model.loglike(in_statsmodels_order(ours)) > model.loglike(in_statsmodels_order(TRUTH))
    assert_allclose([*ours.mean, *ours.variance], best.params[6:], atol=0.05)


def test_fit_finds_the_truth() -> None:
    found = fit(simulated(5_000))
    assert_allclose(np.sqrt(found.variance), np.sqrt(TRUTH.variance), rtol=0.08)
    assert_allclose(found.passing, TRUTH.passing, atol=0.04)


def test_a_row_by_hand_from_its_own_spans() -> None:
    bars = market(700)
    refit = int(np.searchsorted(bars.sessions, np.datetime64("2002-01-01")))
    row = int(np.searchsorted(bars.sessions, np.datetime64("2002-03-15")))
    logs = np.log(bars.close)
    ends = np.arange(refit - 1 - 59 * 5, refit, 5)  # 300 sessions are 60 spans
    states = fit(logs[ends] - logs[ends - 5])
    # 59 adjoining spans before the first of the row's own chain of spans in the half-year.
    own = refit + (row - refit) % 5
    ends = np.arange(own - 59 * 5, row + 1, 5)
    expected = filtered(logs[ends] - logs[ends - 5], states)[-1]
    ours = [three_states.three_state_probability(bars, state=state, window=300)[row] for state in STATES]
    assert_allclose(ours, expected, rtol=1e-12)


def test_what_comes_later_changes_no_bit() -> None:
    bars = market(900)
    whole = three_states.three_state_probability(bars, window=300)
    assert not np.isnan(whole[500:]).any()
    for stop in (302, 390, 392, 523, 655, 899):
        assert_array_equal(three_states.three_state_probability(part(bars, 0, stop), window=300), whole[:stop])


@pytest.mark.parametrize("span", [1, 4, 5, 21])
def test_exactly_the_look_back_gives_the_same_bits(span: int) -> None:
    rows = registered()["three_state_probability"].rows_needed({"window": 252, "span": span})
    bars = market(rows + 100)
    values = three_states.three_state_probability(bars, window=252, span=span)
    for last in range(rows - 1, rows + 100, 11):
        alone = three_states.three_state_probability(part(bars, last - rows + 1, last + 1), window=252, span=span)
        assert_array_equal(alone[-1], values[last])


@pytest.mark.parametrize("closes", [[], [5.0], [5.0] * 800])
def test_no_state_where_nothing_moves(closes: list[float]) -> None:
    assert np.isnan(three_states.three_state_probability(bars_from(closes), window=300)).all()


def test_a_window_of_few_spans_is_refused() -> None:
    with pytest.raises(InputError, match=r"window.*more than 10 \* span = 300"):
        registered()["three_state_probability"].rows_needed({"window": 252, "span": 30})
