"""True probabilities by Monte Carlo: against the exact ones, and against what came of a long market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bullbear.data import oracle
from bullbear.data.oracle import read_truth, true_probabilities, write_truth
from bullbear.data.simulated_process import TIDES, draw, p_up, stationary, tide_levels
from bullbear.data.simulated_truth import StateProbabilities, state_probabilities
from bullbear.data.simulator import simulate
from bullbear.definitions.questions import QUESTION_KINDS, UP, Question
from bullbear.errors import NoDataError


def ask(name: str, kind: str, threshold: float, horizon: int = 21) -> Question:
    return QUESTION_KINDS.read(
        {"name": name, "kind": kind, "threshold": threshold, "horizon": horizon, "sentence": "A question of a test."}
    )


ASKED = (
    UP,
    ask("dip5", "dip", -0.05),
    ask("dip8", "dip", -0.08),
    ask("fall5", "return_below", -0.05),
    ask("rally5", "rally", 0.05),
    ask("vol20", "volatility", 0.20),
    ask("soon", "move", 0.02, 3),
)


PAIRS = 600


@cache
def truths(signal: float = 1.0) -> dict[str, StateProbabilities]:
    return dict(state_probabilities(ASKED if signal else [UP], signal, pairs=PAIRS))


@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_monte_carlo_agrees_with_the_prescribed_probability_of_a_rise(signal: float) -> None:
    got = truths(signal)["up"]
    exact = np.tile(p_up(signal, tide_levels()), 15)
    certain = (exact < 0.1) | (exact > 0.9)  # a few hundred pairs hold too few of the rarer answer for a normal error
    z = ((got.p - exact) / got.error)[~certain]
    assert np.abs(z).max() < 4.0
    assert (z**2).mean() == pytest.approx(1.0, abs=0.4)  # the errors are as large as they say
    np.testing.assert_allclose(got.p[certain], exact[certain], atol=0.04)
    assert stationary() @ got.error < 0.5 / np.sqrt(2 * PAIRS)  # a pair is worth more than two paths


def test_relations_hold_in_every_state() -> None:
    found = {name: each.p for name, each in truths().items()}
    assert (found["dip8"] <= found["dip5"]).all()
    assert (found["fall5"] <= found["dip5"]).all()
    assert (found["fall5"] + found["up"] <= 1.0).all()
    assert found["vol20"][14 * TIDES] > 0.95 > 0.05 > found["vol20"][TIDES - 1]  # high tide


def test_the_truth_is_calibrated_on_a_long_market() -> None:
    # Neither the path nor its states come from the Monte Carlo; outcomes are measured on its own returns.
    path = draw(11, 1.0, 60_000)
    wealth = np.exp(np.cumsum(path.returns))
    for question in ASKED:
        windows = np.lib.stride_tricks.sliding_window_view(wealth, question.horizon + 1)
        y = question.answer(question.outcome(windows))
        p = truths()[question.name].p[path.state[: len(y)]]
        assert y.mean() == pytest.approx(p.mean(), abs=0.02)
        for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.01)):
            inside = (low <= p) & (p < high)
            if inside.sum() > 8000:
                assert y[inside].mean() == pytest.approx(p[inside].mean(), abs=0.04), (question.name, low)


def test_the_same_numbers_whatever_else_is_asked() -> None:
    alone = state_probabilities([ASKED[1]], 1.0, pairs=50)["dip5"]
    among = state_probabilities(ASKED, 1.0, pairs=50)["dip5"]
    assert alone.p.tobytes() == among.p.tobytes()
    assert alone.error.tobytes() == among.error.tobytes()


def test_stationary_shares_are_those_of_a_long_market() -> None:
    seen = np.bincount(draw(3, 1.0, 60_000).state, minlength=165) / 60_000
    assert stationary().sum() == pytest.approx(1.0)
    # By tide alone: a market of 240 years visits every tide often enough, but not every state.
    np.testing.assert_allclose(seen.reshape(15, TIDES).sum(0), stationary().reshape(15, TIDES).sum(0), atol=0.04)


def test_the_truth_of_a_home_is_simulated_once_for_all_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle, "PAIRS", 20)
    monkeypatch.setattr(
        oracle, "state_probabilities", lambda asked, signal: state_probabilities(asked, signal, pairs=20)
    )
    simulation = simulate(7, 1.0, 3)
    write_truth(simulation.truth, tmp_path)
    exact = true_probabilities(tmp_path, UP)
    assert exact["p"].tolist() == simulation.truth["p_up"].tolist()
    assert (exact["error"] == 0.0).all()
    got = true_probabilities(tmp_path, ASKED[1], others=ASKED)
    expected = state_probabilities(ASKED[1:6], 1.0, pairs=20)["dip5"]
    assert got["decided"].tolist() == simulation.truth["decided"].tolist()
    assert got["p"].tolist() == expected.p[simulation.truth["state"]].tolist()
    assert got["error"].tolist() == expected.error[simulation.truth["state"]].tolist()
    monkeypatch.setattr(oracle, "state_probabilities", None)
    kept = true_probabilities(tmp_path, ASKED[5].model_copy(update={"name": "wild", "sentence": "A wild month."}))
    assert kept["p"].between(0, 1).all()
    with pytest.raises(TypeError, match="NoneType"):  # another horizon has to be simulated
        true_probabilities(tmp_path, ASKED[6])


def test_what_was_kept_of_another_process_or_market_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counted(questions: Sequence[Question], signal: float) -> Mapping[str, StateProbabilities]:
        asked.append(len(questions))
        return state_probabilities(questions, signal, pairs=20)

    monkeypatch.setattr(oracle, "state_probabilities", counted)
    simulation = simulate(7, 1.0, 3)
    write_truth(simulation.truth, tmp_path)
    for _ in range(2):
        true_probabilities(tmp_path, ASKED[1])
    assert len(asked) == 1
    for name, value in (("SEED", 5), ("_process", lambda: "edited")):
        with monkeypatch.context() as patched:
            patched.setattr(oracle, name, value)
            true_probabilities(tmp_path, ASKED[1])
    assert len(asked) == 3
    assert len(list((tmp_path / "oracle").iterdir())) == 4
    write_truth(simulation.truth, tmp_path)
    assert [path.name for path in (tmp_path / "oracle").iterdir()] == ["truth.parquet"]


def test_a_truth_without_states_is_refused(tmp_path: Path) -> None:
    write_truth(simulate(7, 1.0, 3).truth.drop(columns=["state", "signal"]), tmp_path)
    with pytest.raises(NoDataError, match=r"truth: got .* of an earlier version.*run `bullbear simulate` first"):
        read_truth(tmp_path)
