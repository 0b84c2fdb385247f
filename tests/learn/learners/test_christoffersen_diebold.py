"""The sign from a drift and a volatility: by hand, and against the distribution that it rests on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bullbear.definitions import UP
from bullbear.errors import HistoryError
from bullbear.learn import LEARNERS, TrainingSet
from bullbear.learn.learners.christoffersen_diebold import ChristoffersenDiebold, FittedSign
from bullbear.learn.paths.scaled_history import ScaledHistory

from ..conftest import asked


def learner(**table: object) -> ChristoffersenDiebold:
    found = LEARNERS.read({"kind": "christoffersen_diebold", **table})
    assert isinstance(found, ChristoffersenDiebold)
    return found


@pytest.fixture(scope="module")
def seen(stormy: Callable[..., TrainingSet]) -> TrainingSet:
    made = stormy(600)
    return replace(made, X=made.X[:, :3], names=made.names[:3], signs=(0, 0, 0))


def test_the_probability_by_hand(seen: TrainingSet) -> None:
    fitted = learner(tails="normal").fit(seen)
    har = ScaledHistory.fit(seen.X, seen.path_weights, seen.paths, 3.0)
    sigma = np.exp(har.level(seen.X))
    returns = seen.paths.sum(axis=1)
    mu = returns.mean()
    e = (returns - mu) / sigma
    np.testing.assert_allclose(fitted.probability(seen.X), stats.norm.cdf(mu / sigma / e.std()), atol=1e-12)


def test_a_positive_drift_is_worth_more_in_a_calm_month(seen: TrainingSet) -> None:
    calm_to_wild = np.argsort(np.exp(learner().fit(seen)._level(seen.X)))
    for drift, sign in ((0.01, -1), (-0.01, 1)):
        paths = seen.paths - seen.paths.mean() + drift / 21
        p = learner(tails="normal").fit(replace(seen, paths=paths)).probability(seen.X)[calm_to_wild]
        assert (sign * np.diff(p) > -1e-3).all()
        assert sign * (p[-1] - p[0]) > 0.02


def test_without_a_drift_nothing_is_said(seen: TrainingSet) -> None:
    paths = seen.paths - seen.paths.mean()
    signals = learner(tails="normal").fit(replace(seen, paths=paths)).signals(seen.X)
    np.testing.assert_allclose(signals, 0.0, atol=1e-8)


@pytest.mark.parametrize("tails", ["empirical", "normal", "gram_charlier"])
def test_the_state_brings_back_the_same_bits_of_one_row(seen: TrainingSet, tails: str) -> None:
    fitted = learner(tails=tails).fit(replace(seen, question=asked("move", 0.05)))
    text = json.dumps(fitted.state(), allow_nan=False)
    assert len(text) < 8_000
    restored = learner(tails=tails).restore(json.loads(text))
    for function, other in ((fitted.signals, restored.signals), (fitted.contributions, restored.contributions)):
        many = function(seen.X)
        for row in (0, 5, 599):
            np.testing.assert_array_equal(other(seen.X[row : row + 1]), many[row : row + 1])


def test_contributions_follow_the_volatility(seen: TrainingSet) -> None:
    fitted = learner().fit(replace(seen, question=asked("move", 0.05)))
    signals, shares = fitted.signals(seen.X)[:, 0], fitted.contributions(seen.X).sum(axis=1)
    assert np.corrcoef(signals, shares)[0, 1] > 0.9


def test_each_asset_has_its_own_drift(seen: TrainingSet) -> None:
    asset = np.where(np.arange(600) < 300, "IWM", "SPY")
    fitted = learner().fit(replace(seen, asset=asset))
    assert isinstance(fitted, FittedSign)
    assert fitted.drifts["SPY"] == pytest.approx(seen.paths[300:].sum(axis=1).mean())
    assert not np.array_equal(fitted.of_asset("IWM").probability(seen.X), fitted.of_asset("SPY").probability(seen.X))


def test_what_is_refused(seen: TrainingSet) -> None:
    assert learner().refuses_question(UP) is None
    assert "return_above" in (learner().refuses_question(asked("dip", -0.05)) or "")
    with pytest.raises(HistoryError, match="christoffersen_diebold learner: got 'no paths'"):
        learner().fit(replace(seen, paths=None))
