"""A model beside the champion: whether it says anything else."""

from __future__ import annotations

import shutil

from bullbear.forecasting.belief import Belief, SameAs
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.belief import BeliefBeside, belief_of_run

BELIEVED = Belief({"2019-01-02": 0.0, "2019-02-01": 0.25}, {"signal": {"bss": -0.032}}, 1544, 3775)


def test_a_line_says_how_far_it_is_believed_and_what_is_left() -> None:
    same = SameAs("base 12345678", "12345678", 3775, 3775)
    assert BeliefBeside(BELIEVED, same).sentence() == (
        "the last fit believes a = 0.25 of the signal (0.00 to 0.25 over 2 fits, none of it at 1); believed in full, "
        "a = 1, the signal has a Brier skill of -3.20%; the same forecast as the base rate on 1,544 of 3,775 days; the "
        "same as the champion base 12345678 on 3,775 of 3,775 days"
    )


def test_members_of_a_mixture_are_named() -> None:
    found = Belief({}, {"trees": {"bss": 0.01}, "line": {"bss": -0.02}}, 0, 10)
    assert BeliefBeside(found, None).sentence() == (
        "Brier skills of its members' signals believed in full: trees +1.00%, line -2.00%"
    )


def test_a_run_is_compared_with_another_champion_only(home: Home) -> None:
    runs = Runs(home)
    champion = belief_of_run(home, runs.find("small"))
    assert champion is not None
    assert champion.champion is None
    shutil.rmtree(home.forecasts / "champions")
    runs.promote(runs.find("base"))
    beside = belief_of_run(home, runs.find("small"))
    assert beside is not None
    assert beside.champion is not None
    assert (beside.champion.same, beside.champion.n) == (beside.belief.same, beside.belief.n)
    assert belief_of_run(home, runs.find("base")) is None
