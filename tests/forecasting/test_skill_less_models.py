"""How many models without skill the whole gate promotes when many are tried on one market, and what each test adds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.special import expit, logit

from bullbear.data.simulated_process import HORIZON, draw
from bullbear.dataset.predictions import Predictions
from bullbear.evaluate.tried_models import on_common_days, tried_models
from bullbear.forecasting.forecast_record import Record
from bullbear.forecasting.gate import judge
from bullbear.forecasting.verdict import Verdict

SESSIONS, FIRST = 5040, 1260
"""Twenty years, of which the last fifteen are forecast."""
PERSISTENCE = (0.9, 0.98, 0.995)
STRENGTH = (0.05, 0.15)
"""Log-odds by which a signal of one standard deviation moves the base rate."""


@cache
def market(seed: int) -> tuple[np.ndarray, np.ndarray, pd.DatetimeIndex]:
    """Outcomes of a simulated market without signal, the base rate known at each session, and the sessions."""
    level = np.cumsum(draw(seed, 0.0, SESSIONS).returns)
    y = (level[HORIZON:] > level[:-HORIZON]).astype(float)
    ups = np.concatenate([[0.0], np.cumsum(y)])
    resolved = np.maximum(np.arange(len(y)) - HORIZON + 1, 0)
    c = np.divide(ups[resolved], resolved, out=np.full(len(y), 0.5), where=resolved > 0)
    days = pd.bdate_range("2005-01-03", periods=len(y) - FIRST + HORIZON, tz="UTC") + pd.Timedelta(hours=21)
    return y[FIRST:], c[FIRST:], days


def skill_less(seed: int, number: int) -> Record:
    """Noise that moves the base rate, of one of several persistences and strengths."""
    y, c, days = market(seed)
    persistence, strength = PERSISTENCE[number % 3], STRENGTH[number // 3 % 2]
    shocks = np.random.default_rng([seed, number]).standard_normal(len(y))
    signal = lfilter([np.sqrt(1 - persistence**2)], [1, -persistence], shocks)
    said = Predictions.of(
        decided_at=days[:-HORIZON], resolved_at=days[HORIZON:], asset="IWM",
        p=expit(logit(c) + strength * signal), climatology=c, y=y,
    )  # fmt: skip
    return Record(f"noise {number}", f"{number:032d}", f"hash {number}", "IWM", HORIZON, False, said)


def tried_together(seed: int, count: int) -> list[Verdict]:
    """The verdict on each of some models without skill that were all tried on one market."""
    runs = [skill_less(seed, number) for number in range(count)]
    frames = {run.name: run.predictions.table.set_index("decided_at")[["p", "y"]] for run in runs}
    all_of_them = tried_models(
        on_common_days(runs[0].predictions, {n: f for n, f in frames.items() if n != runs[0].name})
    )
    return [judge(run, None, tried=count, models=lambda: all_of_them) for run in runs]


def shares(seeds: range, count: int) -> dict[str, float]:
    """Shares of models that pass as the only one tried, and of those and of the markets where all were tried."""
    alone = [judge(skill_less(seed, number), None, tried=1).passed for seed in seeds for number in range(count)]
    together = [tried_together(seed, count) for seed in seeds]
    found = [verdict for of_market in together for verdict in of_market]
    failed = {
        f"refused by {name}": float(
            np.mean([check.passed is False for v in found for check in v.checks if check.test == name])
        )
        for name in ("skill", "calibration", "superior ability", "overfitting")
    }
    return {
        "alone": float(np.mean(alone)),
        "together": float(np.mean([verdict.passed for verdict in found])),
        "markets": float(np.mean([any(verdict.passed for verdict in of_market) for of_market in together])),
        **failed,
    }


def test_of_twelve_models_without_skill_on_one_market_none_is_promoted() -> None:
    verdicts = tried_together(1, 12)
    assert not any(verdict.passed for verdict in verdicts)
    assert {check.test for check in verdicts[0].checks} >= {"skill", "calibration", "superior ability", "overfitting"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_under_five_per_cent_of_many_models_without_skill_are_promoted() -> None:
    found = shares(range(1, 41), 48)
    print(found)  # noqa: T201
    assert max(found["alone"], found["together"]) < 0.05
    assert found["markets"] < 0.10
