"""What a training and a backtest say about data and outcomes that they lack."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples, build
from bullbear.decide.daily_reset import DailyReset
from bullbear.decide.instruments import packaged_instruments
from bullbear.decide.policies.band import BandPolicy
from bullbear.errors import DefinitionError, HistoryError, NoDataError
from bullbear.home import Home
from bullbear.workflows.notes import factor_notes, fund_notes, outcome_notes

FIRST = pd.Timestamp("2006-03-01 21:00", tz="UTC")
POLICY = '[policy]\nbear_instrument = "{}"\n'
INSTRUMENT = """
[[instrument]]
ticker = "{}"
multiple = -1.0
half_spread_bp = 1.0
inception = "2000-01-03"
"""


MODEL = DailyReset(index="IWM")


def _policy(bear: str, model: DailyReset | None = MODEL) -> BandPolicy:
    known = packaged_instruments()
    fund = known["TWM"].model_copy(update={"ticker": bear, "model": model})
    return BandPolicy(bear_instrument=fund)


def _store(home: Home, ticker: str, since: str) -> None:
    bars = home.store().as_of().bars("IWM").loc[since:].reset_index().assign(series=ticker)
    home.store().append("bars", bars)


def test_a_fund_without_bars_or_with_late_ones_is_named_in_one_note(home: Home) -> None:
    view = home.store().as_of()
    (none,) = fund_notes(view, _policy("NEW", None), FIRST)
    assert none == (
        "NEW has no bars in this store; the policy, which decides from 2006-03-01 on, holds cash in place of a fund "
        "without a price"
    )
    assert fund_notes(view, _policy("NEW"), FIRST) == (
        "modelled by a daily reset, for want of a price: NEW until 2007-02-23 (from IWM)",
        none,
    )
    assert fund_notes(view, _policy("NEW"), FIRST + pd.Timedelta(days=400)) == (
        none.replace("2006-03-01", "2007-04-05"),
    )
    _store(home, "LATE", "2006-03-02")
    _store(home, "THEN", "2006-03-01")
    view = home.store().as_of()
    (late,) = fund_notes(view, _policy("LATE", None), FIRST)
    assert late.startswith("LATE has bars from 2006-03-02 only; the policy, ")
    (modelled,) = fund_notes(view, _policy("LATE"), FIRST)
    assert modelled.endswith("for want of a price: LATE until 2006-03-02 (from IWM)")
    assert fund_notes(view, _policy("THEN"), FIRST) == ()


def test_train_and_backtest_say_so(home: Home, bullbear: Callable[..., Any]) -> None:
    (home.root / "models" / "instruments.toml").write_text(INSTRUMENT.format("NEW"))
    path = home.root / "models" / "base.toml"
    path.write_text(path.read_text() + POLICY.format("NEW"))
    note = "note: NEW has no bars in this store; the policy, which decides from 2003-01-02 on, holds cash"
    trained = bullbear("train", "base", "--json", "--home", home.root)
    assert (trained.code, trained.err.startswith(note)) == (0, True)
    tested = bullbear("backtest", "latest", "--json", "--home", home.root)
    assert tested.err.startswith(note)
    assert [f"note: {each}\n" for each in tested.json["notes"]] == [tested.err]


@pytest.fixture
def examples(home: Home) -> Examples:
    model = home.model("base")
    return build(home.store().as_of(), model.feature_sets, model.definition.target)


@pytest.mark.parametrize(("answer", "count"), [(0.0, "0 of 1,"), (1.0, "1,")])
def test_a_question_that_was_always_answered_alike_is_refused(
    home: Home, examples: Examples, answer: float, count: str
) -> None:
    alike = dataclasses.replace(examples, y=np.where(np.isnan(examples.y), np.nan, answer))
    message = (
        rf"^models/base\.toml:1 \(questions\): up was answered yes on {count}\d+( of 1,\d+)? days, 2000-01-03 "
        r"to 2005-\d\d-\d\d; allowed: a question that was answered both ways; choose another threshold in models/"
    )
    with pytest.raises(DefinitionError, match=message):
        outcome_notes(home.model("base"), alike, end="2005-12-30")
    # One other answer within the span is enough, one after it is none.
    row = examples.session.get_loc("2006-06-01")
    alike.y[row] = 1.0 - answer
    with pytest.raises(DefinitionError, match=r"\(questions\)"):
        outcome_notes(home.model("base"), alike, end="2005-12-30")
    alike.y[row - 300] = 1.0 - answer
    outcome_notes(home.model("base"), alike, end="2005-12-30")


def test_a_question_that_is_longer_than_the_history_is_named_with_its_line(home: Home, examples: Examples) -> None:
    message = (
        r"^models/base\.toml:1 \(question up over 21 sessions\), walk-forward: got '\d+ sessions to 2007-\d\d-\d\d'; "
        r"allowed: at least \d+ resolved labels before"
    )
    late = dataclasses.replace(examples, resolved_at=examples.resolved_at + pd.Timedelta(days=9999))
    with pytest.raises(HistoryError, match=message):
        outcome_notes(home.model("base"), late)


def test_fits_on_labels_that_are_all_alike_are_noted(home: Home, examples: Examples) -> None:
    assert outcome_notes(home.model("base"), examples) == ()
    row = examples.session.get_loc("2003-06-02")
    late = dataclasses.replace(examples, y=np.where(np.arange(len(examples)) < row, 0.0, examples.y))
    (note,) = outcome_notes(home.model("base"), late)
    assert note == (
        "up had only been answered no when 7 of 24 models were fitted, the last on 2003-06-30: they forecast the base "
        "rate alone"
    )


def test_a_dip_that_never_came_is_refused_by_train(home: Home, bullbear: Callable[..., Any]) -> None:
    (home.root / "models" / "questions.toml").write_text(
        '[[question]]\nname = "crash"\nkind = "dip"\nthreshold = -0.95\n'
        'sentence = "IWM closes 95 % lower within the next 21 sessions"\n'
    )
    path = home.root / "models" / "base.toml"
    path.write_text('questions = ["crash"]\n' + path.read_text())
    done = bullbear("train", "base", "--json", "--home", home.root)
    assert done.code == 2
    assert "(questions): crash was answered yes on 0 of " in done.mistake


def test_breadth_without_companies_is_one_note_and_any_other_factor_has_its_own(tmp_path: Path) -> None:
    model = Home(tmp_path).model("breadth")
    names = [spec.name for each in model.feature_sets for spec in each.factor]
    breadth = [spec.name for spec in model.feature_sets[-1].factor]
    X = pd.DataFrame(1.0, [0, 1], names)
    X[[*breadth, names[0]]] = np.nan
    first, second = factor_notes(model, cast(Examples, SimpleNamespace(X=X)))
    assert first == f"{names[0]} has no data in this store"
    assert second.startswith("14 breadth factors without any value, the model learns from the others: they need bars")
    with pytest.raises(NoDataError, match=r"no data in this store for .*members_above_50"):
        factor_notes(model, cast(Examples, SimpleNamespace(X=X[breadth])))
