"""A verdict holds every test with its numbers, whatever came of it, and thresholds decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from tests.forecasting.passing import check

from bullbear.dataset.predictions import Predictions
from bullbear.definitions.promotion import Promotion
from bullbear.errors import GateError
from bullbear.evaluate.reliability import overconfidence_test
from bullbear.evaluate.tried_models import on_common_days, tried_models
from bullbear.forecasting.forecast_record import Record
from bullbear.forecasting.gate import Check, judge

N, HORIZON = 2000, 5


@pytest.fixture(scope="module")
def skilled() -> Record:
    """A run that says the true probabilities of a market with much signal."""
    rng = np.random.default_rng(12)
    x = np.repeat(rng.standard_normal(N // HORIZON + 1), HORIZON)[:N]
    p = expit(0.4 + 0.8 * x)
    y = np.repeat(rng.random(N // HORIZON + 1), HORIZON)[:N] < p
    days = pd.bdate_range("2005-01-03", periods=N + HORIZON, tz="UTC") + pd.Timedelta(hours=21)
    said = Predictions.of(
        decided_at=days[:-HORIZON], resolved_at=days[HORIZON:], asset="IWM", horizon=HORIZON,
        p=p, climatology=0.6, y=y.astype(float),
    )  # fmt: skip
    return Record("mine", "a" * 32, "hash of mine", "IWM", HORIZON, False, said)


def saying(run: Record, p: np.ndarray) -> Record:
    return replace(run, predictions=Predictions(run.predictions.table.assign(p=p)))


def other(run: Record, seed: int, good: float) -> pd.DataFrame:
    """Another model tried: noise, with a share of what the skilled run says."""
    table = run.predictions.table
    noise = np.repeat(np.random.default_rng(seed).standard_normal(N // HORIZON + 1), HORIZON)[:N]
    p = expit(logit(0.6) + good * (logit(table["p"]) - logit(0.6)) + 0.4 * noise)
    return pd.DataFrame({"p": p.to_numpy(), "y": table["y"].to_numpy()}, index=pd.DatetimeIndex(table["decided_at"]))


def beside(run: Record, count: int, good: float = 0.0):
    others = {f"other {seed}": other(run, seed, good) for seed in range(count)}
    return lambda: tried_models(on_common_days(run.predictions, others))


def outcomes(verdict) -> dict[str, bool | None]:
    return {each.test: each.passed for each in verdict.checks}


def test_a_passed_verdict_holds_every_number(skilled):
    verdict = judge(skilled, None, tried=10, models=beside(skilled, 9))
    assert verdict.passed
    assert outcomes(verdict) == {
        "evidence": True, "skill": True, "calibration": True, "tries": None, "superior ability": True,
        "overfitting": True,
    }  # fmt: skip
    found = {each.test: each for each in verdict.checks}
    models = beside(skilled, 9)()
    assert found["evidence"].value == verdict.n_effective
    assert found["skill"].value == min(test.skill_low for test in verdict.tests)
    assert (found["superior ability"].value, found["superior ability"].threshold) == (models.spa.p_value, 0.10)
    assert (found["overfitting"].value, found["overfitting"].threshold) == (models.overfitting.pbo, 0.5)
    assert found["tries"].value == 10
    table = skilled.predictions.table
    p_value = overconfidence_test(table["y"], table["p"], table["climatology"], HORIZON).p_value
    assert found["calibration"].value == p_value
    assert verdict.sentence.startswith("passed: Brier skill +")
    document = verdict.as_dict()
    assert (document["passed"], document["verdict"]) == (True, verdict.sentence)
    assert document["checks"][0]["test"] == "evidence"


def test_a_refused_verdict_holds_every_number_too(skilled):
    noise = saying(skilled, other(skilled, 77, 0.0)["p"].to_numpy())
    models = lambda: tried_models(  # noqa: E731
        on_common_days(noise.predictions, {f"{seed}": other(skilled, seed, 0.0) for seed in range(9)})
    )
    verdict = judge(noise, None, tried=10, models=models)
    assert not verdict.passed
    found = outcomes(verdict)
    assert set(found) == {"evidence", "skill", "calibration", "tries", "superior ability", "overfitting"}
    assert [name for name, passed in found.items() if passed is False][:2] == ["skill", "calibration"]
    assert found["superior ability"] is False
    assert verdict.sentence.startswith("refused: the skill test: Brier skill -0.")
    with pytest.raises(
        GateError, match=r"refused by the skill test: Brier skill -0\.\d+, whose one-sided 99\.0% lower bound"
    ) as bad:
        check(noise, None, tried=10, models=models)
    assert bad.value.verdict == verdict.as_dict()


def test_a_bold_run_with_skill_is_refused_for_its_boldness_alone(skilled):
    base = logit(0.6)
    p = skilled.predictions.table["p"].to_numpy()
    bold = saying(skilled, expit(base + 1.6 * (logit(p) - base)))
    verdict = judge(bold, None, tried=1)
    assert outcomes(verdict) == {
        "evidence": True, "skill": True, "calibration": False, "tries": None, "superior ability": None,
        "overfitting": None,
    }  # fmt: skip
    with pytest.raises(
        GateError, match=r"calibration test: p-value 0\.00\d+ that its moves .* at least 0\.01 is asked"
    ):
        check(bold, None, tried=1)
    lenient = Promotion.model_validate({"calibration": {"least_p_value": 0.0}})
    assert check(bold, None, tried=1, thresholds=lenient).passed
    shy = saying(skilled, expit(base + 0.4 * (logit(p) - base)))
    assert check(shy, None, tried=1).passed


def test_thresholds_decide(skilled):
    models = beside(skilled, 3)
    for table, test in (
        ({"tries": {"most": 3}}, "tries test: 4 models tried, at most 3 are allowed; wait for new data"),
        ({"evidence": {"least": 5000}}, r"evidence test: \d+ effective forecasts, 5000 are needed"),
        ({"skill": {"error": 1e-80}}, r"skill test: .* lower bound -"),
    ):
        with pytest.raises(GateError, match=test):
            check(skilled, None, tried=4, models=models, thresholds=Promotion.model_validate(table))
    five = Promotion.model_validate({"superior_ability": {"least_models": 5}})
    verdict = check(skilled, None, tried=4, models=models, thresholds=five)
    reasons = {each.test: each.reason for each in verdict.checks}
    assert outcomes(verdict)["superior ability"] is None
    assert reasons["superior ability"] == "4 models to compare, 5 are needed"
    assert reasons["overfitting"] == "4 models to compare, 8 are needed"


@pytest.mark.parametrize(("pbo", "lost", "passed"), [(0.6, 0.3, False), (0.6, 0.2, True), (0.4, 0.9, True)])
def test_a_choice_that_is_arbitrary_and_does_harm_is_refused(skilled, pbo, lost, passed):
    models = beside(skilled, 7)()
    models = replace(models, overfitting=replace(models.overfitting, pbo=pbo, loss_share=lost))
    verdict = judge(skilled, None, tried=8, models=lambda: models)
    assert outcomes(verdict)["overfitting"] is passed
    if not passed:
        with pytest.raises(
            GateError, match=r"overfitting test: the best of 8 models .* 60% of splits \(PBO\) and loses"
        ):
            check(skilled, None, tried=8, models=lambda: models)


def test_the_choice_among_good_models_may_be_arbitrary(skilled):
    models = beside(skilled, 12, good=1.0)
    found = models()
    strict = Promotion.model_validate({"overfitting": {"most_pbo": 0.0}})
    assert found.overfitting.pbo > 0
    assert found.overfitting.loss_share == 0
    assert check(skilled, None, tried=13, models=models, thresholds=strict).passed


def test_a_verdict_names_what_could_not_be_compared(skilled):
    others = {"gone": None, "left": other(skilled, 1, 0.0)}
    verdict = judge(skilled, None, tried=3, models=lambda: tried_models(on_common_days(skilled.predictions, others)))
    (spa,) = [each for each in verdict.checks if each.test == "superior ability"]
    assert "none of 2 models (1 not comparable) beats the base rate on 2,000 common days" in spa.reason
    assert judge(skilled, None, tried=3, models=lambda: None).checks[-1].reason == "no other model could be compared"


def test_the_champion_and_a_retraining_are_asked_for_no_new_evidence(skilled):
    def never() -> None:
        raise AssertionError("nothing new is chosen")

    again = replace(skilled, run_id="b" * 32)
    assert outcomes(judge(again, skilled, tried=9, models=never)) == {"evidence": True, "champion": True}
    present = judge(skilled, skilled, tried=9, models=never)
    assert present.sentence == "passed: mine aaaaaaaa is the champion already"
    assert outcomes(present) == {"champion": True, "evidence": None, "tries": None, "calibration": None, "skill": None}
    told = {each.test: each.value for each in present.checks}
    anew = {each.test: each.value for each in judge(skilled, None, tried=9, models=lambda: None).checks}
    assert {name: anew[name] for name in ("evidence", "tries", "calibration", "skill")} == {
        name: told[name] for name in ("evidence", "tries", "calibration", "skill")
    }


def test_a_comparison_with_the_champion_tells_the_number_that_decided(skilled):
    def champion_check(run: Record, champion: Record) -> Check:
        (found,) = [each for each in judge(run, champion, tried=1).checks if each.test == "champion"]
        assert found.value is not None
        assert found.threshold is not None
        return found

    rival = replace(skilled, run_id="c" * 32, definition_hash="rival", definition=None)
    table = skilled.predictions.table
    worse = replace(
        rival, predictions=saying(rival, (0.3 * table["p"] + 0.7 * table["climatology"]).to_numpy()).predictions
    )
    better, back = champion_check(skilled, worse), champion_check(worse, skilled)
    assert better.passed
    assert better.value > better.threshold == 0.0
    assert not back.passed
    assert back.value < back.threshold == 0.0
    same = champion_check(rival, skilled)
    assert same.passed
    assert 0.0 == same.value <= same.threshold
    again = replace(worse, definition_hash=skilled.definition_hash)
    retrained = champion_check(replace(skilled, run_id="d" * 32), again)
    assert retrained.passed
    assert retrained.value <= retrained.threshold == 0.0
    early, late = (replace(each, predictions=each.predictions.where(days)) for each, days in (
        (skilled, np.arange(len(table)) < 1010), (rival, np.arange(len(table)) >= 1000)))  # fmt: skip
    few = champion_check(late, early)
    assert (few.passed, few.value, few.threshold) == (False, 10, 20)


def test_too_few_common_days_are_told_with_their_number(skilled):
    others = {f"{n}": other(skilled, n, 0.0) for n in range(12)}
    holes = {name: table.drop(table.index[n::12]) for n, (name, table) in enumerate(others.items())}
    verdict = judge(skilled, None, tried=13, models=lambda: tried_models(on_common_days(skilled.predictions, holes)))
    of = {each.test: each for each in verdict.checks}
    for name in ("superior ability", "overfitting"):
        assert of[name].reason == "0 resolved days are common to 13 models, at least 20 are needed"
        assert (of[name].passed, of[name].value, of[name].threshold) == (None, 0, 20)
