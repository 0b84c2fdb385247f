"""A policy that reads the forecasts of two questions: joined by close, in the backtest and evening after evening."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from pydantic import Field

from bullbear.dataset.predictions import Predictions
from bullbear.decide import advise, backtest, forecasts_by_close, load_policy
from bullbear.decide.instruments import Tradable
from bullbear.decide.policy import POLICIES, Needs, NoMemory, Policy, Sleeve, Stance
from bullbear.definitions import Question, Source
from bullbear.errors import DefinitionError, InputError
from bullbear.sessions import between, closes, day


@POLICIES.register
class Guarded(Policy):
    """P(up), less what a dip is expected to take where its forecast is there."""

    kind: Literal["guarded"] = "guarded"
    fund: Tradable = Field(default="IWM", validate_default=True)
    needs_dip: bool = False

    @property
    def needs(self) -> Needs:
        if self.needs_dip:
            return Needs(funds=("IWM",), questions=("up", "dip8"))
        return Needs(funds=("IWM",), questions=("up",), optional=("dip8",))

    def decide(self, state, memory):
        dip = state.forecasts.get("dip8")
        weight = state.forecasts["up"].p * (1.0 - dip.p if dip else 1.0)
        return Stance(state.decided_at, (Sleeve("core", "bull", self.fund, weight),)), NoMemory()


DAYS = between("2019-03-01", "2019-04-12")
ENDS = between("2019-03-01", "2019-12-31")


def made(question: str, horizon: int, step: int) -> Predictions:
    rows = range(0, len(DAYS), step)
    p = np.random.default_rng(horizon).uniform(0.1, 0.9, len(rows))
    return Predictions.of(
        decided_at=closes(DAYS[list(rows)]),
        resolved_at=closes(ENDS[[row + horizon for row in rows]]),
        asset="IWM",
        p=p,
        climatology=0.5,
        question=question,
        horizon=horizon,
    )


UP, DIP = made("up", 21, 1), made("dip8", 63, 2)


def test_two_questions_are_joined_by_close_and_evenings_give_the_backtest_to_the_last_bit(market_view) -> None:
    view, policy = market_view(3), load_policy({"kind": "guarded"})
    both = Predictions.concat([UP, DIP])
    tested = backtest(both, view, policy, baselines={})
    assert len(tested.states) == len(DAYS)
    p_up = UP.table["p"].to_numpy()
    p_dip = DIP.table.set_index("decided_at")["p"].reindex(UP.table["decided_at"]).fillna(0.0).to_numpy()
    assert [stance.positions["IWM"] for stance in tested.stances] == (p_up * (1.0 - p_dip)).tolist()
    assert [list(state.forecasts) for state in tested.states[:2]] == [["up", "dip8"], ["up"]]
    assert tested.decisions["p_dip8"].isna().tolist() == [row % 2 == 1 for row in range(len(DAYS))]
    # Of the last close, the dip is what resolves last.
    due = both.table.groupby("decided_at")["resolved_at"].max()
    assert tested.equity.index[-1] == day(due.iloc[-1])
    book = None
    for number, (at, forecasts) in enumerate(forecasts_by_close(both).items()):
        unread = {**forecasts, "vol20": forecasts["up"]}
        advice = advise(view.until(day(at)), policy, at, unread, before=book)
        book = advice.book
        assert book == tested.books[number]
        assert "vol20" not in tested.states[number].forecasts


def test_the_close_at_which_a_needed_question_is_missing_is_named(market_view) -> None:
    policy = load_policy({"kind": "guarded", "needs_dip": True}, questions=("up", "dip8"))
    both = Predictions.concat([UP, DIP])
    message = r"policy's question: got 'dip8'; allowed: those given on 2019-03-04: up; give that question"
    with pytest.raises(InputError, match=message):
        backtest(both, market_view(3), policy, baselines={})


def test_two_forecasts_of_one_question_at_one_close_are_refused(market_view) -> None:
    other = Predictions(UP.table.assign(asset="SPY"))
    message = r"predictions\.decided_at: got '2019-03-01 21:00:00\+00:00 repeated'; .* select one asset"
    with pytest.raises(InputError, match=message):
        backtest(Predictions.concat([UP, other]), market_view(3), load_policy({"kind": "guarded"}), baselines={})


def test_a_model_that_lacks_a_needed_question_is_refused_with_its_line(tmp_path) -> None:
    source = Source(tmp_path / "models" / "x.toml", 'name = "x"\n[policy]\nkind = "guarded"\n')
    up, dip = (Question(name=n, kind="any", threshold=0.0, sentence="A question.") for n in ("up", "dip8"))
    known = {"up": up, "dip8": dip}
    assert load_policy({"kind": "guarded"}, source, known=known).needs.optional == ("dip8",)
    with pytest.raises(
        DefinitionError, match=r"models/x\.toml:2 \(policy\): got 'guarded, which needs the question dip8'"
    ):
        load_policy({"kind": "guarded", "needs_dip": True}, source, known=known)
    message = r"x\.toml:2 \(policy\): got .guarded, which reads the question dip8.; allowed: one of up, fall5 \("
    with pytest.raises(DefinitionError, match=message):
        load_policy({"kind": "guarded"}, source, known={"up": up, "fall5": dip})
