"""A kept account answers only for the very numbers that it was walked over, and then to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.decide import Book, advise_each, advise_last, forecasts_by_close, kept_walk
from bullbear.decide.kept_walk import walk_digest
from bullbear.decide.market import Market, read_market
from bullbear.decide.policies.band import BandPolicy
from bullbear.errors import HistoryError
from bullbear.sessions import between, closes

POLICY = BandPolicy(volatility_window=5, atr_window=3)
DAYS = between("2019-01-02", "2019-04-30")


class Kept:
    """Accounts in a dict, through JSON as on disk, and how often one was found."""

    def __init__(self) -> None:
        self.books: dict[str, dict[str, Any]] = {}
        self.found = 0

    def read(self, digest: str) -> Book | None:
        if digest not in self.books:
            return None
        self.found += 1
        return Book.from_json(self.books[digest])

    def write(self, digest: str, book: Book) -> None:
        self.books[digest] = book.to_json()


def forecasts(count: int = 40) -> Predictions:
    days = DAYS[20 : 20 + count]
    p = 0.5 + 0.2 * np.sin(np.arange(count) / 4)
    return Predictions.of(
        decided_at=closes(days), resolved_at=closes(days + pd.Timedelta(0)) + pd.Timedelta(days=40), asset="IWM",
        p=p, p_low=p - 0.05, p_high=p + 0.05, climatology=0.55,
    )  # fmt: skip


def test_the_last_advice_is_that_of_all_with_a_kept_account_and_without(market_view: Callable[..., Any]) -> None:
    view, said, kept = market_view(8), forecasts(), Kept()
    every = advise_each(view, POLICY, forecasts_by_close(said))
    assert len({tuple(each.stance.positions.items()) for each in every}) > 5
    assert advise_last(view, POLICY, said) == every[-1]
    assert every[-1].since is not None
    for times in (0, 1, 2):
        assert advise_last(view, POLICY, said, kept=kept) == every[-1]
        assert (kept.found, len(kept.books)) == (times, 1)
    # An account that is continued is none that is walked from the start.
    before = every[-2].book
    only = said.where((said.table["decided_at"] == said.table["decided_at"].max()).to_numpy())
    assert advise_last(view, POLICY, only, before=before, kept=kept) == every[-1]
    assert (kept.found, len(kept.books)) == (2, 1)


def test_one_forecast_alone_keeps_nothing_and_none_is_refused(market_view: Callable[..., Any]) -> None:
    kept = Kept()
    assert advise_last(market_view(8), POLICY, forecasts(1), kept=kept).since is None
    assert not kept.books
    later = closes(between("2020-03-02", "2020-03-02"))
    beyond = Predictions.of(
        decided_at=later, resolved_at=later + pd.Timedelta(days=30), asset="IWM", p=[0.5], climatology=[0.5]
    )
    with pytest.raises(HistoryError, match="no forecast on a session with a bar"):
        advise_last(market_view(8), POLICY, beyond, kept=kept)


def market(view: Any) -> Market:
    return read_market(view, "IWM", tickers=("TWM",), volatility_window=5, atr_window=3)


def test_whatever_a_walk_reads_changes_its_digest(
    market_view: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    view, said = market_view(8), forecasts()
    plain, table = market(view), said.table
    same = walk_digest(plain, POLICY, said)
    assert walk_digest(market(view), POLICY.model_copy(), Predictions(table.copy())) == same
    ulp = np.nextafter

    def with_close(row: int) -> Market:
        bars = plain.bars["IWM"]
        close = [*bars.close[:row], ulp(bars.close[row], np.inf), *bars.close[row + 1 :]]
        return replace(plain, bars={**plain.bars, "IWM": replace(bars, close=close)})

    def with_cell(name: str, row: int, value: Any) -> Predictions:
        changed = table.copy()
        changed.loc[changed.index[row], name] = value
        return Predictions(changed)

    others = {
        walk_digest(with_close(0), POLICY, said),
        walk_digest(with_close(60), POLICY, said),
        walk_digest(replace(plain, rates=[*plain.rates[:-1], 0.01]), POLICY, said),
        walk_digest(replace(plain, free_of_costs=True), POLICY, said),
        walk_digest(replace(plain, signals={"x": [0.0] * 9}), POLICY, said),
        walk_digest(replace(plain, _factors={"x": [0.0] * 9}), POLICY, said),
        walk_digest(plain, POLICY.model_copy(update={"stop_atr_multiple": 2.5}), said),
        walk_digest(plain, POLICY, said.where(np.arange(len(said)) != 3)),
        *(walk_digest(plain, POLICY, with_cell(name, 5, ulp(table[name].iloc[5], 1.0))) for name in
          ("p", "p_low", "p_high", "climatology")),
        walk_digest(plain, POLICY, with_cell("decided_at", 0, table["decided_at"].iloc[0] - pd.Timedelta("1us"))),
        walk_digest(plain, POLICY, with_cell("question", 5, "dip5")),
    }  # fmt: skip
    monkeypatch.setattr(kept_walk, "running_code", lambda *_: ("another",))
    others.add(walk_digest(plain, POLICY, said))
    assert len(others - {same}) == 15
