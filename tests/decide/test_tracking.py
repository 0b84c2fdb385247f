"""The error of the daily-reset model on funds whose difference from it is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.decide.daily_reset import ResetFund
from bullbear.decide.instruments import packaged_instruments
from bullbear.decide.tracking import Overlap, fits, lasting_error, tracking
from bullbear.errors import NoDataError
from bullbear.home import Home
from bullbear.sessions import between, closes
from bullbear.workflows.instruments import entries, overlapping

FUND = ResetFund("IWM", -2.0, expense_ratio=0.0095, financing_spread=0.01)


def overlap(seed: int, noise: float = 0.0, lasting: float = 0.0, years: int = 10) -> Overlap:
    """A fund that follows its multiple, with errors a day that last and noise of its close that does not."""
    rng = np.random.default_rng(seed)
    sessions = between("2000-01-03", f"{1999 + years}-12-31")
    moves = rng.normal(0.0, 0.012, len(sessions))
    moves[0] = 0.0
    rates = np.full(len(sessions), 0.03)
    days = np.diff(sessions.to_numpy()) / np.timedelta64(1, "D")
    grown = 1.0 + FUND.multiple * moves[1:] + FUND.carry(rates[:-1], days)
    model = 100.0 * np.cumprod([1.0, *grown])
    drift = np.cumsum(rng.normal(0.0, lasting, len(sessions)))
    real = model * np.exp(drift + rng.normal(0.0, noise, len(sessions)))
    return Overlap(sessions, real, model, 50.0 * np.cumprod(1.0 + moves), rates)


def test_a_fund_that_is_its_model_has_no_error_and_its_return_is_explained():
    found = tracking(FUND, overlap(1))
    assert [each.year for each in found] == [*range(2000, 2010), None]
    for each in found:
        assert (each.difference, each.daily, each.monthly) == pytest.approx((0, 0, 0), abs=1e-12)
        assert each.fund == pytest.approx(each.model, rel=1e-12)
        parts = each.multiple_of_index + each.decay + each.carry + each.rest
        assert parts == pytest.approx(np.log1p(each.fund), abs=1e-12)
        # The second order of the daily return is all but a per cent of the log return lost.
        assert abs(each.rest) < 0.01 * abs(each.decay) + 0.002
    # -L (L - 1) / 2 times the variance: three times 252 x 0.012^2 a year.
    assert found[-1].decay / 10 == pytest.approx(-3 * 252 * 0.012**2, rel=0.05)
    assert found[-1].carry / 10 == pytest.approx(3 * 0.03 - 2 * 0.01 - 0.0095, rel=0.01)


def test_noise_of_closes_fills_the_daily_error_and_not_the_lasting_one():
    found = tracking(FUND, overlap(2, noise=0.003, lasting=0.0004, years=25))[-1]
    assert found.daily == pytest.approx((252 * (0.0004**2 + 2 * 0.003**2)) ** 0.5, rel=0.03)
    assert found.monthly == pytest.approx((252 / 21 * (21 * 0.0004**2 + 2 * 0.003**2)) ** 0.5, rel=0.1)
    assert found.lasting == pytest.approx(0.0004 * 252**0.5, rel=0.2)


def test_the_lasting_error_is_never_imaginary_and_unknown_where_the_monthly_one_is():
    assert lasting_error(0.01, 0.009) == 0.0
    assert np.isnan(lasting_error(0.01, np.nan))


def test_the_fit_finds_multiple_and_financing_and_knows_only_the_years_before():
    whole = overlap(3)
    found = fits(FUND, whole)
    assert [each.year for each in found] == list(range(2000, 2010))
    for each in found:
        assert (each.multiple, each.financing_spread) == pytest.approx((-2.0, 0.01), abs=1e-9)
    noisy = overlap(3, noise=0.002)
    early = noisy.sessions.year <= 2003
    part = Overlap(noisy.sessions[early], *(each[early] for each in noisy[1:]))
    for known, again in zip(fits(FUND, noisy), fits(FUND, part), strict=False):
        assert known == pytest.approx(again, rel=1e-9)


def test_a_short_first_year_has_a_daily_error_only():
    whole = overlap(4, noise=0.001)
    late = whole.sessions >= pd.Timestamp("2000-12-01")
    first = tracking(FUND, Overlap(whole.sessions[late], *(each[late] for each in whole[1:])))[0]
    assert first.sessions == 19
    assert first.daily > 0
    assert np.isnan([first.difference, first.monthly, first.lasting]).all()


def test_two_sessions_are_no_overlap():
    whole = overlap(5)
    with pytest.raises(NoDataError, match="2 sessions in common with its index"):
        tracking(FUND, Overlap(whole.sessions[:2], *(each[:2] for each in whole[1:])))


def test_the_catalogue_of_a_home(home: Home):
    found = {each.instrument.ticker: each for each in entries(home)}
    assert found["TWM"].tracking[-1].correlation > 0.9  # the simulator's fund follows its index but for noise
    assert found["TWM"].tracking[-1].year is None
    assert found["IWM"].tracking == ()
    assert found["SRTY"].first_bar == "2000-01-03"
    assert entries(home, "TWM") == [found["TWM"]]


REAL = {"TWM": 0.010, "RWM": 0.006, "UWM": 0.008, "SRTY": 0.010, "TNA": 0.013, "TZA": 0.015}


@pytest.mark.parametrize("ticker", REAL)
def test_real_funds_follow_their_model(ticker, snapshot_dir, view):
    """Upper bounds over the whole history; docs/instruments.md has the figures by year."""
    for name in ("IWM", ticker):
        frame = pd.read_csv(snapshot_dir / "prices" / f"{name}.csv", parse_dates=["date"], index_col="date")
        frame.index = pd.DatetimeIndex(frame.index).as_unit("us")
        view.prices[name] = frame.assign(known_at=closes(frame.index))
    bill = pd.read_csv(snapshot_dir / "macro" / "DGS3MO.csv", parse_dates=["date"], index_col="date")
    bill.index = pd.DatetimeIndex(bill.index).as_unit("us")
    view.values["DGS3MO"] = bill.assign(known_at=bill.index.tz_localize("UTC") + pd.Timedelta(days=1))
    fund = packaged_instruments()[ticker].model_fund
    found = tracking(fund, overlapping(view, ticker, fund))
    assert found[-1].correlation > 0.99
    assert found[-1].lasting < REAL[ticker]
    for each in found[:-1]:
        assert each.year < 2012 or each.monthly < 0.01
