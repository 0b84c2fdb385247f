"""Folds as literal dates that a person can check against a calendar; labels live five sessions."""

from __future__ import annotations

import itertools
import math
import tomllib
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.dataset import Fold
from bullbear.dataset.splits import SPLITTERS, Combinatorial, Expanding, Rolling
from bullbear.definitions import Source
from bullbear.errors import DefinitionError, HistoryError, InputError
from bullbear.sessions import between, closes

HORIZON = 5
GRID = between("2019-11-01", "2020-08-31")
SESSIONS = GRID[GRID <= "2020-07-31"]
CLOSES = closes(GRID)


def folds(
    first: str,
    *,
    burn_in: int = 0,
    refit: Literal["month", "quarter", "year"] = "month",
    embargo: int = 0,
    min_train: int = 21,
    start: str | None = None,
    end: str | None = None,
) -> list[Fold]:
    splitter = Expanding(first=first, burn_in_months=burn_in, refit=refit, embargo=embargo, min_train=min_train)
    return splitter.folds(labels(), start=start, end=end)


def labels(horizon: int = HORIZON) -> pd.DataFrame:
    return pd.DataFrame({"resolved_at": CLOSES[horizon : len(SESSIONS) + horizon]}, index=SESSIONS)


def told(fold: Fold) -> tuple[str, str, str, str, str]:
    """First and last training session, the close of the fit (New York), first and last test session."""
    days = SESSIONS.strftime("%Y-%m-%d")
    fitted = fold.trained_through.tz_convert("America/New_York").strftime("%Y-%m-%d %H:%M")
    return days[fold.train[0]], days[fold.train[-1]], fitted, days[fold.test[0]], days[fold.test[-1]]


def test_monthly_folds() -> None:
    # Decided on 23 December, five sessions on: 24, 26, 27, 30, 31 December. The label of the 24th is not yet known.
    assert [told(fold) for fold in folds("2020-01-01", end="2020-04-15")] == [
        ("2019-11-01", "2019-12-23", "2019-12-31 16:00", "2020-01-02", "2020-01-31"),
        ("2019-11-01", "2020-01-24", "2020-01-31 16:00", "2020-02-03", "2020-02-28"),
        ("2019-11-01", "2020-02-21", "2020-02-28 16:00", "2020-03-02", "2020-03-31"),
        ("2019-11-01", "2020-03-24", "2020-03-31 16:00", "2020-04-01", "2020-04-15"),
    ]


def test_quarterly_folds() -> None:
    assert [told(fold)[1:] for fold in folds("2020-01-01", refit="quarter")] == [
        ("2019-12-23", "2019-12-31 16:00", "2020-01-02", "2020-03-31"),
        ("2020-03-24", "2020-03-31 16:00", "2020-04-01", "2020-06-30"),
        ("2020-06-23", "2020-06-30 16:00", "2020-07-01", "2020-07-31"),
    ]


def test_yearly_folds() -> None:
    assert [told(fold)[1:] for fold in folds("2019-12-16", refit="year")] == [
        ("2019-12-06", "2019-12-13 16:00", "2019-12-16", "2019-12-31"),
        ("2019-12-23", "2019-12-31 16:00", "2020-01-02", "2020-07-31"),
    ]


def test_an_early_close_is_the_hour_of_the_fit() -> None:
    first = folds("2019-12-26")[0]
    assert told(first)[1:4] == ("2019-12-17", "2019-12-24 13:00", "2019-12-26")


def test_the_embargo_withholds_further_sessions() -> None:
    # Three sessions before 31 December is the 26th; five before that, the 18th.
    assert told(folds("2020-01-01", embargo=3)[0])[1:4] == ("2019-12-18", "2019-12-31 16:00", "2020-01-02")


def test_burn_in_forecasts_months_before_the_first_reported_day() -> None:
    assert [told(fold)[1:] for fold in folds("2020-01-15", burn_in=1, end="2020-01-31")] == [
        ("2019-12-06", "2019-12-13 16:00", "2019-12-16", "2019-12-31"),
        ("2019-12-23", "2019-12-31 16:00", "2020-01-02", "2020-01-31"),
    ]


def test_no_fold_before_there_are_enough_resolved_labels() -> None:
    # By the end of December 20 + 16 labels of November and December had resolved, by the end of January 57.
    assert [len(fold.train) for fold in folds("2020-01-01", end="2020-02-28")] == [36, 57]
    assert len(folds("2020-01-01", end="2020-02-28", min_train=36)) == 2
    late = folds("2020-01-01", end="2020-02-28", min_train=37)
    assert [told(fold)[3] for fold in late] == ["2020-02-03"]


def test_start_and_end_replace_the_definition() -> None:
    found = folds("2020-01-01", start="2020-03-10", end="2020-04-02")
    assert [told(fold)[1:] for fold in found] == [
        ("2020-03-02", "2020-03-09 16:00", "2020-03-10", "2020-03-31"),
        ("2020-03-24", "2020-03-31 16:00", "2020-04-01", "2020-04-02"),
    ]


@pytest.mark.parametrize(
    ("first", "min_train", "end", "need"),
    [
        ("2020-01-01", 500, None, 500),
        ("2021-01-01", 21, None, 21),
        ("2020-03-01", 21, "2020-02-01", 21),
        ("2019-11-01", 21, "2019-12-02", 21),
    ],
    ids=["too little", "after the end", "end before start", "nothing resolved"],
)
def test_no_fold_at_all_is_refused(first: str, min_train: int, end: str | None, need: int) -> None:
    message = (
        f"^walk-forward: got '188 sessions to 2020-07-31'; allowed: at least {need} resolved labels before a forecast "
        f"in {first} or later; load more history"
    )
    with pytest.raises(HistoryError, match=message):
        folds(first, min_train=min_train, end=end)


def test_a_start_that_is_no_date_is_refused() -> None:
    with pytest.raises(InputError, match="date: got 'soon'; allowed: a day as YYYY-MM-DD"):
        folds("2020-01-01", start="soon")


def test_a_label_that_resolves_late_waits_for_its_fold() -> None:
    n = len(SESSIONS)
    resolved = CLOSES[HORIZON : n + HORIZON].to_series().reset_index(drop=True)
    late = SESSIONS.get_loc(pd.Timestamp("2019-11-20"))
    resolved[late] = pd.Timestamp("2020-02-03 15:00", tz="UTC")
    found = Expanding(first="2020-01-01", burn_in_months=0, min_train=21).folds(labels(), groups=resolved)
    assert [late in fold.train for fold in found[:3]] == [False, False, True]


def test_a_session_that_nobody_could_decide_on_is_trained_on_but_not_forecast() -> None:
    decidable = ~SESSIONS.isin(pd.DatetimeIndex(["2020-02-03", "2020-02-12"]))
    found = Expanding(first="2020-01-01", burn_in_months=0, min_train=21).folds(labels().assign(decidable=decidable))
    # The fit waits for the first session of February on which a forecast can be made.
    assert told(found[1])[2:] == ("2020-02-03 16:00", "2020-02-04", "2020-02-28")
    assert SESSIONS.get_loc(pd.Timestamp("2020-02-12")) not in found[1].test
    assert SESSIONS.get_loc(pd.Timestamp("2020-02-12")) in found[2].train


@settings(max_examples=60, deadline=None)
@given(
    first=st.dates(pd.Timestamp("2019-11-01").date(), pd.Timestamp("2020-06-30").date()),
    burn_in=st.integers(0, 4),
    refit=st.sampled_from(["month", "quarter", "year"]),
    embargo=st.integers(0, 30),
    horizon=st.integers(1, 20),
)
def test_laws_of_every_walk_forward(first, burn_in: int, refit, embargo: int, horizon: int) -> None:
    n = len(SESSIONS)
    decided, resolved = CLOSES[:n], CLOSES[horizon : n + horizon]
    splitter = Expanding(first=str(first), burn_in_months=burn_in, refit=refit, embargo=embargo, min_train=21)
    try:
        found = splitter.folds(labels(horizon))
    except HistoryError:
        return
    tested = np.concatenate([fold.test for fold in found])
    np.testing.assert_array_equal(tested, np.arange(tested[0], n))
    before = pd.Timestamp(first) - pd.DateOffset(months=burn_in)
    assert SESSIONS[tested[0]] >= before
    for fold in found:
        assert len(fold.train) >= 21
        # Every row that had resolved, and none besides: the slow way round.
        limit = decided[fold.test[0] - 1 - embargo]
        assert fold.train.tolist() == [row for row in range(n) if resolved[row] <= limit]
        assert fold.trained_through == decided[fold.test[0] - 1]
        assert fold.trained_through < decided[fold.test[0]]
        # Purge: the last label trained on ended before the first forecast began.
        assert fold.test[0] - fold.train[-1] == horizon + embargo + 1
        assert len(set(SESSIONS[fold.test].to_period({"month": "M", "quarter": "Q", "year": "Y"}[refit]))) == 1
    for earlier, later in itertools.pairwise(found):
        assert set(earlier.train) < set(later.train)


def test_a_rolling_window_forgets_the_oldest_sessions() -> None:
    found = Rolling(first="2020-01-01", burn_in_months=0, min_train=21, window=63).folds(labels(), end="2020-04-15")
    # 63 sessions up to 31 March begin on 31 December; those decided after 24 March have not resolved.
    assert [told(fold) for fold in found] == [
        ("2019-11-01", "2019-12-23", "2019-12-31 16:00", "2020-01-02", "2020-01-31"),
        ("2019-11-01", "2020-01-24", "2020-01-31 16:00", "2020-02-03", "2020-02-28"),
        ("2019-11-27", "2020-02-21", "2020-02-28 16:00", "2020-03-02", "2020-03-31"),
        ("2019-12-31", "2020-03-24", "2020-03-31 16:00", "2020-04-01", "2020-04-15"),
    ]
    assert len(between("2019-12-31", "2020-03-31")) == 63


def test_a_window_beyond_the_history_is_the_expanding_one() -> None:
    rolling = Rolling(first="2020-02-01", burn_in_months=2, min_train=21).folds(labels())
    expanding = Expanding(first="2020-02-01", burn_in_months=2, min_train=21).folds(labels())
    for one, other in zip(rolling, expanding, strict=True):
        assert one.train.tolist() == other.train.tolist()
        assert one.test.tolist() == other.test.tolist()
        assert one.path.tolist() == [0] * len(one.test)


THREE_GROUPS = Combinatorial(first="2020-01-02", n_groups=3, n_test_groups=1, min_train=21, embargo=2)


def test_combinatorial_folds() -> None:
    found = THREE_GROUPS.folds(labels(), end="2020-06-30")
    days = SESSIONS.strftime("%Y-%m-%d")
    # 125 sessions from 2 January to 30 June in groups of 42, 42 and 41.
    assert [(days[fold.test[0]], days[fold.test[-1]], len(fold.test)) for fold in found] == [
        ("2020-01-02", "2020-03-03", 42),
        ("2020-03-04", "2020-05-01", 42),
        ("2020-05-04", "2020-06-30", 41),
    ]

    def trained(fold: Fold) -> list[tuple[str, str]]:
        cuts = np.split(fold.train, np.flatnonzero(np.diff(fold.train) > 1) + 1)
        return [(days[cut[0]], days[cut[-1]]) for cut in cuts]

    assert [trained(fold) for fold in found] == [
        # Before: resolved by 31 December. After: the last test label resolves on 10 March, and two sessions more.
        [("2019-11-01", "2019-12-23"), ("2020-03-13", "2020-06-30")],
        # The label of 25 February resolves on 3 March. The last test label resolves on 8 May.
        [("2019-11-01", "2020-02-25"), ("2020-05-13", "2020-06-30")],
        # Decided on 24 April, resolved on 1 May.
        [("2019-11-01", "2020-04-24")],
    ]
    assert not THREE_GROUPS.is_walk_forward
    assert THREE_GROUPS.get_n_splits() == 3


def panel(table: pd.DataFrame, assets: int) -> pd.DataFrame:
    names = ["IWM", "QQQ", "SPY"][:assets]
    return pd.concat({name: table for name in names}, names=["asset"]).swaplevel().sort_index()


@settings(max_examples=40, deadline=None)
@given(
    n_groups=st.integers(2, 7),
    n_test=st.integers(1, 3),
    embargo=st.integers(0, 10),
    horizon=st.integers(1, 20),
    assets=st.integers(1, 3),
)
def test_laws_of_every_combinatorial_split(n_groups: int, n_test: int, embargo: int, horizon: int, assets: int) -> None:
    if n_test >= n_groups:
        return
    splitter = Combinatorial(first="2019-12-02", n_groups=n_groups, n_test_groups=n_test, embargo=embargo, min_train=21)
    table = panel(labels(horizon), assets)
    try:
        found = splitter.folds(table)
    except HistoryError as bad:
        assert "examples left by the purge" in str(bad)  # noqa: PT017
        return
    assert len(found) == splitter.get_n_splits() == math.comb(n_groups, n_test)
    assert splitter.n_paths == math.comb(n_groups, n_test) * n_test // n_groups
    session = pd.DatetimeIndex(table.index.get_level_values(0))
    number = SESSIONS.get_indexer(session)
    tested = np.flatnonzero(session >= "2019-12-02").tolist()
    for path in range(splitter.n_paths):
        assert sorted(row for fold in found for row in fold.test[fold.path == path]) == tested
    for fold in found:
        assert not set(number[fold.train]) & set(number[fold.test])
        assert fold.path.max() < splitter.n_paths
        clear = np.ones(len(table), dtype=bool)
        for row in set(number[fold.test]):
            # Lives are the sessions from decision to resolution; a life after the test keeps the embargo, too.
            clear &= (number + horizon < row) | (number > row + horizon + embargo)
        assert fold.train.tolist() == np.flatnonzero(clear).tolist()


def test_all_rows_of_a_session_fall_on_the_same_side() -> None:
    one = Expanding(first="2020-01-01", burn_in_months=0, min_train=21).folds(labels())
    three = Expanding(first="2020-01-01", burn_in_months=0, min_train=21).folds(panel(labels(), 3))
    for single, many in zip(one, three, strict=True):
        assert many.train.tolist() == [3 * row + asset for row in single.train for asset in range(3)]
        assert many.test.tolist() == [3 * row + asset for row in single.test for asset in range(3)]
        assert many.trained_through == single.trained_through


@pytest.mark.parametrize(
    "splitter",
    [Expanding(first="2020-01-01", min_train=21), Rolling(first="2020-02-01", min_train=21), THREE_GROUPS],
    ids=["expanding", "rolling", "combinatorial"],
)
def test_scikit_learn_can_use_it(splitter: Expanding) -> None:
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import cross_val_score

    table = labels()
    y = np.arange(len(table)) % 3 == 0
    X = table[[]].assign(x=1.0)
    scores = cross_val_score(DummyClassifier(), X, y, cv=splitter, groups=table["resolved_at"], scoring="accuracy")
    assert len(scores) == splitter.get_n_splits(table)
    np.testing.assert_allclose(scores, [1 - y[fold.test].mean() for fold in splitter.folds(table)])


def test_kinds_are_read_from_a_table() -> None:
    assert SPLITTERS.names() == ("combinatorial", "expanding", "rolling")
    assert SPLITTERS.read({}) == Expanding()
    assert SPLITTERS.read({"kind": "rolling", "window": 504}) == Rolling(window=504)
    with pytest.raises(DefinitionError, match="allowed: n_test_groups below n_groups = 4"):
        SPLITTERS.read({"kind": "combinatorial", "n_groups": 4, "n_test_groups": 4})
    with pytest.raises(DefinitionError, match="got 'kfold'; allowed: combinatorial or expanding or rolling"):
        SPLITTERS.read({"kind": "kfold"})


def test_what_cannot_be_split_is_refused() -> None:
    splitter = Expanding(first="2020-01-01", min_train=21)
    with pytest.raises(InputError, match="groups: missing; allowed: the instant at which each label resolves"):
        splitter.folds(labels()[[]])
    with pytest.raises(InputError, match="groups: got '3 instants for 188 rows'"):
        splitter.folds(labels(), groups=labels()["resolved_at"][:3])
    with pytest.raises(InputError, match="X: got 'another index'; allowed: a frame indexed by session, in order"):
        splitter.folds(labels()[::-1])
    with pytest.raises(InputError, match="X: got 'another index'"):
        splitter.folds(labels().reset_index())
    with pytest.raises(
        HistoryError, match="combinatorial splitter: got 1; allowed: at least 6 sessions from 2020-07-31"
    ):
        Combinatorial(first="2020-07-31").folds(labels())


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "allowed"),
    [
        ('"quarter"', '"week"', 3, "splitter.refit", "'month', 'quarter' or 'year'"),
        ('"2010-01-01"', '"2010-02-30"', 2, "splitter.first", "a day of the calendar as YYYY-MM-DD"),
        ('"2010-01-01"', '"in 2010"', 2, "splitter.first", "a day as YYYY-MM-DD"),
        ('"2010-01-01"', "2010-01-01", 2, "splitter.first", "a text in quotes"),
        ("refit", "refits", 3, "splitter.refits", "one of kind, first, embargo, min_train, burn_in_months, refit"),
    ],
)
def test_a_wrong_splitter_is_named_with_its_line(old: str, new: str, line: int, key: str, allowed: str) -> None:
    text = '[splitter]\nfirst = "2010-01-01"\nrefit = "quarter"\n'.replace(old, new)
    with pytest.raises(DefinitionError) as caught:
        SPLITTERS.read(tomllib.loads(text)["splitter"], Source(Path("models/some.toml"), text), below=("splitter",))
    assert str(caught.value).startswith(f"models/some.toml:{line} ({key}): got ")
    assert allowed in str(caught.value)


@pytest.mark.parametrize(("refit", "period"), [("month", "M"), ("quarter", "Q"), ("year", "Y")])
def test_no_fit_serves_more_sessions_than_the_splitter_says(refit: str, period: str) -> None:
    grid = between("1993-01-01", "2025-12-31")
    counted = pd.Series(1, grid).groupby(grid.to_period(period)).sum()
    assert Expanding(refit=refit).longest == counted.max()
