"""A policy that reads two questions: what it is given in the training, in `backtest` and in a forecast is the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from bullbear.dataset.predictions import Predictions
from bullbear.decide import Backtest, Book
from bullbear.decide.instruments import Tradable
from bullbear.decide.policy import POLICIES, Needs, NoMemory, Policy, Sleeve, Stance
from bullbear.errors import InputError, RunError
from bullbear.factors import compute
from bullbear.forecasting.bundle import Bundle, champion_of, read_bundle
from bullbear.forecasting.champions import Others, others_of
from bullbear.forecasting.forecast import issue, replay
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.backtesting import backtest_run
from bullbear.workflows.training import train_model

DAYS = ("2006-06-15", "2007-06-20", "2007-12-27")


@POLICIES.register
class Wary(Policy):
    """Holds the more of a fund, the likelier a rise and the unlikelier a dip; all of it where no dip is forecast."""

    kind: Literal["wary"] = "wary"
    fund: Tradable = Field(default="IWM", validate_default=True)
    must: bool = True

    @property
    def needs(self) -> Needs:
        if self.must:
            return Needs(funds=("IWM",), questions=("up", "dip8"), factors=("rsi_14",))
        return Needs(funds=("IWM",), questions=("up",), optional=("dip8",), factors=("rsi_14",))

    def decide(self, state, memory):
        dip, rsi = state.forecasts.get("dip8"), state.factors["rsi_14"]
        weight = 1.0 if dip is None else state.forecasts["up"].p * (1.0 - dip.p) * (rsi / 100.0)
        return Stance(state.decided_at, (Sleeve("core", "bull", self.fund, weight),)), NoMemory()


def define(home: Home, name: str, questions: list[str], *, must: bool) -> None:
    text = (home.root / "models" / "small.toml").read_text().replace('name = "small"', f'name = "{name}"')
    table = f'\n[policy]\nkind = "wary"\nmust = {str(must).lower()}\n'
    (home.root / "models" / f"{name}.toml").write_text(
        f"questions = {questions}\n" + text.replace("bags = 2", "bags = 1") + table
    )


@pytest.fixture(scope="module")
def wary_home(trained_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """`trained_home` with `wary`, which needs `up` and dip8, trained and promoted; read it only."""
    place = tmp_path_factory.mktemp("wary") / "home"
    home = Home(Path(shutil.copytree(trained_home.root, place, symlinks=True)))
    define(home, "wary", ["up", "dip8", "dip5"], must=True)
    train_model(home, "wary")
    runs = Runs(home)
    for run in runs.find_each("wary"):
        runs.promote(run)
    return home


@pytest.fixture
def wary(wary_home: Home, tmp_path: Path) -> Home:
    """A copy of `wary_home` to write into."""
    return Home(Path(shutil.copytree(wary_home.root, tmp_path / "wary", symlinks=True)))


def weight_on(home: Home, day: str) -> float:
    """The fund's target weight in a replay."""
    champion = read_bundle(home.champion)
    entry = replay(home.filled_store(), champion, day, others=others_of(home, champion))
    return float(entry["positions"]["IWM"])


def test_the_backtest_of_the_training_of_the_run_and_of_the_champion_and_a_replay_decide_alike(wary_home: Home) -> None:
    runs = Runs(wary_home)
    run = runs.find("wary")
    assert run.bundle.questions == ("up", "dip8", "dip5")
    tested = backtest_run(wary_home, run)
    assert {"p_up", "p_dip8"} <= set(tested.decisions)
    assert tested.decisions["p_dip8"].notna().all()
    logged = json.loads(run.read_text("backtest.json"))
    policy = next(row for row in logged["accounts"] if row["account"] == "policy")
    assert policy["total_return"] == pytest.approx(tested.equity.iloc[-1] / tested.equity.iloc[0] - 1, rel=1e-12)
    again = backtest_run(wary_home, runs.find("champion"))
    assert again.equity.to_list() == pytest.approx(tested.equity.to_list(), rel=1e-12)
    decided = tested.decisions.set_index(tested.decisions["decided_at"].dt.strftime("%Y-%m-%d"))["IWM"]
    for day in DAYS:
        assert 0.05 < decided[day] < 0.95
        assert weight_on(wary_home, day) == pytest.approx(decided[day], abs=1e-9)


def test_questions_of_other_trainings_change_no_decision(wary: Home) -> None:
    def shown() -> list[float]:
        entries = [issue(wary, day) for day in DAYS]
        return [row["p"] for entry in entries for row in entry["outlook"] if row["question"] == "dip8"]

    decided, before = {day: weight_on(wary, day) for day in DAYS}, shown()
    # A dip of 8.01 % is one of 8 %, and that one of 7.99 %: their base rates hold what is shown of it between them.
    for name, threshold in (("dip801", -0.0801), ("dip799", -0.0799)):
        text = (
            f'[[question]]\nname = "{name}"\nkind = "dip"\nthreshold = {threshold}\nsentence = "A dip of about 8 %."\n'
        )
        with (wary.root / "models" / "questions.toml").open("a") as file:
            file.write(text)
    assert shown() != before
    assert {day: weight_on(wary, day) for day in DAYS} == decided


def test_what_a_policy_reads_is_part_of_the_meaning_of_up(wary: Home) -> None:
    def meaning(questions: list[str], **how: bool) -> str:
        define(wary, "lone", questions, must=False)
        return wary.model("lone").only("up", **how).definition_hash

    alone, read = meaning(["up"]), meaning(["up", "dip8"], together=True)
    assert meaning(["up", "dip8"]) == alone  # trained alone, it decides on `up` alone
    assert meaning(["up", "vol20"], together=True) == alone  # which it does not read
    coherent = meaning(["up", "dip8", "dip5"], together=True)
    assert len({alone, read, coherent}) == 3  # what dip8 is made coherent with moves its positions
    (wary.root / "models" / "questions.toml").write_text(
        '[[question]]\nname = "dip8"\nkind = "dip"\nthreshold = -0.09\nsentence = "A dip of 9 %."\n'
    )
    assert meaning(["up", "dip8"], together=True) not in {alone, read, coherent}


@pytest.fixture(scope="module")
def lone_home(wary_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """`wary_home` with `lone` as champion of `up`: trained alone, its policy reads dip8 where there is one."""
    place = tmp_path_factory.mktemp("lone") / "home"
    home = Home(Path(shutil.copytree(wary_home.root, place, symlinks=True)))
    text = rolling("lone", "up") + '\n[policy]\nkind = "wary"\nmust = false\nfeatures = ["tiny"]\n'
    (home.root / "models" / "lone.toml").write_text(text)
    runs = Runs(home)
    runs.promote(runs.find(train_model(home, "lone").run_id))
    return home


def rolling(name: str, question: str) -> str:
    """A model that is fitted in no time: the base rate of a year, refitted every quarter."""
    return (
        f'name = "{name}"\nintent = "The base rate of a year."\nquestions = ["{question}"]\n'
        '[splitter]\nfirst = "2003-01-01"\nrefit = "quarter"\n'
        '[learner]\nkind = "climatology"\nwindow = 252\n[calibration]\nkind = "shrinkage"\nprior_sd = 9.0\n'
    )


def champion_of_dips(home: Home, more: str = "", *, end: str | None = None) -> None:
    """Promote a model of dip8 alone."""
    (home.root / "models" / "dips.toml").write_text(rolling("dips", "dip8") + more)
    runs = Runs(home)
    runs.promote(runs.find(train_model(home, "dips", end=end).run_id))


@pytest.fixture
def lone(lone_home: Home, tmp_path: Path) -> Home:
    """A copy of `lone_home` to write into."""
    return Home(Path(shutil.copytree(lone_home.root, tmp_path / "lone", symlinks=True)))


def books_on(home: Home, days: Sequence[str] = DAYS) -> dict[str, Book]:
    """The account after the decision of each day, as replays give it."""
    champion = read_bundle(home.champion)
    others = others_of(home, champion)
    entries = {day: replay(home.filled_store(), champion, day, others=others) for day in days}
    return {day: Book.from_json(entry["account"]["book"]) for day, entry in entries.items()}


def backtested(home: Home, days: Sequence[str] = DAYS) -> dict[str, Book]:
    """The same, as the backtest of the champion gives it."""
    tested = backtest_run(home, Runs(home).find("champion"))
    by_day = {str(each.session.date()): each for each in tested.books}
    return {day: by_day[day] for day in days}


def test_an_optional_question_is_answered_by_its_champion_whatever_it_was_trained_with(lone_home: Home) -> None:
    run, notes = Runs(lone_home).find("lone"), list[str]()
    assert run.bundle.questions == ("up",)
    tested = backtest_run(lone_home, run, say=notes.append)
    champion = Runs(lone_home).find("champion", "dip8")
    assert notes == [
        f"dip8 was not trained with lone {run.run_id[:8]}: its champion wary {champion.run_id[:8]} answers"
    ]
    said = champion.predictions.table.set_index("decided_at")["p"]
    assert tested.decisions.set_index("decided_at")["p_dip8"].equals(said.rename("p_dip8"))
    assert books_on(lone_home) == backtested(lone_home)
    # Its own training knew no dip: all of the fund.
    logged = json.loads(run.read_text("backtest.json"))
    policy = next(row for row in logged["accounts"] if row["account"] == "policy")
    assert policy["total_return"] != pytest.approx(tested.equity.iloc[-1] / tested.equity.iloc[0] - 1, rel=1e-3)


def test_no_account_goes_stale_when_another_questions_champion_is_promoted_or_refitted(lone: Home) -> None:
    days = DAYS[1:]
    before = backtested(lone, days)
    champion_of_dips(lone)
    whole = books_on(lone, days)
    assert all(whole[day] != before[day] for day in days)
    assert whole == backtested(lone, days)

    # One that had learnt less, and is refitted by the evening's forecast, which no account may remember.
    champion_of_dips(lone, end="2007-05-10")
    entry = issue(lone, DAYS[2])
    assert read_bundle(lone.champion_of("dip8")).last_session == pd.Timestamp("2007-09-28")  # that of the refit
    assert Book.from_json(entry["account"]["book"]) == whole[DAYS[2]]
    assert backtested(lone, days) == books_on(lone, days) == whole


def test_what_up_was_not_trained_with_is_not_read(wary: Home, lone: Home) -> None:
    def notes_of(home: Home) -> list[str]:
        notes: list[str] = []
        issue(home, DAYS[2], say=notes.append)
        return [note for note in notes if note.startswith("the policy of up")]

    def edit(home: Home, question: str, change: Callable[[dict[str, Any]], object]) -> None:
        path = home.champion_of(question) / "bundle.json"
        meta = json.loads(path.read_text())
        change(meta)
        path.write_text(json.dumps(meta))

    assert notes_of(wary) == notes_of(lone) == []
    # As if questions.toml and the champion of dip8 had changed since.
    edit(wary, "up", lambda meta: meta["questions"][1].update(threshold=-0.09))
    assert notes_of(wary) == [
        "the policy of up does without the dip8 of champion of dip8: dip -0.08 over 21 sessions; up was trained with "
        "dip -0.09 over 21 sessions"
    ]
    edit(lone, "dip8", lambda meta: meta["definition"]["target"].update(horizon=5))
    (note,) = notes_of(lone)
    assert note.endswith("over 5 sessions, a horizon of its own")
    assert "p_dip8" not in backtest_run(lone, Runs(lone).find("champion")).decisions
    assert weight_on(lone, DAYS[2]) == 1.0


def test_a_needed_question_without_a_champion_has_the_base_rate_in_a_forecast(wary: Home) -> None:
    shutil.rmtree(wary.forecasts / "champions" / ".dip8")
    (wary.forecasts / "champions" / "dip8").unlink()
    entry = issue(wary, DAYS[1])
    (row,) = [each for each in entry["outlook"] if each["question"] == "dip8"]
    assert row["p"] == row["climatology"]
    rsi = read_bundle(wary.champion).rule.specs(read_bundle(wary.champion).feature_sets)
    factor = compute(wary.store().as_of(pd.Timestamp(entry["decided_at"])), rsi, pd.DatetimeIndex([DAYS[1]]), "IWM")
    expected = entry["p_up"] * (1.0 - row["climatology"]) * (factor.to_numpy()[0, 0] / 100.0)
    assert entry["positions"]["IWM"] == pytest.approx(expected, rel=1e-12)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(900, 1257),
    up_ends=st.integers(700, 1257),
    dip_ends=st.integers(700, 1257),
)
def test_on_any_day_and_after_any_refit_a_replay_is_the_backtest_to_the_last_bit(
    apart: tuple[Home, Backtest], place: int, up_ends: int, dip_ends: int, tmp_path: Path
) -> None:
    """Their models answer the days since what the champions had reported as the walk-forward did."""
    home, tested = apart

    def ended(question: str, at: int) -> Bundle:
        bundle = read_bundle(home.champion_of(question), label=champion_of(question))
        table = bundle.predictions.table
        kept = Predictions(table[table["decided_at"] <= tested.states[at].decided_at])
        cut = replace(bundle, _opened={})
        cut.__dict__.update(predictions=kept, _closes=kept.table["decided_at"])  # what it would read from its file
        return cut

    up, dip = ended("up", up_ends), ended("dip8", dip_ends)
    others = Others(
        tuple(replace(each, bundle=dip) for each in others_of(home, up).asked if each.question.name == "dip8")
    )
    entry = replay(home.filled_store(), up, str(tested.states[place].decided_at.date()), others=others)
    assert Book.from_json(entry["account"]["book"]) == tested.books[place]
    assert entry["positions"] == dict(tested.stances[place].positions)


@pytest.fixture(scope="module")
def apart(lone_home: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Backtest]:
    """`lone_home` with a champion of dip8 that was trained alone, and its backtest."""
    place = tmp_path_factory.mktemp("apart") / "home"
    home = Home(Path(shutil.copytree(lone_home.root, place, symlinks=True)))
    champion_of_dips(home)
    return home, backtest_run(home, Runs(home).find("champion"))


def test_a_policy_that_needs_another_question_is_refused_before_up_alone_is_fitted(
    wary: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bullbear.workflows.training.build_all", lambda *given: pytest.fail("work was done"))
    message = r"--question: got 'up'; allowed: up with dip8, which the policy wary reads; train all questions of wary"
    with pytest.raises(InputError, match=message):
        train_model(wary, "wary", question="up")


def test_a_backtest_without_the_run_of_a_question_that_the_policy_reads_says_so(wary: Home) -> None:
    shutil.rmtree(wary.forecasts / "champions" / ".dip8")
    (wary.forecasts / "champions" / "dip8").unlink()
    with pytest.raises(RunError, match="champion of dip8: none yet"):
        backtest_run(wary, Runs(wary).find("champion"))


def test_the_report_of_the_champion_backtests_it(wary: Home, bullbear: Callable[..., Any]) -> None:
    answer = bullbear("backtest", "champion", "--home", wary.root, "--json")
    assert answer.code == 0
    assert "accounts" in answer.json
