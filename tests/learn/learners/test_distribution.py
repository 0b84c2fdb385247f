"""The distribution learner: one fit, many questions, answers that hang together."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.definitions.coherence import implications
from bullbear.definitions.questions import QUESTION_KINDS, Question
from bullbear.errors import DefinitionError, HistoryError
from bullbear.learn import LEARNERS, TrainingSet
from bullbear.learn.learner import signals_of
from bullbear.learn.learners.distribution import Distribution, FittedDistribution
from bullbear.learn.paths.events import event_of

SCALES = ("har", "garch", "implied")
THRESHOLDS = {
    "return_above": st.floats(-0.2, 0.2),
    "return_below": st.floats(-0.2, 0.2),
    "dip": st.floats(-0.2, -0.005),
    "rally": st.floats(0.005, 0.2),
    "move": st.floats(0.005, 0.2),
    "volatility": st.floats(0.05, 0.6),
}
ASKED = st.sampled_from(sorted(THRESHOLDS)).flatmap(lambda kind: st.tuples(st.just(kind), THRESHOLDS[kind]))
"""Kind and threshold of a question."""


def question(kind: str, threshold: float, name: str = "mine", horizon: int = 21) -> Question:
    table = {"name": name, "kind": kind, "threshold": threshold, "horizon": horizon, "sentence": "A sentence."}
    return QUESTION_KINDS.read(table)


SHIPPED = [
    question("return_above", 0.0, "up"),
    question("return_below", -0.05, "fall5"),
    question("dip", -0.08, "dip8"),
    question("rally", 0.05, "rally5"),
    question("move", 0.05, "move5"),
    question("volatility", 0.20, "vol20"),
]


def learner(scale: str) -> Distribution:
    found = LEARNERS.read({"kind": "distribution", "scale": scale})
    assert isinstance(found, Distribution)
    return found


@pytest.fixture(scope="module")
def seen(stormy: Callable[..., TrainingSet]) -> TrainingSet:
    return stormy(600)


@pytest.fixture(scope="module")
def fits(seen: TrainingSet) -> dict[str, list[FittedDistribution]]:
    """Each scale's answers to the shipped questions."""
    sets = [replace(seen, question=each) for each in SHIPPED]
    return {scale: learner(scale).fit_all(sets) for scale in SCALES}


@pytest.mark.parametrize("scale", SCALES)
@settings(max_examples=25, deadline=None)
@given(asked=st.lists(ASKED, min_size=2, max_size=5), row=st.integers(0, 599))
def test_answers_obey_every_relation_of_any_questions(fits, seen, scale, asked, row) -> None:
    model = fits[scale][0]
    questions = [question(kind, threshold, f"q{place}") for place, (kind, threshold) in enumerate(asked)]
    p = {each.name: _answer(model, each, seen.X[row : row + 1]) for each in questions}
    for relation in implications(questions):
        first, second = p[relation.first], p[relation.second]
        # Marginals are rounded one by one.
        if relation.kind == "implies":
            assert first <= second + 1e-4
        elif relation.kind == "excludes":
            assert first + second <= 1 + 1e-4
        else:
            assert first + second >= 1 - 1e-4


def _answer(model: FittedDistribution, asked: Question, X: np.ndarray) -> float:
    return float(replace(model, event=event_of(asked)).probability(X)[0])


@pytest.mark.parametrize("scale", SCALES)
def test_one_fit_of_all_questions_is_a_fit_of_each(fits, seen, scale) -> None:
    for asked, together in zip(SHIPPED[2:4], fits[scale][2:4], strict=True):
        alone = learner(scale).fit(replace(seen, question=asked))
        np.testing.assert_array_equal(alone.signals(seen.X[:5]), together.signals(seen.X[:5]))


@pytest.mark.parametrize("scale", SCALES)
def test_the_state_brings_back_the_same_bits_of_one_row(fits, seen, scale) -> None:
    for model in fits[scale]:
        text = json.dumps(model.state(), allow_nan=False)
        assert len(text) < 15_000
        restored = learner(scale).restore(json.loads(text))
        together = model.signals(seen.X[:9])
        for row in (0, 8):
            X = seen.X[row : row + 1]
            assert restored.signals(X)[0, 0] == together[row, 0]
            np.testing.assert_array_equal(restored.contributions(X)[0], model.contributions(seen.X[:9])[row])
            np.testing.assert_array_equal(restored.distribution(X).quantiles[0], model.distribution(X).quantiles[0])


@pytest.mark.parametrize("scale", SCALES)
def test_signals_are_log_odds_beyond_their_own_mean(fits, seen, scale) -> None:
    for model in fits[scale]:
        p = model.probability(seen.X[::7])
        n, mean = 600 / 21, model.share
        hedged = (n * p + mean) / (n + 1)
        expected = np.log(hedged / (1 - hedged)) - np.log(mean / (1 - mean))
        np.testing.assert_allclose(model.signals(seen.X[::7])[:, 0], expected, atol=1e-9)
        assert mean == pytest.approx(np.mean(p), abs=0.02)


@pytest.mark.parametrize("scale", ["har", "implied"])
def test_wilder_months_make_the_wild_events_likelier(fits, seen, scale) -> None:
    calm, wild = np.argmin(seen.X[:, 2]), np.argmax(seen.X[:, 2])
    for model in fits[scale][1:]:
        assert model.signals(seen.X[[wild]])[0, 0] > model.signals(seen.X[[calm]])[0, 0]


def test_contributions_are_the_shares_of_the_level_times_the_slope(fits, seen) -> None:
    model, X = fits["har"][2], seen.X[100:101]
    level, shares = model.model.level(X), model.model.shares(X)
    step = 0.1
    slope = (model._signal(level + step) - model._signal(level - step)) / 0.2
    np.testing.assert_allclose(model.contributions(X), shares * slope)
    assert slope[0] > 0.0
    assert not fits["garch"][2].contributions(X).any()
    only = fits["implied"][2].contributions(X)[0]
    assert np.flatnonzero(only).tolist() == [seen.names.index("log_vix")]


@pytest.mark.parametrize("scale", SCALES)
def test_other_horizons_are_answered(stormy, scale) -> None:
    training = stormy(700, horizon=63)
    asked = question("dip", -0.10, horizon=63)
    model = learner(scale).fit(replace(training, question=asked))
    forecast = model.distribution(training.X[:2])
    assert forecast.fan.shape == (2, 5, 63)
    assert np.isfinite(model.signals(training.X[:2])).all()


@pytest.mark.parametrize("scale", SCALES)
def test_paths_that_are_not_known_are_left_out(seen, scale) -> None:
    holes = seen.paths.copy()
    holes[550:] = np.nan
    partly = learner(scale).fit(replace(seen, paths=holes))
    columns = ("X", "y", "weights", "path_weights", "decided_at", "resolved_at", "asset")
    short = {name: getattr(seen, name)[:550] for name in columns}
    without = learner(scale).fit(replace(seen, paths=seen.paths[:550], **short))
    np.testing.assert_array_equal(partly.probability(seen.X[:5]), without.probability(seen.X[:5]))


@pytest.mark.parametrize("scale", SCALES)
def test_a_companion_with_more_labels_changes_nothing(seen, scale) -> None:
    # A close is missing: `up` has labels on rows whose paths are not known, a dip has none there.
    gone = np.arange(600)[:, None] // 21 == 14
    up = replace(seen, question=SHIPPED[0], paths=np.where(gone, np.nan, seen.paths))
    rows = np.flatnonzero(~gone[:, 0])
    columns = ("X", "y", "weights", "paths", "path_weights", "decided_at", "resolved_at", "asset")
    dip = replace(up, question=SHIPPED[2], **{name: getattr(up, name)[rows] for name in columns})
    assert len(up.y) > len(dip.y)
    together = learner(scale).fit_all([up, dip])
    assert together[0].model is together[1].model
    for alone, joint in zip([up, dip], together, strict=True):
        assert learner(scale).fit(alone).state() == joint.state()


def test_the_signal_of_each_asset_is_about_its_own_mean(seen) -> None:
    # AAA is half as wild: its months are calmer than those of IWM on every day.
    calm = replace(seen, X=np.column_stack([seen.X[:, :3] - np.log(2), seen.X[:, 3:] / 2]), paths=seen.paths / 2)
    order = np.argsort(np.tile(np.arange(600), 2), kind="stable")
    columns = ("X", "y", "weights", "paths", "path_weights")
    joined = {name: np.concatenate([getattr(calm, name), getattr(seen, name)])[order] for name in columns}
    instants = {name: getattr(seen, name).append(getattr(seen, name))[order] for name in ("decided_at", "resolved_at")}
    asset = np.repeat(["AAA", "IWM"], 600)[order]
    panel = replace(seen, asset=asset, question=SHIPPED[-1], **joined, **instants)
    fitted = learner("har").fit(panel)
    restored = learner("har").restore(json.loads(json.dumps(fitted.state())))
    signals = signals_of("distribution", restored, panel.X, asset)[:, 0]
    shares = {}
    for name in ("AAA", "IWM"):
        own = asset == name
        np.testing.assert_array_equal(signals[own], fitted.of_asset(name).signals(panel.X[own])[:, 0])
        shares[name] = fitted.probability(panel.X[own]).mean()
        assert fitted.of_asset(name).share == pytest.approx(shares[name], abs=0.02)
        assert signals[own].min() < 0.0 < signals[own].max()
    assert shares["IWM"] > 3 * shares["AAA"]
    assert fitted.share == pytest.approx(np.mean([*shares.values()]), abs=0.02)


def test_too_few_paths_are_refused(seen) -> None:
    with pytest.raises(HistoryError, match=r"20 known paths.*at least 21"):
        learner("har").fit(replace(seen, paths=np.where(np.arange(600)[:, None] < 20, seen.paths, np.nan)))


@pytest.mark.parametrize(("scale", "missing"), [("garch", "daily_return_0"), ("implied", "log_vix")])
def test_a_scale_without_its_factor_is_refused(seen, scale, missing) -> None:
    names = tuple(name.replace(missing, "other") for name in seen.names)
    with pytest.raises(DefinitionError, match=f"{missing}, which the scale {scale} reads"):
        learner(scale).fit(replace(seen, names=names))


def test_a_panel_has_one_scale_for_each_asset(seen) -> None:
    mixed = replace(seen, asset=np.where(np.arange(600) % 2, "IWM", "SPY"))
    for scale in ("garch", "implied"):
        with pytest.raises(DefinitionError, match=f'scale = "{scale}" for IWM, SPY.*"har" for several assets'):
            learner(scale).fit(mixed)
    np.testing.assert_array_equal(
        learner("har").fit(mixed).signals(seen.X[:3]), learner("har").fit(seen).signals(seen.X[:3])
    )


def test_where_nothing_varies_nothing_is_said(seen) -> None:
    flat = replace(seen, X=np.full(seen.X.shape, -1.5))
    for scale in ("har", "implied"):
        assert not learner(scale).fit(flat).signals(flat.X[:3]).any()
