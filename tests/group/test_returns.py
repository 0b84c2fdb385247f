import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.companies import Panel, panel_from
from bullbear.group.returns import carried, latest_volume_growth, price_growth, total_return, wealth

NAN = float("nan")


def random_panel(seed: int, sessions: int = 40, companies: int = 5) -> Panel:
    rng = np.random.default_rng(seed)
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.03, (sessions, companies)), axis=0))
    split = np.where(rng.random(close.shape) < 0.03, 2.0, 1.0)
    close = np.where(rng.random(close.shape) < 0.15, NAN, close / np.cumprod(split, axis=0))
    dividend = np.where(rng.random(close.shape) < 0.05, 0.3, 0.0)
    return panel_from(close, volume=rng.lognormal(12, 0.5, close.shape), split=split, dividend=dividend)


def test_a_split_is_no_growth_and_a_dividend_no_growth_of_the_price():
    panel = panel_from([[30.0], [10.0], [11.0]], split=[[1.0], [3.0], [1.0]], dividend=[[0.0], [0.0], [0.55]])
    np.testing.assert_allclose(price_growth(panel, 1).ravel(), [NAN, 0.0, 0.1])
    # A dividend of 0.55 buys a twentieth of a share at the close of 11.
    np.testing.assert_allclose(total_return(panel, 2).ravel(), [NAN, NAN, 1.1 * 1.05 - 1])


def test_a_dividend_without_a_close_buys_at_the_next_one():
    panel = panel_from([10.0, NAN, 20.0], dividend=[0.0, 1.0, 0.0])
    np.testing.assert_allclose(wealth(panel).ravel(), [10.0, NAN, 21.0])


def test_a_price_is_carried_over_short_gaps_only():
    panel = panel_from([10.0, 11.0, NAN, NAN, 12.0])
    np.testing.assert_allclose(price_growth(panel, 1, gap=0).ravel(), [NAN, 0.1, NAN, NAN, NAN])
    np.testing.assert_allclose(price_growth(panel, 1, gap=1).ravel(), [NAN, 0.1, 0.0, NAN, NAN])
    np.testing.assert_allclose(price_growth(panel, 3, gap=1).ravel(), [NAN, NAN, NAN, NAN, 12 / 11 - 1])


def test_the_growth_of_volume_is_that_of_the_median_day_at_one_split_level():
    volume = [100.0, 110.0, 90.0, 100.0, 5000.0, 400.0, 400.0, 440.0, 360.0, 1.0]
    split = [1.0] * 5 + [2.0] + [1.0] * 4
    panel = panel_from([10.0] * 10, volume=np.array(volume)[:, None], split=np.array(split)[:, None])
    assert latest_volume_growth(panel, 5)[0] == pytest.approx(200.0 / 100.0 - 1)
    assert np.isnan(latest_volume_growth(panel.until(panel.sessions[8]), 5)).all()


def test_a_window_with_too_few_volumes_has_no_typical_one():
    four, three = [1.0, NAN, 2.0, 3.0, 4.0], [1.0, NAN, NAN, 3.0, 4.0]
    panel = panel_from(np.ones((10, 2)), volume=np.array([[1.0] * 5 + four, [1.0] * 5 + three]).T)
    np.testing.assert_allclose(latest_volume_growth(panel, 5), [1.5, NAN])


def plain_growth(panel: Panel, sessions: int, gap: int) -> pd.DataFrame:
    worth = pd.DataFrame(panel.close) * pd.DataFrame(panel.split).cumprod()
    filled = worth.ffill(limit=gap) if gap else worth
    return filled / filled.shift(sessions) - 1


@given(seed=st.integers(0, 10_000), sessions=st.integers(1, 12), gap=st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_growth_is_that_of_plain_pandas(seed, sessions, gap):
    panel = random_panel(seed)
    np.testing.assert_allclose(price_growth(panel, sessions, gap=gap), plain_growth(panel, sessions, gap), rtol=1e-12)
    shares = pd.DataFrame(panel.volume) / pd.DataFrame(panel.split).cumprod()
    needed = int(np.ceil(0.8 * sessions - 1e-9))
    median = shares.rolling(sessions, min_periods=needed).median().iloc[sessions - 1 :].reindex(shares.index)
    growth = (median / median.shift(sessions) - 1).to_numpy()
    for row in range(len(growth)):
        latest = latest_volume_growth(panel.until(panel.sessions[row]), sessions)
        np.testing.assert_allclose(latest, growth[row], rtol=1e-9)


@given(seed=st.integers(0, 10_000), row=st.integers(5, 39), sessions=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_no_row_reads_a_later_one(seed, row, sessions):
    panel = random_panel(seed)
    cut = panel.until(panel.sessions[row])
    for growth in (price_growth, total_return):
        np.testing.assert_array_equal(growth(panel, sessions)[: row + 1], growth(cut, sessions))


def test_carrying_stops_after_the_gap():
    np.testing.assert_array_equal(
        carried(np.array([[NAN], [1.0], [NAN], [NAN]]), 1).ravel(), [NAN, 1.0, 1.0, NAN]
    )  # fmt: skip
