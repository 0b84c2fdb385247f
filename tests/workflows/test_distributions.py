"""Out-of-sample distributions: by the model of each day, beside what had resolved by it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.data.view import View
from bullbear.dataset import Examples, Labels, build
from bullbear.definitions import UP
from bullbear.home import Home
from bullbear.learn import Training, train
from bullbear.workflows.distributions import (
    PastDistributions,
    evaluate_distributions,
    past_distributions,
    usual_fan,
)

MODEL = """
name = "{name}"
intent = "One member, few folds."
features = ["volatility"]
[splitter]
first = "2004-01-01"
burn_in_months = 12
refit = "year"
[learner]
kind = "{kind}"
"""


@pytest.fixture(scope="module")
def view(trained_home: Home) -> View:
    return trained_home.store().as_of()


@pytest.fixture(scope="module")
def trained(
    trained_home: Home, view: View, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Training, Examples, Training]:
    home = Home(tmp_path_factory.mktemp("models"))
    (home.root / "models").mkdir()
    found = []
    for kind in ("distribution", "climatology"):
        (home.root / "models" / f"{kind}.toml").write_text(MODEL.format(name=kind, kind=kind))
        model = home.model(kind)
        examples = build(view, model.feature_sets, model.definition.target)
        found.append((train(model.definition, model.feature_sets, examples), examples))
    (training, examples), (plain, _) = found
    return training, examples, plain


@pytest.fixture(scope="module")
def past(trained: tuple[Training, Examples, Training]) -> PastDistributions:
    found = past_distributions(trained[0], trained[1], "IWM")
    assert found is not None
    return found


def test_each_day_has_the_distribution_of_the_model_that_forecast_it(
    past: PastDistributions, trained: tuple[Training, Examples, Training]
) -> None:
    training, examples, _ = trained
    assert past.decided_at.tolist() == training.predictions.table["decided_at"].tolist()
    assert past.quantiles.shape == (len(past.decided_at), len(past.levels))
    assert len(training.models) > 3
    for row in (0, 300, len(past.decided_at) - 1):
        model = [each for each in training.models if each.trained_through < past.decided_at[row]][-1]
        alone = model.distribution(examples.X[examples.decided_at == past.decided_at[row]])
        assert alone is not None
        np.testing.assert_allclose(past.quantiles[row], alone.quantiles[0], rtol=1e-12)
        assert past.volatility[row] == pytest.approx(alone.volatility[0], rel=1e-12)


def test_the_evaluation_uses_final_outcomes_and_a_climatology_of_the_past(past: PastDistributions, view: View) -> None:
    found = evaluate_distributions(view, past)
    labels = Labels(view, "IWM").resolve(UP)
    final = labels.set_index("decided_at")["value"].reindex(past.decided_at)
    assert found.n == int(final.notna().sum())
    # The pinball loss of climatology's median, slowly.
    known = labels.dropna(subset=["value"])
    losses = []
    for day, value in final.dropna().items():
        median = np.median(known.loc[known["resolved_at"] <= pd.Timestamp(str(day)), "value"])
        losses.append(0.5 * abs(value - median))
    (score,) = [each for each in found.quantiles if each.level == pytest.approx(0.5)]
    assert score.climatology == pytest.approx(np.mean(losses), rel=1e-9)
    assert {each.nominal for each in found.coverage} == {0.5, 0.9}
    # R2 of log volatility, from daily returns.
    close = view.bars("IWM")["adj_close"]
    squares = np.log(close).diff().to_numpy() ** 2
    realised = pd.Series(
        [np.sqrt(252 * squares[row + 1 : row + 22].mean()) for row in range(len(close) - 21)],
        labels["decided_at"].to_numpy()[: len(close) - 21],
    )
    resolved_at = pd.Series(labels["resolved_at"].to_numpy()[: len(realised)], realised.index)
    actual = np.log(realised.reindex(past.decided_at[: found.n]).to_numpy())
    usual = [np.log(realised[resolved_at <= day]).mean() for day in past.decided_at[: found.n]]
    missed = np.mean((actual - np.log(past.volatility[: found.n])) ** 2) / np.mean((actual - np.array(usual)) ** 2)
    assert found.volatility is not None
    assert found.volatility.r2 == pytest.approx(1 - missed, rel=1e-6)


def test_what_knows_no_distribution_has_none(trained: tuple[Training, Examples, Training]) -> None:
    assert past_distributions(trained[2], trained[1], "IWM") is None


def test_the_usual_fan_is_that_of_all_past_months(trained_home: Home) -> None:
    early = trained_home.store().as_of(pd.Timestamp("2003-06-30 21:00", tz="UTC"))
    close = early.bars("IWM")["adj_close"].to_numpy()
    got = usual_fan(early, "IWM", 21)
    months = [close[row + 5] / close[row] - 1 for row in range(len(close) - 21)]
    np.testing.assert_allclose(got[:, 4], np.quantile(months, [0.05, 0.25, 0.5, 0.75, 0.95]), rtol=1e-9)
    assert got.shape == (5, 21)
    assert np.isnan(usual_fan(trained_home.store().as_of(pd.Timestamp("2000-01-10 21:00", tz="UTC")), "IWM", 21)).all()
