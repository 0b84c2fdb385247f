"""Folds by literal rows: purge, embargo, and a planted label that must not get in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear import sessions as exchange
from bullbear.definitions.picker import Boosted, Ranker, Schedule
from bullbear.errors import HistoryError
from bullbear.execution import Cluster, Executor, Local
from bullbear.picking.cross_section import decisions
from bullbear.picking.labels import Labels
from bullbear.picking.walk_forward import folds, walk_forward

DAYS = exchange.between("2014-12-01", "2017-12-29")
DECIDED = decisions(DAYS, "month")
RULE = Ranker(
    name="trees",
    kind="ranker",
    why="A small ranker for the tests.",
    features=("one", "two"),
    learner=Boosted(num_iterations=20, min_data_in_leaf=20, num_leaves=4),
)


def plan(**settings: object) -> Schedule:
    return Schedule.model_validate({"least_decisions": 6, **settings})


def test_a_year_learns_from_what_had_resolved_before_it() -> None:
    found = folds(DAYS, DECIDED, DECIDED + 21, plan(embargo=0))
    # Decisions: Dec 2014 is number 0, Jan 2016 number 13. At the close of January 2016 the label of December 2015 (18
    # sessions before) is still open.
    assert [fold.test.tolist() for fold in found] == [list(range(13, 25)), list(range(25, 37))]
    assert found[0].train.tolist() == list(range(12))
    assert found[1].train.tolist() == list(range(24))
    assert DECIDED[13] - DECIDED[12] < 21 <= DECIDED[13] - DECIDED[11]


def test_the_embargo_holds_back_more() -> None:
    by_quarter = folds(DAYS, DECIDED, DECIDED + 21, plan(embargo=30, refit="quarter"))
    assert [len(fold.train) for fold in by_quarter[:2]] == [8, 11]
    assert all(len(fold.test) <= 3 for fold in by_quarter)


@given(
    horizon=st.integers(1, 126), embargo=st.integers(0, 60), refit=st.sampled_from(["quarter", "year"]),
    rebalance=st.sampled_from(["week", "month"]),
)  # fmt: skip
def test_no_fold_learns_from_what_is_open_at_its_first_decision(
    horizon: int, embargo: int, refit: str, rebalance: str
) -> None:
    decided = decisions(DAYS, rebalance)
    found = folds(DAYS, decided, decided + horizon, plan(embargo=embargo, refit=refit))
    tested = np.concatenate([fold.test for fold in found])
    assert len(set(tested.tolist())) == len(tested)
    for fold in found:
        assert (decided[fold.train] + horizon + embargo).max() <= decided[fold.test].min()
        assert len(fold.train) >= 6


def test_too_short_a_history_is_refused() -> None:
    with pytest.raises(HistoryError, match="a first fit needs 60 with resolved labels"):
        folds(DAYS, DECIDED, DECIDED + 21, plan(least_decisions=60))


def market(seed: int = 0, companies: int = 60) -> tuple[dict[str, np.ndarray], Labels]:
    """Percentiles of which the first foretells the labels a little."""
    rng = np.random.default_rng(seed)
    shape = (len(DECIDED), companies)
    ranked = {name: rng.random(shape) for name in RULE.features}
    relative = 0.5 * (ranked["one"] - 0.5) + rng.normal(0, 0.3, shape)
    relative[len(DAYS) <= DECIDED + 21] = np.nan
    return ranked, Labels(DECIDED, DECIDED + 21, relative, relative)


def scores(ranked: dict[str, np.ndarray], found: Labels, executor: Executor | None = None) -> np.ndarray:
    everyone, years = np.ones(found.relative.shape, dtype=bool), folds(DAYS, DECIDED, found.resolved, plan())
    return walk_forward(RULE, ranked, found, 5, everyone, years, executor=executor)


def test_open_labels_never_reach_a_score() -> None:
    ranked, found = market()
    usual = scores(ranked, found)
    assert np.isnan(usual[:13]).all()
    assert np.isfinite(usual[13:]).all()
    # Of the fold that begins with decision 13 (January 2016), everything from number 12 on is open: replace it.
    planted = found.relative.copy()
    planted[12:] = 10.0 * ranked["two"][12:]
    changed = scores(ranked, Labels(found.decided, found.resolved, planted, planted))
    np.testing.assert_array_equal(changed[13:25], usual[13:25])
    assert (changed[25:] != usual[25:]).any()  # the next year may learn from it
    # The test would notice a leak: one admissible label moves the scores.
    planted = found.relative.copy()
    planted[11] = 10.0 * ranked["two"][11]
    assert (scores(ranked, Labels(found.decided, found.resolved, planted, planted))[13:25] != usual[13:25]).any()


def test_a_planted_leak_of_the_purge_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked, found = market()
    planted = found.relative.copy()
    planted[12:] = 10.0 * ranked["two"][12:]
    other = Labels(found.decided, found.resolved, planted, planted)
    monkeypatch.setattr("bullbear.picking.walk_forward.admissible", lambda resolved, decided, embargo: resolved > -1)
    assert (scores(ranked, other)[13:25] != scores(ranked, found)[13:25]).any()


def test_the_same_bits_again_and_a_later_history_changes_no_earlier_score() -> None:
    ranked, found = market()
    np.testing.assert_array_equal(scores(ranked, found), scores(ranked, found))
    cut = 25
    shorter = Labels(found.decided[:cut], found.resolved[:cut], found.total[:cut], found.relative[:cut].copy())
    shorter.relative[24:] = np.nan
    part = walk_forward(
        RULE,
        {name: each[:cut] for name, each in ranked.items()},
        shorter,
        5,
        np.ones(shorter.relative.shape, dtype=bool),
        folds(DAYS[: DECIDED[cut - 1] + 1], DECIDED[:cut], shorter.resolved, plan()),
    )
    np.testing.assert_array_equal(part, scores(ranked, found)[:cut])


@pytest.mark.slow
def test_processes_and_a_cluster_give_the_same_bits(cluster: Any) -> None:
    ranked, found = market()
    usual = scores(ranked, found)
    for executor in (Local(2, preload=("lightgbm",)), Cluster(cluster.scheduler_address)):
        np.testing.assert_array_equal(scores(ranked, found, executor), usual)


def test_a_ranker_finds_what_is_there() -> None:
    ranked, found = market()
    got = scores(ranked, found)
    assert np.corrcoef(got[13:].ravel(), ranked["one"][13:].ravel())[0, 1] > 0.6
