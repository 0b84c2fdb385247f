"""The calibrator that is chosen by its past: what it picks, what it does not see, what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from bullbear.definitions import Source
from bullbear.errors import DefinitionError
from bullbear.learn.calibrator import CALIBRATORS, History
from bullbear.learn.calibrators.chosen import Chosen

AMONG = [{"kind": "shrinkage"}, {"kind": "platt"}, {"kind": "beta"}]


def chosen(**table: object) -> Chosen:
    found = CALIBRATORS.read({"kind": "chosen", "among": AMONG, **table})
    assert isinstance(found, Chosen)
    return found


def past(n: int, level: float, *, horizon: int = 1, seed: int = 0) -> History:
    rng = np.random.default_rng(seed)
    signal = rng.normal(0.0, 0.7, n)
    y = (rng.random(n) < expit(logit(0.6) + level + 0.8 * signal)).astype(float)
    return History(y, np.full(n, 0.6), signal, horizon, y)


@pytest.mark.parametrize(("level", "kind"), [(0.0, "shrinkage"), (1.2, "platt")])
def test_it_picks_what_has_forecast_best(level: float, kind: str) -> None:
    # Shrinkage cannot move the level; where there is nothing to move, the intercept only costs.
    assert chosen().fit(past(500, level, seed=2)).state()["kind"] == kind


def test_losses_are_those_of_fits_on_what_had_resolved() -> None:
    seen, horizon = past(300, 0.5, horizon=4), 4
    found = chosen(blocks=3).losses(seen)
    for place, table in enumerate(AMONG):
        total = 0.0
        for begin in (100, 200):
            # At the close of row 100 the labels of rows 0 to 96 are known.
            known = begin - horizon + 1
            early = History(seen.y[:known], seen.climatology[:known], seen.signal[:known], horizon, seen.y[:known])
            rows = slice(begin, begin + 100)
            p = CALIBRATORS.read(table).fit(early).probability(seen.climatology[rows], seen.signal[rows])
            total -= np.log(np.where(seen.y[rows] > 0.5, p, 1 - p)).sum()
        assert found[place] == pytest.approx(total, rel=1e-12)


def test_no_fit_sees_the_labels_that_it_is_judged_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = past(200, 0.5, horizon=4)
    marked = replace(seen, y=np.arange(200) % 2.0, resolved=np.arange(-50.0, 200.0))
    asked: list[History] = []

    class Spy:
        def fit(self, history: History) -> Spy:
            asked.append(history)
            return self

        def probability(self, climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
            return climatology

    monkeypatch.setattr(Chosen, "calibrators", property(lambda self: [Spy(), Spy()]))
    CALIBRATORS.read({"kind": "chosen", "among": AMONG[:2], "blocks": 4}).losses(marked)  # type: ignore[attr-defined]
    assert [len(each.y) for each in asked] == [47, 47, 97, 97, 147, 147]
    assert [each.resolved[-1] for each in asked] == [46, 46, 96, 96, 146, 146]


def test_with_little_past_the_first_is_taken() -> None:
    short = past(200, 1.5, horizon=21)
    assert not chosen().losses(short).any()
    assert chosen().fit(short).state()["kind"] == "shrinkage"


def test_it_is_silent_if_all_are() -> None:
    off = {"kind": "shrinkage", "prior_sd": 0.0}
    assert chosen(among=[off, off]).is_silent
    assert not chosen(among=[off, {"kind": "platt"}]).is_silent


@pytest.mark.parametrize(
    ("among", "message"),
    [
        ([{"kind": "platt"}], r"\(calibration.among\)"),
        ([{"kind": "platt"}, {"kind": "chosen"}], r"allowed: tables of other kinds than chosen"),
        ([{"kind": "platt"}, {"kind": "spline"}], r"tiny:1 \(calibration.among\): .*'spline'} allowed: beta or chosen"),
        ([{"kind": "platt"}, {"kind": "beta", "least": 0.0}], r"tiny:1 \(calibration.among\): .* a number from 5 on"),
    ],
)
def test_a_wrong_table_is_refused(among: list[dict[str, object]], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        CALIBRATORS.read({"kind": "chosen", "among": among}, Source.nowhere("tiny"), below=("calibration",))


def test_it_imports_what_any_of_its_kinds_does() -> None:
    assert chosen().imports() == ()
    assert chosen(among=[{"kind": "isotonic"}, {"kind": "platt"}, {"kind": "venn_abers"}]).imports() == (
        "sklearn", "venn_abers",
    )  # fmt: skip
