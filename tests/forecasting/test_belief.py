"""How far a learner is believed, by hand."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.definitions import ModelDefinition
from bullbear.forecasting.belief import belief_of, read_belief, same_forecasts
from bullbear.home import Home
from bullbear.learn import FoldModel
from bullbear.learn.calibrators.shrinkage import ShrinkageModel
from bullbear.tracking import Runs

DAYS = pd.bdate_range("2019-01-01 21:00", periods=4, tz="UTC")


def said(p: list[float], y: list[float]) -> Predictions:
    return Predictions.of(
        decided_at=DAYS, resolved_at=DAYS + pd.Timedelta("2D"), asset="IWM", horizon=1, p=np.array(p),
        climatology=np.full(4, 0.5), y=np.array(y),
    )  # fmt: skip


def fold(day: str, slope: float) -> FoldModel:
    calibrator = ShrinkageModel(slope, slope, 1.0, 10.0, 1.0)
    return FoldModel(pd.Timestamp(f"{day} 21:00", tz="UTC"), 100, "IWM", "up", 1, (), (1.0,), (calibrator,))


def model(kind: str = "logistic") -> ModelDefinition:
    return ModelDefinition.model_validate(
        {
            "name": "m",
            "intent": "For a test alone.",
            "features": [] if kind == "climatology" else ["x"],
            "learner": {"kind": kind},
        }
    )


def test_the_signal_s_own_skill_is_that_of_a_slope_of_one() -> None:
    signals = pd.DataFrame({"signal": np.log([3.0, 3.0, 1.0, 1 / 3])}, index=DAYS)
    predictions = said([0.5, 0.5, 0.5, 0.4], [1.0, 0.0, 1.0, np.nan])
    found = belief_of(model(), [fold("2018-12-03", 0.25), fold("2018-12-31", 0.0)], signals, predictions)
    assert found is not None
    # p = 3/4, 3/4, 1/2: squared errors 1/16 + 9/16 + 1/4 = 7/8 beside 3/4
    assert found.raw["signal"]["bss"] == pytest.approx(1 - (7 / 8) / (3 / 4))
    usual = 3 * np.log(2)
    assert found.raw["signal"]["log_loss_skill"] == pytest.approx(
        1 - (-np.log(3 / 4) - np.log(1 / 4) - np.log(1 / 2)) / usual
    )
    assert (found.same, found.n, found.last, found.fits_without) == (3, 4, 0.0, 1)
    document = found.as_dict()
    assert (document["a_low"], document["a_high"], document["fits"]) == (0.0, 0.25, 2)
    assert document["by_fit"][0] == {"trained_through": "2018-12-03", "a": 0.25}


def test_a_model_that_has_no_signal_has_no_belief() -> None:
    signals = pd.DataFrame({"signal": np.zeros(4)}, index=DAYS)
    assert belief_of(model("climatology"), [fold("2018-12-03", 0.0)], signals, said([0.5] * 4, [1.0] * 4)) is None


def test_of_a_mixture_the_slopes_are_weighed() -> None:
    calibrators = tuple(ShrinkageModel(slope, slope, 1.0, 10.0, 1.0) for slope in (9.0, 0.5, 1.0))
    mixed = FoldModel(DAYS[0], 100, "IWM", "up", 1, (), (0.2, 0.3), calibrators)
    assert mixed.believed == pytest.approx(0.2 * 0.5 + 0.3 * 1.0)


def test_the_same_forecasts_are_counted_on_common_days() -> None:
    ours = said([0.5, 0.6, 0.7, 0.8], [1.0] * 4)
    theirs = Predictions(said([0.5, 0.6, 0.1, 0.8], [1.0] * 4).table.iloc[:3])
    found = same_forecasts(ours, theirs, "base 12", "12")
    assert (found.same, found.n) == (2, 3)


def test_a_bundle_keeps_what_its_fits_believed(trained_home: Home) -> None:
    bundle = Runs(trained_home).find("small").bundle
    found = read_belief(bundle)
    assert found is not None
    models = [bundle.model_named(day) for day in bundle.trained_through()]
    assert list(found.a.values()) == [cast(Any, each.calibrator).slope for each in models]
    assert list(found.a) == bundle.trained_through()
    said_by = bundle.predictions.table
    assert found.same == int((said_by["p"] == said_by["climatology"]).sum())
    assert read_belief(Runs(trained_home).find("base").bundle) is None


def test_a_bundle_that_keeps_no_belief_still_tells_the_signal_s_skill(home: Home) -> None:
    bundle = Runs(home).find("champion").bundle
    (bundle.root / "belief.json").unlink()
    found = read_belief(bundle)
    assert found is not None
    assert (found.last, found.a, found.as_dict()["fits"]) == (None, {}, 0)
    assert "bss" in found.raw["signal"]
