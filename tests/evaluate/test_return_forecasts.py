"""R2_OS and Clark-West of return forecasts on the published table of short interest, and against statsmodels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from bullbear.errors import InputError
from bullbear.evaluate.return_forecasts import clark_west_of_returns, r2_out_of_sample
from bullbear.evaluate.scores import brier_skill
from bullbear.evaluate.significance import clark_west

BEFORE = 17 * 12
"""Months of the training sample that the paper begins with, 1973 to 1989."""


def forecasts(papers: Path, months: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean log excess returns over the coming months, their forecasts by short interest, and the historical mean.

    Rapach, Ringgenberg and Zhou (2016), doi:10.1016/j.jfineco.2016.03.004: log short interest less its linear trend,
    which, like the regression, is fitted anew each month on what was known.
    """
    market = pd.read_csv(papers / "RRZ_GW_variables.csv").set_index("yyyymm")
    excess = (np.log1p(market["CRSP_SPvw"]) - np.log1p(market["Rfree"].shift(1))).loc[197301:201412].to_numpy()
    interest = np.log(pd.read_csv(papers / "RRZ_short_interest.csv").set_index("Date")["EWSI"]).to_numpy()
    n = len(excess)
    ahead = np.array([excess[t + 1 : t + 1 + months].mean() for t in range(n - months)])
    rows = []
    for t in range(BEFORE - 1, n - months):
        trend = np.arange(t + 1)
        detrended = interest[: t + 1] - np.polyval(np.polyfit(trend, interest[: t + 1], 1), trend)
        known = t + 1 - months
        slope = np.polyfit(detrended[:known], ahead[:known], 1)
        rows.append((ahead[t], np.polyval(slope, detrended[t]), excess[: t + 1].mean()))
    return tuple(np.array(rows).T)  # type: ignore[return-value]


@pytest.mark.parametrize(("months", "published"), [(1, 1.94), (3, 6.54), (6, 11.70), (12, 13.24)])
def test_short_interest_has_the_published_r2(snapshot_dir, months, published):
    r, p, mean = forecasts(snapshot_dir / "papers", months)
    assert round(100 * r2_out_of_sample(r, p, mean), 2) == published
    test = clark_west_of_returns(r, p, mean, months)
    adjusted = (r - mean) ** 2 - (r - p) ** 2 + (mean - p) ** 2
    fit = sm.OLS(adjusted, np.ones(len(r))).fit(cov_type="HAC", cov_kwds={"maxlags": test.lag})
    assert test.statistic == pytest.approx(fit.tvalues[0], rel=1e-9)
    assert test.p_value < 0.05  # the paper finds every horizon significant by this test


def test_of_outcomes_and_probabilities_they_are_the_brier_skill_and_its_test(market):
    made = market(400, np.random.default_rng(4), 0.06)
    given = made.y, made.truth, made.climatology
    assert r2_out_of_sample(*given) == pytest.approx(brier_skill(*given), rel=1e-12)
    assert clark_west_of_returns(*given, 21) == clark_west(*given, 21)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([0.1], [0.1, 0.2], [0.0]), r"forecast: got '2 values'; allowed: 1 values, as many as r"),
        (([0.1, np.nan], [0.1, 0.2], [0.0, 0.0]), r"r: got 'shape \(2,\)'; allowed: finite numbers"),
        (([0.1], [0.0], [0.1]), r"reference: got 'no squared error'; allowed: one above 0"),
    ],
)
def test_what_cannot_be_scored_is_refused(given, words):
    with pytest.raises(InputError, match=words):
        r2_out_of_sample(*given)
