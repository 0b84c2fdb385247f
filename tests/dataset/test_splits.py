"""Folds as literal dates that a person can check against a calendar; labels live five sessions."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.dataset import Fold, walk_forward_folds
from bullbear.definitions import Splitter
from bullbear.errors import HistoryError, InputError
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
    splitter = Splitter(first=first, burn_in_months=burn_in, refit=refit, embargo=embargo, min_train=min_train)
    n = len(SESSIONS)
    decided, resolved = CLOSES[:n], CLOSES[HORIZON : n + HORIZON]
    return walk_forward_folds(decided, resolved, splitter, sessions=SESSIONS, start=start, end=end)


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
    splitter = Splitter(first="2020-01-01", burn_in_months=0, min_train=21)
    found = walk_forward_folds(CLOSES[:n], pd.DatetimeIndex(resolved), splitter, sessions=SESSIONS)
    assert [late in fold.train for fold in found[:3]] == [False, False, True]


def test_a_session_that_nobody_could_decide_on_is_trained_on_but_not_forecast() -> None:
    n = len(SESSIONS)
    decidable = ~SESSIONS.isin(pd.DatetimeIndex(["2020-02-03", "2020-02-12"]))
    splitter = Splitter(first="2020-01-01", burn_in_months=0, min_train=21)
    found = walk_forward_folds(
        CLOSES[:n], CLOSES[HORIZON : n + HORIZON], splitter, sessions=SESSIONS, decidable=decidable
    )
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
    splitter = Splitter(first=str(first), burn_in_months=burn_in, refit=refit, embargo=embargo, min_train=21)
    try:
        found = walk_forward_folds(decided, resolved, splitter, sessions=SESSIONS)
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
