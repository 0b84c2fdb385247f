"""The evaluation of a predictions frame: its fields, what it leaves out, what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bullbear.dataset.predictions import Predictions
from bullbear.errors import HistoryError, InputError
from bullbear.evaluate import Evaluation, evaluate, evaluate_each, path_scores
from bullbear.evaluate.nulls import auc_null, ece_null
from bullbear.evaluate.scores import brier_skill, log_loss_skill
from bullbear.evaluate.significance import clark_west, diebold_mariano

FIRST_DAY = "2008-06-02 20:00"


@pytest.fixture
def predictions(market) -> pd.DataFrame:
    """1,500 business days from June 2008, the last 21 unresolved, of a market with signal."""
    n = 1500
    made = market(n, np.random.default_rng(15), 0.05)
    days = pd.date_range(FIRST_DAY, periods=n + 21, freq="B", tz="UTC")
    y = made.y.copy()
    y[-21:] = np.nan
    columns = {"decided_at": days[:n], "resolved_at": days[21:], "asset": "IWM", "p": made.truth}
    return pd.DataFrame({**columns, "p_low": 0.0, "p_high": 1.0, "climatology": made.climatology, "y": y})


def scored(frame: pd.DataFrame, horizon: int = 21, **options) -> Evaluation:
    return evaluate(Predictions.of(**frame, horizon=horizon), **options)


def test_scores_only_what_resolved(predictions):
    result = scored(predictions, 21, resamples=200)
    done = predictions.iloc[:-21]
    y, p, c = done["y"].to_numpy(), done["p"].to_numpy(), done["climatology"].to_numpy()
    assert (result.n, result.n_unresolved) == (1479, 21)
    assert result.first == pd.Timestamp(FIRST_DAY, tz="UTC")
    assert result.last == done["decided_at"].iloc[-1] > result.first
    assert result.brier == pytest.approx(np.mean((p - y) ** 2), rel=1e-12)
    assert result.brier_climatology == pytest.approx(np.mean((c - y) ** 2), rel=1e-12)
    assert result.bss == pytest.approx(brier_skill(y, p, c), rel=1e-12)
    assert result.log_loss_skill == pytest.approx(log_loss_skill(y, p, c), rel=1e-12)
    assert result.auc == pytest.approx(roc_auc_score(y, p), rel=1e-12)
    assert result.dm_statistic == diebold_mariano(y, p, c, 21).statistic
    assert result.cw_p_value == clark_west(y, p, c, 21).p_value
    assert result.share_up == pytest.approx(y.mean())


@pytest.mark.parametrize(("rows", "horizon"), [(21, 13), (22, 14), (32, 21), (2, 1)])
def test_a_horizon_too_short_for_the_overlap_is_refused_with_some_allowance(predictions, rows, horizon):
    """A label may span half as many rows again as the horizon says, and one more."""
    days = pd.date_range(FIRST_DAY, periods=1500 + rows, freq="B", tz="UTC")
    spanning = predictions.assign(resolved_at=days[rows:])
    if rows <= 1.5 * horizon + 1:
        assert scored(spanning, horizon, resamples=10).n == 1479
    else:
        with pytest.raises(InputError, match=rf"horizon: got {horizon}; allowed: about {rows}, the rows a label spans"):
            scored(spanning, horizon, resamples=10)
    with pytest.raises(InputError, match=r"the rows a label spans; give the model's horizon"):
        scored(predictions, 13, resamples=10)


def test_intervals_hold_their_estimates_and_overlap_is_counted(predictions):
    result = scored(predictions, 21, resamples=200)
    assert result.bss_low < result.bss < result.bss_high
    assert result.log_loss_skill_low < result.log_loss_skill < result.log_loss_skill_high
    assert 0 <= result.auc_low < result.auc < result.auc_high <= 1
    assert 20 < result.n_effective <= 1479 / 15
    assert result.mean_block >= 21


def test_auc_and_ece_stand_beside_their_nulls(predictions):
    result = scored(predictions, 21, resamples=50)
    done = predictions.iloc[:-21]
    ranking, calibrated = auc_null(done["y"], done["p"], done["climatology"], 21), ece_null(done["p"], 21)
    assert (result.auc_null, result.auc_null_low, result.auc_null_high) == (ranking.mean, ranking.low, ranking.high)
    assert (result.ece_null, result.ece_null_low, result.ece_null_high) == (
        calibrated.mean, calibrated.low, calibrated.high,
    )  # fmt: skip
    base = scored(predictions.assign(p=predictions["climatology"]), 21, resamples=50)
    assert base.auc == base.auc_null


def test_years_and_periods_add_up(predictions):
    result = scored(predictions, 21, resamples=50)
    assert [part.label for part in result.by_year] == [str(year) for year in range(2008, 2015)]
    assert [part.label for part in result.by_period] == ["2005-2009", "2010-2014"]
    assert sum(part.n for part in result.by_year) == sum(part.n for part in result.by_period) == 1479
    mean_p = sum(part.n * part.mean_p for part in result.by_year) / 1479
    assert mean_p == pytest.approx(result.mean_p, rel=1e-12)
    of_2010 = predictions[predictions["decided_at"].dt.year == 2010]
    expected = brier_skill(of_2010["y"], of_2010["p"], of_2010["climatology"])
    assert result.by_year[2].bss == pytest.approx(expected, rel=1e-12)
    assert sum(row.n for row in result.calibration) == 1479


def test_json_has_the_published_fields(predictions):
    plain = scored(predictions, 21, resamples=50).as_dict()
    assert plain == json.loads(json.dumps(plain, allow_nan=False))
    promised = "n n_effective brier brier_climatology bss bss_low bss_high log_loss_skill auc ece by_year"
    assert set(promised.split()) <= set(plain)
    assert list(plain["by_year"][0]) == ["year", "n", "bss", "log_loss_skill", "share_up", "mean_p"]
    assert plain["by_period"][0]["period"] == "2005-2009"
    assert plain["first"] == "2008-06-02T20:00:00+00:00"


def test_json_says_null_where_nothing_is_determined(predictions):
    flat = predictions.assign(p=predictions["climatology"], y=1.0)
    plain = json.loads(json.dumps(scored(flat, 21, resamples=50).as_dict(), allow_nan=False))
    assert plain["auc"] is None
    assert plain["calibration_slope"] is None
    assert (plain["bss"], plain["bss_low"], plain["bss_high"], plain["dm_p_value"]) == (0, 0, 0, 1)


def test_a_perfect_reference_and_a_failed_certainty_become_null(predictions):
    y = predictions["y"].fillna(1.0)
    plain = scored(predictions.assign(climatology=y), 21, resamples=50).as_dict()
    assert plain["bss"] is None
    assert plain["by_year"][0]["bss"] is None
    certain = scored(predictions.assign(p=1.0), 21, resamples=50).as_dict()
    json.dumps(certain, allow_nan=False)
    assert certain["log_loss_skill"] is None
    assert certain["bss"] < 0


def test_the_same_seed_gives_the_same_page(predictions):
    assert scored(predictions, 21, resamples=50) == scored(predictions, 21, resamples=50)
    assert scored(predictions, 21, resamples=50, seed=1).bss_low != scored(predictions, 21, resamples=50).bss_low


def test_a_wider_level_gives_a_wider_interval(predictions):
    narrow, wide = (scored(predictions, 21, resamples=200, level=level) for level in (0.8, 0.95))
    assert wide.bss_low < narrow.bss_low < narrow.bss_high < wide.bss_high


def test_too_little_history(predictions):
    with pytest.raises(HistoryError, match="predictions: got '83 resolved rows'; allowed: at least 84"):
        scored(predictions.iloc[:83], 21)
    with pytest.raises(HistoryError, match="predictions: got '0 resolved rows'"):
        scored(predictions.assign(y=np.nan), 21)
    assert scored(predictions.iloc[:84], 21, resamples=20).n == 84


def test_a_resolved_row_without_its_base_rate_is_refused(predictions):
    with pytest.raises(InputError, match=r"predictions\.climatology of 2008-06-03: missing"):
        scored(predictions.assign(climatology=predictions["climatology"].mask(predictions.index == 1)))


@pytest.mark.parametrize(("column", "value"), [("question", "dip"), ("member", "trees"), ("path", 1), ("horizon", 5)])
def test_mixed_forecasts_are_refused(predictions, column, value):
    two = Predictions.concat([Predictions.of(**predictions), Predictions.of(**predictions, **{column: value})])
    with pytest.raises(InputError, match=rf"predictions\.{column}: got '.*{value}.*'; allowed: one value; select one"):
        evaluate(two)


def test_assets_that_move_as_one_are_one_observation(predictions):
    one = scored(predictions, resamples=100)
    twins = [Predictions.of(**predictions.assign(asset=asset)) for asset in ("IWM", "TWIN", "MORE")]
    three = evaluate(Predictions.concat(twins), resamples=100)
    assert (three.n, three.n_sessions, three.n_unresolved) == (3 * one.n, one.n, 63)
    assert three.n_effective == pytest.approx(one.n_effective, rel=1e-12)
    for name in ("bss", "bss_low", "bss_high", "auc", "auc_low", "ece_null", "auc_null", "dm_p_value", "cw_p_value"):
        assert getattr(three, name) == pytest.approx(getattr(one, name), rel=1e-9), name
    assert [(part.label, part.n) for part in three.by_asset] == [("IWM", 1479), ("MORE", 1479), ("TWIN", 1479)]
    assert [part.bss for part in three.by_asset] == pytest.approx([one.bss] * 3, rel=1e-12)


def test_assets_need_not_share_every_session(predictions):
    other = predictions.iloc[300:].assign(p=predictions["climatology"].iloc[300:])
    both = Predictions.concat([Predictions.of(**predictions), Predictions.of(**other.assign(asset="OTHER"))])
    result = evaluate(both, resamples=100)
    alone = scored(predictions, resamples=100)
    assert (result.n, result.n_sessions) == (1479 + 1179, 1479)
    assert [part.bss for part in result.by_asset] == pytest.approx([alone.bss, 0.0], abs=1e-12)
    assert 0 < result.bss < alone.bss


def test_every_question_and_member_has_its_evaluation(predictions):
    made = [
        Predictions.of(**predictions, question=question, member=member)
        for question in ("up", "dip") for member in ("trees", "combined")
    ]  # fmt: skip
    other_path = Predictions.of(**predictions.assign(p=0.5), question="up", member="trees", path=1)
    found = evaluate_each(Predictions.concat([*made, other_path]), resamples=20)
    assert [(each.question, each.member) for each in found] == [
        ("dip", "combined"), ("dip", "trees"), ("up", "combined"), ("up", "trees")
    ]  # fmt: skip
    assert {each.bss for each in found} == {scored(predictions, resamples=20).bss}


def test_the_spread_of_paths(predictions):
    dull = predictions.assign(p=predictions["climatology"])
    between = predictions.assign(p=(predictions["p"] + predictions["climatology"]) / 2)
    paths = [Predictions.of(**each, path=path) for path, each in enumerate((predictions, dull, between))]
    found = path_scores(Predictions.concat(paths))
    skills = [scored(each, resamples=10).bss for each in (predictions, dull, between)]
    assert [part.label for part in found.paths] == ["0", "1", "2"]
    assert [part.bss for part in found.paths] == pytest.approx(skills, abs=1e-12)
    assert found.bss_mean == pytest.approx(np.mean(skills))
    assert found.bss_deviation == pytest.approx(np.std(skills, ddof=1))
    assert (found.bss_lowest, found.bss_highest) == pytest.approx((min(skills), max(skills)), abs=1e-12)


def test_a_horizon_shorter_than_the_labels_is_refused(predictions):
    with pytest.raises(InputError, match="horizon: got 5; allowed: about 21"):
        scored(predictions, 5)
    with pytest.raises(InputError, match="horizon: got 0"):
        scored(predictions, 0)
