"""The true signal: what it is worth, and that nothing is to be had without it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from tests.data.companies.simulated.conftest import Drawn

from bullbear.data.companies.oracle import CompanyTruth
from bullbear.data.companies.simulated.lives import BANKRUPT, HALF_LIFE, TAKEN_OVER
from bullbear.data.companies.simulated.market import market_of
from bullbear.data.companies.simulated.returns import BAD_NEWS, HORIZON, _shape
from bullbear.data.simulated_process import draw
from bullbear.sessions import between

BlockOf = Callable[[int, float, int, int], Drawn]
YEARS, BLOCKS = 8, 4


def mean_ic(block_of: BlockOf, signal: float, scores: Callable[[Drawn], np.ndarray], seed: int = 1) -> float:
    """The mean rank IC over non-overlapping months of four hundred companies."""
    blocks = [block_of(seed, signal, number, YEARS) for number in range(BLOCKS)]
    given, made = (
        np.concatenate(parts, axis=1)[::HORIZON]
        for parts in (
            [np.where(b.lives.settled(), scores(b), np.nan) for b in blocks],
            [b.realised for b in blocks],
        )
    )
    names = [f"C{place:03d}" for place in range(given.shape[1])]
    days = blocks[0].market.sessions[::HORIZON]
    known = pd.DataFrame(given, index=days, columns=names)
    truth = CompanyTruth(known, pd.DataFrame(made, index=days, columns=names), pd.DataFrame())
    return float(truth.information()["ic"].mean())


# 95 months of 400 companies: the standard error of a mean IC is 0.005 to 0.006.


@pytest.mark.parametrize(("signal", "ic"), [(0.0, 0.0), (0.5, 0.088), (1.0, 0.172)])
def test_the_score_has_the_stated_information_coefficient(block_of: BlockOf, signal: float, ic: float) -> None:
    assert mean_ic(block_of, signal, lambda b: b.lives.score) == pytest.approx(ic, abs=0.02)


@pytest.mark.parametrize("trait", ["volatility", "payout", "value"])
def test_nothing_lasting_ranks_companies_without_signal(block_of: BlockOf, trait: str) -> None:
    ic = mean_ic(block_of, 0.0, lambda b: getattr(b.traits, trait)[np.maximum(b.lives.who, 0)])
    assert ic == pytest.approx(0.0, abs=0.02)


def test_without_signal_the_expectation_is_nil_everywhere(block_of: BlockOf) -> None:
    expected = block_of(1, 0.0, 0, YEARS).returns.expected
    assert np.isfinite(expected).any()
    assert (expected[np.isfinite(expected)] == 0.0).all()


def test_the_expectation_is_calibrated(block_of: BlockOf) -> None:
    """Realised on expected returns have slope 1; with 3,000 clusters of company and year its error is about 0.05."""
    blocks = [block_of(seed, 1.0, number, YEARS) for seed in (1, 2) for number in range(BLOCKS)]
    expected = np.concatenate([b.returns.expected[::HORIZON].ravel() for b in blocks])
    made = np.concatenate([b.realised[::HORIZON].ravel() for b in blocks])
    both = np.isfinite(expected) & np.isfinite(made)
    assert np.polyfit(expected[both], made[both], 1)[0] == pytest.approx(1.0, abs=0.12)


def test_surprises_of_the_market_have_no_mean() -> None:
    sessions = between("2000-01-03", "2019-12-31")
    markets = [market_of(draw(seed, 1.0, len(sessions)), sessions, seed, 1.0) for seed in range(4)]
    # 20,000 sessions: a standard error of 0.0001, a quarter of the mean return.
    assert np.mean([m.surprise.mean() for m in markets]) == pytest.approx(0.0, abs=0.0003)
    tide_up = [np.corrcoef(m.surprise[1:], (m.returns - m.surprise)[1:])[0, 1] for m in markets]
    assert np.mean(tide_up) == pytest.approx(0.0, abs=0.025)


def test_the_own_part_has_unit_variance_and_the_skewness_that_makes_months_symmetric() -> None:
    rng = np.random.default_rng(5)
    volatility = np.array([0.02])
    calm, size = _shape(volatility)
    z, u = rng.standard_normal(4_000_000), rng.random(4_000_000)
    bad = np.where(u < BAD_NEWS, -np.log(np.maximum(u, 1e-300) / BAD_NEWS), 0.0)
    own = calm * z - size * (bad - BAD_NEWS)
    assert own.mean() == pytest.approx(0.0, abs=0.002)
    assert own.std() == pytest.approx(1.0, abs=0.003)
    assert ((own - own.mean()) ** 3).mean() == pytest.approx(-3.4 * HORIZON * 0.02, rel=0.03)


def test_scores_are_stationary_with_the_stated_half_life(block_of: BlockOf) -> None:
    score = np.concatenate([block_of(1, 1.0, number, YEARS).lives.score for number in range(BLOCKS)], axis=1)
    assert score.std() == pytest.approx(1.0, abs=0.06)
    later = int(HALF_LIFE)
    same = np.concatenate([block_of(1, 1.0, number, YEARS).lives.who for number in range(BLOCKS)], axis=1)
    stays = (same[later:] == same[:-later]) & (same[later:] >= 0)
    assert np.corrcoef(score[later:][stays], score[:-later][stays])[0, 1] == pytest.approx(0.5, abs=0.08)


def test_weak_companies_go_bankrupt_more_often(block_of: BlockOf) -> None:
    before = []
    for number in range(BLOCKS):
        lives = block_of(1, 1.0, number, YEARS).lives
        ends = np.flatnonzero(lives.fate == BANKRUPT)
        before += lives.score[lives.news[ends] - 1, lives.place[ends]].tolist()
    assert len(before) > 20
    assert np.mean(before) < -0.3


def test_news_of_an_end_moves_the_price_once(block_of: BlockOf) -> None:
    drawn = block_of(1, 1.0, 0, YEARS)
    lives, total = drawn.lives, drawn.returns.total
    for company in np.flatnonzero(lives.news < len(total)):
        row, place, last = lives.news[company], lives.place[company], lives.last[company]
        jump = total[row, place]
        if lives.fate[company] == TAKEN_OVER:
            assert 0.19 < jump < 0.47
            assert np.abs(total[row + 1 : last + 1, place]).max(initial=0.0) < 0.02
        else:
            assert jump < -0.9
        assert np.isnan(drawn.returns.expected[row : last + 1, place]).all()


def test_a_company_that_ends_keeps_its_last_value(block_of: BlockOf) -> None:
    drawn = block_of(1, 1.0, 0, YEARS)
    company = int(np.flatnonzero(drawn.lives.last < len(drawn.returns.total) - 30)[0])
    last, place = drawn.lives.last[company], drawn.lives.place[company]
    row = last - 5
    own = np.prod(1.0 + drawn.returns.total[row + 1 : last + 1, place])
    fund = np.prod(1.0 + drawn.market.returns[row + 1 : row + HORIZON + 1])
    assert drawn.realised[row, place] == pytest.approx(own - fund, abs=1e-12)


def test_the_index_follows_its_fund(block_of: BlockOf) -> None:
    """The mean company has beta 1 and neither sector nor news; the own parts of 400 average out."""
    blocks = [block_of(1, 1.0, number, YEARS) for number in range(BLOCKS)]
    listed = np.concatenate([b.lives.settled() for b in blocks], axis=1)
    total = np.concatenate([b.returns.total for b in blocks], axis=1)
    index = np.where(listed, total, 0.0).sum(axis=1)[1:] / listed.sum(axis=1)[1:]
    fund = blocks[0].market.returns[1:]
    assert np.corrcoef(index, fund)[0, 1] > 0.985
    assert np.polyfit(fund, index, 1)[0] == pytest.approx(1.0, abs=0.05)
