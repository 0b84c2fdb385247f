"""How often the interval of a forecast holds the long-run frequency that it speaks of, in markets whose law is known.

The law of the quick test is Gaussian, so that the frequency of ups given a signal is a formula; the slow one trains the
logistic learner on the simulated market and takes the frequency from a market of a hundred years.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

from bullbear.data import simulated_macro
from bullbear.data.simulated_process import Path, draw, tide_levels
from bullbear.dataset import Examples
from bullbear.dataset.examples import fingerprint, uniqueness
from bullbear.dataset.labels import climatology
from bullbear.definitions import FactorSpec, FeatureSet, ModelDefinition
from bullbear.learn import train
from bullbear.learn.calibrator import History
from bullbear.learn.calibrators.shrinkage import Shrinkage
from bullbear.sessions import between, closes
from bullbear.statistics import independent_number

HORIZON = 21
SIGNALS = (0.0, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Gaussian:
    """Daily returns m + b x + e, the tide x an autoregression with a half-life of a quarter, e independent."""

    signal: float
    seen: float = 0.7
    """Correlation of the tide with what the learner sees of it."""

    @property
    def law(self) -> tuple[float, float, float, float]:
        """Mean and effect of the tide, daily, and the effect and the variance of a month's return given the tide."""
        phi = 0.5 ** (1 / 63)
        reach = (1 - phi**HORIZON) / (1 - phi)
        daily = 0.64 * self.signal * np.sqrt(HORIZON) / reach
        tails = np.array([(1 - phi**k) / (1 - phi) for k in range(1, HORIZON)])
        variance = HORIZON + daily**2 * (1 - phi**2) * np.sum(tails**2)
        effect = daily * reach
        return float(ndtri(0.6) * np.sqrt(variance + effect**2) / HORIZON), daily, effect, variance

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Labels and what the learner sees, shape (n,)."""
        mean, daily, _, _ = self.law
        tide, other = (self._tide(rng, n + HORIZON) for _ in range(2))
        steps = mean + daily * tide + rng.normal(size=n + HORIZON)
        path = np.concatenate([[0.0], np.cumsum(steps)])
        y = (path[HORIZON : n + HORIZON] > path[:n]).astype(float)
        return y, (self.seen * tide + np.sqrt(1 - self.seen**2) * other)[:n]

    def _tide(self, rng: np.random.Generator, n: int) -> np.ndarray:
        phi = 0.5 ** (1 / 63)
        shocks = np.sqrt(1 - phi**2) * rng.normal(size=n)
        shocks[0] = rng.normal()
        return np.asarray(lfilter([1.0], [1.0, -phi], shocks))

    def frequency(self, seen: np.ndarray) -> np.ndarray:
        """The long-run share of ups among days on which the learner sees this."""
        mean, _, effect, variance = self.law
        unseen = effect**2 * (1 - self.seen**2)
        return np.asarray(ndtr((HORIZON * mean + effect * self.seen * seen) / np.sqrt(variance + unseen)))


def coverage(market: Gaussian, markets: int, seed: int, scale: float, persistence: float | None = None) -> float:
    """The share of days of years 6 to 20 whose interval holds the frequency; a model is calibrated every third."""
    held = []
    for draw_number in range(markets):
        y, seen = market.draw(np.random.default_rng([seed, draw_number]), 5040)
        known = np.maximum(np.arange(5040) - HORIZON + 1, 0)  # labels resolved by each close
        base = np.concatenate([[0.5], np.cumsum(y) / np.arange(1, 5041)])[known]
        for start in range(1260, 5040, 756):
            past = slice(756, known[start - 1])
            signal = scale * seen
            found = Shrinkage().fit(History(y[past], base[past], signal[past], HORIZON, y[: known[start - 1]]))
            if persistence is not None:
                found = replace(found, persistence=persistence)
            days = slice(start, start + 756)
            low, high = found.interval(base[days], independent_number(known[days], HORIZON), signal[days])
            truth = market.frequency(seen[days]) if scale else np.full(756, 0.6)
            held.append(np.mean((low <= truth) & (truth <= high)))
    return float(np.mean(held))


@pytest.mark.parametrize("scale", [0.0, 0.2], ids=["base rate", "signal"])
def test_the_interval_holds_the_frequency_on_nine_days_of_ten(scale: float) -> None:
    # 60 markets at each signal: a standard error of some three points each, of 1.5 for the mean of the four.
    found = {signal: coverage(Gaussian(signal), 60, int(100 * signal), scale) for signal in SIGNALS}
    assert all(0.80 < share < 0.98 for share in found.values()), found
    assert 0.85 < np.mean(list(found.values())) < 0.95, found


def test_the_overlap_alone_would_promise_too_much() -> None:
    # Good and bad times last: an interval from the overlap of labels alone is too narrow where much can be predicted.
    assert coverage(Gaussian(1.0), 60, 100, 0.0, persistence=1.0) < 0.75


FACTORS = ("baa", "junk", "curve", "inflation", "vix", "term")
SESSIONS = 5031


def observed(path: Path, seed: int) -> np.ndarray:
    """Six series of the simulated market in which the tide shows, shape (n_sessions, 6)."""
    rates = simulated_macro.daily(simulated_macro.climate(path), path, seed)
    junk, near, far = (np.log(rates[name]) for name in ("BAMLH0A0HYM2", "VIXCLS", "CBOE_VIX3M"))
    return np.column_stack([rates["BAA10Y"], junk, rates["T10Y2Y"], rates["T10YIE"], near, far - near])


def simulated(seed: int, signal: float) -> Examples:
    """Twenty years of the simulated market."""
    grid = between("2000-01-03", "2020-03-31")
    path = draw(seed, signal, SESSIONS + HORIZON)
    total = np.cumsum(path.returns)
    y = (total[HORIZON:] > total[:-HORIZON]).astype(float)
    X = pd.DataFrame(observed(path, seed)[:SESSIONS], index=grid[:SESSIONS], columns=list(FACTORS))
    decided_at, resolved_at = closes(grid)[:SESSIONS], closes(grid)[HORIZON : SESSIONS + HORIZON]
    share, count = climatology(y, resolved_at, decided_at)
    seal = fingerprint(X, y, resolved_at)
    return Examples(
        X, y, y, np.ones(SESSIONS, dtype=bool), uniqueness(SESSIONS, HORIZON), decided_at, resolved_at, share, count,
        HORIZON, seal, np.full(SESSIONS, "IWM"),
    )  # fmt: skip


def frequency(signals: np.ndarray, tide: np.ndarray, p_up: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The mean true probability among days of a long market with such a signal, each tide as often as by law."""
    level = np.searchsorted(tide_levels(), tide - 1e-9)
    law = np.array([1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1]) / 1024
    weight = (law / np.maximum(np.bincount(level, minlength=11) / len(level), 1e-12))[level]
    edges = np.quantile(signals, np.linspace(0, 1, 31))
    part = np.clip(np.searchsorted(edges, signals, side="right") - 1, 0, 29)
    middle = [signals[part == i].mean() for i in range(30)]
    return np.interp(seen, middle, [np.average(p_up[part == i], weights=weight[part == i]) for i in range(30)])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["climatology", "logistic"])
def test_coverage_over_twenty_simulated_markets_at_each_signal(kind: str) -> None:
    sets = [FeatureSet(name="seen", why="What shows the tide.", factor=tuple(
        FactorSpec(name=name, function="any", inputs={}) for name in FACTORS))]  # fmt: skip
    definition = ModelDefinition.model_validate(
        {
            "name": "tested",
            "intent": "Coverage of the interval.",
            "features": ["seen"],
            "splitter": {"refit": "year"},
            "learner": {"kind": kind} | ({"penalty": 30.0} if kind == "logistic" else {}),
        }
    )
    held: dict[float, float] = {}
    for signal in SIGNALS:
        long = draw(9_999, signal, 30_000)
        X = observed(long, 9_999)
        shares = []
        for seed in range(int(1000 * signal), int(1000 * signal) + 20):  # other markets at every signal
            examples = simulated(seed, signal)
            trained = train(definition, sets, examples)
            truth = np.full(len(trained.predictions.table), 0.6)
            if kind == "logistic":
                cuts = pd.DatetimeIndex([model.trained_through for model in trained.models])
                rows = examples.decided_at.get_indexer(pd.DatetimeIndex(trained.predictions.table["decided_at"]))
                in_force = cuts.searchsorted(examples.decided_at[rows], side="left") - 1
                seen = examples.X.to_numpy()[rows]
                for number in np.unique(in_force):
                    fitted, own = trained.models[number].members[0].fitted, in_force == number
                    truth[own] = frequency(
                        fitted.signals(X)[:, 0], long.tide, long.p_up, fitted.signals(seen[own])[:, 0]
                    )
            low, high = trained.predictions.table["p_low"], trained.predictions.table["p_high"]
            shares.append(float(((low <= truth) & (truth <= high)).mean()))
        held[signal] = float(np.mean(shares))
    # Twenty markets leave a standard error of some five points at each signal, of 2.5 for the mean of the four.
    assert all(0.78 < share < 0.99 for share in held.values()), held
    assert 0.85 <= np.mean(list(held.values())) <= 0.96, held
