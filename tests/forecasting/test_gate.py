"""The gate of a promotion: what it lets through by luck, what it refuses, and what it never stands in the way of."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.special import expit, logit
from tests.forecasting.passing import check

from bullbear.data.simulated_process import HORIZON, draw
from bullbear.dataset.predictions import Predictions
from bullbear.definitions import ModelDefinition
from bullbear.errors import GateError
from bullbear.evaluate.significance import lower_bound
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.forecast_record import Record
from bullbear.learn.calibrator import History
from bullbear.learn.calibrators.shrinkage import Shrinkage

SESSIONS, FIRST, BURN_IN = 5040, 1260, 504
"""Twenty years, of which the last fifteen are reported, after two years of burn-in."""


@cache
def market(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of a simulated market without signal, and the base rate known at each session."""
    level = np.cumsum(draw(seed, 0.0, SESSIONS).returns)
    y = (level[HORIZON:] > level[:-HORIZON]).astype(float)
    ups = np.concatenate([[0.0], np.cumsum(y)])
    resolved = np.maximum(np.arange(len(y)) - HORIZON + 1, 0)
    return y, np.divide(ups[resolved], resolved, out=np.full(len(y), 0.5), where=resolved > 0)


def noise(seed: int, persistence: float, n: int) -> np.ndarray:
    shocks = np.random.default_rng([seed, int(1000 * persistence)]).standard_normal(n)
    return lfilter([np.sqrt(1 - persistence**2)], [1, -persistence], shocks)


def skill_less(seed: int, persistence: float, step: int) -> Record:
    """A learner that signals noise, calibrated by the project's own rule on its past, every `step` sessions."""
    y, c = market(seed)
    signal = 0.3 * noise(seed, persistence, len(y))
    p = c.copy()
    for start in range(FIRST - BURN_IN, len(y), step):
        month, past = slice(start, start + step), slice(FIRST - BURN_IN, max(FIRST - BURN_IN, start - HORIZON + 1))
        believed = Shrinkage().fit(
            History(y[past], c[past], signal[past], HORIZON, y[:0])
        )  # `resolved` widens intervals alone
        p[month] = believed.probability(c[month], signal[month])
    return record(y[FIRST:], p[FIRST:], c[FIRST:], model=f"noise {persistence}")


def record(y: np.ndarray, p: np.ndarray, c: np.ndarray, horizon: int = HORIZON, **other: object) -> Record:
    days = pd.bdate_range("2005-01-03 21:00", periods=len(y) + HORIZON, tz="UTC")
    said = Predictions.of(
        decided_at=days[:-HORIZON],
        resolved_at=days[horizon:][: len(y)],
        asset="IWM",
        horizon=horizon,
        p=p,
        climatology=c,
        y=y,
    )
    made = Record("mine", "a" * 32, "hash of mine", "IWM", horizon, False, said)
    return replace(made, **other)  # type: ignore[arg-type]


def changed(found: Record, p: np.ndarray, **other: object) -> Record:
    own = {"has_signal": True, **other}
    return replace(with_columns(found, p=p), **own)  # type: ignore[arg-type]


def with_columns(found: Record, **columns: object) -> Record:
    return replace(found, predictions=Predictions(found.predictions.table.assign(**columns)))


def rows(found: Record, wanted: slice) -> Predictions:
    return Predictions(found.predictions.table.iloc[wanted])


def passes(found: Record, tried: int) -> bool:
    """Whether a model is promoted; the base rate itself is no model."""
    try:
        return bool(check(found, None, tried=tried).tests)
    except GateError:
        return False


def promoted(seeds: range, step: int = HORIZON) -> dict[str, float]:
    """Shares of markets without signal in which a skill-less model is promoted."""
    alone = {persistence: [skill_less(seed, persistence, step) for seed in seeds] for persistence in (0.9, 0.98, 0.995)}
    shares = {f"{each}": float(np.mean([passes(run, 1) for run in runs])) for each, runs in alone.items()}
    three = [any(passes(run, 3) for run in runs) for runs in zip(*alone.values(), strict=True)]
    shares["best of three"] = float(np.mean(three))
    at_or_above_zero = [skill(run) >= 0 and spoke(run) for runs in alone.values() for run in runs]
    shares["at or above zero"] = float(np.mean(at_or_above_zero))
    return shares


def spoke(found: Record) -> bool:
    """Whether its forecasts ever left the base rate."""
    return bool((found.predictions.table["p"] != found.predictions.table["climatology"]).any())


def skill(found: Record) -> float:
    y, p, c = (found.predictions.table[name].to_numpy() for name in ("y", "p", "climatology"))
    return 1 - float(np.mean((p - y) ** 2) / np.mean((c - y) ** 2))


def test_few_models_without_skill_are_promoted() -> None:
    shares = promoted(range(20), 6 * HORIZON)
    assert shares["at or above zero"] > 0.08  # the luck that there was to be had
    assert max(shares[each] for each in ("0.9", "0.98", "0.995")) <= 0.10  # 2 of 20, where 1 is expected at most
    assert shares["best of three"] <= 0.10


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_under_five_per_cent_of_models_without_skill_are_promoted() -> None:
    shares = promoted(range(200))
    print(shares)  # noqa: T201
    assert max(shares[each] for each in ("0.9", "0.98", "0.995", "best of three")) < 0.05
    assert shares["at or above zero"] > 0.10


@pytest.fixture(scope="module")
def base() -> Record:
    y, c = market(7)
    return record(
        y[FIRST:], c[FIRST:], c[FIRST:], model="climatology", definition_hash="hash of climatology", has_signal=False
    )


def leaning(base: Record, strength: float, blur: float = 1.0, seed: int = 1) -> np.ndarray:
    """Probabilities that lean towards what came, through a persistent blur."""
    c, y = base.predictions.table["climatology"].to_numpy(), base.predictions.table["y"].to_numpy()
    return expit(logit(c) + strength * (2 * y - 1 + blur * noise(seed, 0.95, len(y))))


def with_skill(base: Record, at_least: float, at_most: float) -> Record:
    """A run whose Brier skill lies between two bounds: the base rate, moved up where it went up by a small share."""
    c, y = base.predictions.table["climatology"].to_numpy(), base.predictions.table["y"].to_numpy()
    wrong = noise(3, 0.98, len(y))
    for share in np.linspace(-0.3, 0.5, 161):
        run = changed(base, expit(logit(c) + 0.3 * (share * (2 * y - 1) + wrong)), run_id="b" * 32, definition_hash="x")
        if at_least <= skill(run) <= at_most:
            return run
    raise AssertionError("no share gives that skill")


def test_a_model_with_clear_skill_passes_and_its_figures_are_shown(base: Record) -> None:
    run = changed(base, leaning(base, 0.3), run_id="b" * 32, model="mine", definition_hash="x")
    verdict = check(run, None, tried=4)
    brier, log_loss = verdict.tests
    assert (brier.score, log_loss.score, brier.rival) == ("Brier", "log-loss", "the base rate")
    assert brier.skill == pytest.approx(skill(run))
    assert 0 < brier.skill_low < brier.skill
    assert brier.confidence == pytest.approx(0.975)
    assert verdict.tried == 4
    assert verdict.lines()[0].startswith(
        f"Brier against the base rate on 3,759 days: skill {skill(run):+.2%}, at least +"
    )
    assert verdict.lines()[0].endswith("with 97.5% confidence")
    document = verdict.as_dict()
    assert document["tests"][0]["skill_low"] == brier.skill_low
    # beaten against the base rate as champion, the skill test says it all
    assert len(check(run, base, tried=4).tests) == 2


@pytest.mark.parametrize(("at_least", "at_most"), [(-0.0099, -0.003), (-0.003, -0.0001), (0.0005, 0.006)])
def test_a_skill_that_is_not_above_zero_beyond_luck_is_refused(base: Record, at_least: float, at_most: float) -> None:
    run = with_skill(base, at_least, at_most)
    with pytest.raises(
        GateError,
        match=r"refused by the skill test: (Brier|log-loss) skill [+-]0\.0\d+, whose one-sided 90\.0% lower "
        r"bound -0\.\d+ is not above 0 \(1 model tried\); keep the present champion, or the "
        r"base rate, until there is more evidence",
    ):
        check(run, None, tried=1)


def test_a_bound_a_hair_below_zero_is_refused(base: Record) -> None:
    c, y = base.predictions.table["climatology"].to_numpy(), base.predictions.table["y"].to_numpy()
    wrong, below, above = noise(3, 0.98, len(y)), -0.3, 0.5
    for _ in range(14):
        share = (below + above) / 2
        p = expit(logit(c) + 0.3 * (share * (2 * y - 1) + wrong))
        bounds = [lower_bound(y, p, c, HORIZON, score=score).skill_low for score in ("brier", "log_loss")]
        below, above = (below, share) if min(bounds) > 0 else (share, above)
        if -0.0005 < min(bounds) < 0:
            break
    run = changed(base, p, run_id="b" * 32, definition_hash="x")
    with pytest.raises(GateError, match=r"lower bound -0\.000\d is not above 0"):
        check(run, None, tried=1)


def test_a_better_brier_score_does_not_excuse_the_log_loss(base: Record) -> None:
    p = leaning(base, 0.5)
    p[np.flatnonzero(base.predictions.table["y"] == 0)[:60]] = 1 - 1e-12
    run = changed(base, p, run_id="b" * 32)
    assert lower_bound(run.predictions.table["y"], p, base.predictions.table["climatology"], HORIZON).low > 0
    with pytest.raises(GateError, match=r"skill test: log-loss skill -"):
        check(run, None, tried=1)


def test_the_more_are_tried_the_more_evidence_is_asked(base: Record) -> None:
    y, c = base.predictions.table["y"], base.predictions.table["climatology"]
    for strength in np.linspace(0.02, 0.4, 39):
        p = expit(logit(c) + 0.3 * (strength * (2 * y - 1) + noise(5, 0.98, len(y))))
        worst = max(lower_bound(y, p, c, HORIZON, score=score).p_value for score in ("brier", "log_loss"))
        if 0.035 < worst < 0.095:
            break
    run = changed(base, p.to_numpy(), run_id="b" * 32)
    assert check(run, None, tried=1).tests
    with pytest.raises(
        GateError, match=r"whose one-sided 97\.5% lower bound -0\.\d+ is not above 0 \(4 models tried\)"
    ):
        check(run, None, tried=4)


def test_the_base_rate_needs_no_evidence_but_replaces_only_itself(base: Record) -> None:
    for champion in (None, replace(base, run_id="c" * 32)):
        verdict = check(replace(base, predictions=rows(base, slice(200))), champion, tried=1)
        assert verdict.tests == ()
        assert verdict.notes == (
            "climatology aaaaaaaa: its probabilities are the base rate and need no evidence; "
            "its policy is not tested by the gate",
        )
    champion = changed(base, leaning(base, 0.2), run_id="c" * 32, model="theirs")
    with pytest.raises(
        GateError, match=r"champion test: Brier score 0\.\d+ worse than theirs cccccccc's on 3,759 common"
    ):
        check(base, champion, tried=1)


@pytest.mark.parametrize("days", [200, 3759])
def test_a_model_that_has_not_spoken_yet_is_no_base_rate(base: Record, days: int) -> None:
    # Its slope happened to be 0 on every reported day; the next refit may believe its signal.
    silent = replace(base, model="mine", run_id="b" * 32, definition_hash="x", has_signal=True)
    silent = replace(silent, predictions=rows(base, slice(-days, None)))
    for champion in (None, base):
        with pytest.raises(GateError, match=r"refused by the (evidence|skill) test"):
            check(silent, champion, tried=1)
    # As a champion it is nothing that the base rate would have to beat.
    assert check(base, silent, tried=1).notes[-1].startswith("the forecasts are those of the champion mine bbbbbbbb")
    if days == 200:
        return
    with pytest.raises(GateError, match=r"refused by the champion test: Brier score 0\.\d+ worse than mine bbbbbbbb's"):
        check(changed(silent, 0.5 * silent.predictions.table["p"].to_numpy(), run_id="d" * 32), silent, tried=1)


@pytest.mark.parametrize(
    ("learner", "calibration_table", "expected"),
    [
        ({"kind": "climatology"}, {}, False),
        ({"kind": "climatology", "half_life": 504.0}, {}, True),
        ({"kind": "logistic"}, {}, True),
        ({"kind": "logistic"}, {"prior_sd": 0.0}, False),
        ({"kind": "logistic"}, {"prior_sd": 0.0, "prior_mean": 0.3}, True),
    ],
)
def test_whether_a_model_can_leave_the_base_rate_is_read_from_its_definition(
    base: Record, learner: dict[str, object], calibration_table: dict[str, object], expected: bool
) -> None:
    definition = ModelDefinition.model_validate(
        {"name": "mine", "intent": "A model to be read.", "learner": learner, "calibration": calibration_table}
    )
    bundle = SimpleNamespace(
        definition=definition,
        feature_sets=(),
        question="up",
        is_walk_forward=True,
        predictions=base.predictions,
        meta={"definition_hash": "x", "simulated": False},
    )
    assert Record.of(cast(Bundle, bundle), "b" * 32).has_signal is expected


def test_too_little_evidence_is_refused(base: Record) -> None:
    run = changed(base, leaning(base, 0.3), run_id="b" * 32)
    with pytest.raises(GateError, match=r"refused by the evidence test: 31 effective forecasts, 36 are needed"):
        check(replace(run, predictions=rows(run, slice(500))), None, tried=1)


def test_as_much_evidence_as_is_needed_is_enough() -> None:
    # Losses that differ by turns have no persistence: over one session each row counts for one.
    y = np.tile([1.0, 0.0], 18)
    run = record(y, np.where(y == 1, 0.7, 0.4), np.full(36, 0.5), horizon=1)
    assert len(check(run, None, tried=1).tests) == 2
    with pytest.raises(GateError, match=r"refused by the evidence test: 35 effective forecasts, 36 are needed"):
        check(replace(run, predictions=rows(run, slice(35))), None, tried=1)


def test_a_challenger_must_beat_the_champion_beyond_luck(base: Record) -> None:
    weak = changed(base, leaning(base, 0.15), run_id="c" * 32, model="weak", definition_hash="weak")
    strong = changed(base, leaning(base, 0.45), run_id="d" * 32, model="strong", definition_hash="strong")
    verdict = check(strong, weak, tried=2)
    assert [test.rival for test in verdict.tests] == [
        "the base rate",
        "the base rate",
        "weak cccccccc",
        "weak cccccccc",
    ]
    assert all(test.low > 0 for test in verdict.tests)
    with pytest.raises(
        GateError, match=r"champion test: Brier score 0\.\d+ worse than strong dddddddd's on 3,759 common"
    ):
        check(weak, strong, tried=2)
    even = expit(logit(strong.predictions.table["p"]) + 0.05 * noise(9, 0.98, 3759))
    for each in (
        even,
        2 * strong.predictions.table["p"] - even,
    ):  # to either side: one is a little better
        with pytest.raises(GateError, match=r"champion test: (Brier|log-loss) score 0\.\d+ (worse|better) than strong"):
            check(changed(strong, np.asarray(each), run_id="e" * 32, definition_hash="even"), strong, tried=2)


def test_a_gain_that_may_be_luck_is_refused_with_its_bound(base: Record) -> None:
    strong = changed(base, leaning(base, 0.45), run_id="d" * 32, model="strong", definition_hash="strong")
    y = strong.predictions.table["y"].to_numpy()
    better = expit(logit(strong.predictions.table["p"]) + 0.05 * (0.02 * (2 * y - 1) + noise(9, 0.98, len(y))))
    other = expit(logit(strong.predictions.table["p"]) + 0.05 * (0.02 * (2 * y - 1) - noise(9, 0.98, len(y))))
    gains = [lower_bound(y, p, strong.predictions.table["p"], HORIZON).gain for p in (better, other)]
    p = (better, other)[int(np.argmax(gains))]
    assert max(gains) > 0
    with pytest.raises(
        GateError,
        match=r"Brier score 0\.0\d+ better than strong dddddddd's on 3,759 common days, but the one-sided 95\.0% lower "
        r"bound of the gain, -0\.0\d+, is not above 0; keep the present champion",
    ):
        check(changed(strong, p.to_numpy(), run_id="e" * 32, definition_hash="other"), strong, tried=2)


def test_the_same_forecasts_on_newer_data_pass(base: Record) -> None:
    strong = changed(base, leaning(base, 0.45), run_id="d" * 32, model="strong")
    older = replace(strong, predictions=rows(strong, slice(3500)), run_id="c" * 32, definition_hash="before")
    verdict = check(strong, older, tried=2)
    assert verdict.notes == ("the forecasts are those of the champion strong cccccccc on all 3,500 common days",)


@pytest.mark.parametrize("lucky", [False, True])
def test_a_retraining_passes_unless_it_became_worse_beyond_luck(base: Record, lucky: bool) -> None:
    strong = with_skill(base, -0.006, -0.0005) if lucky else changed(base, leaning(base, 0.45))
    strong = replace(strong, run_id="d" * 32, model="strong", definition_hash="strong")
    p = strong.predictions.table["p"].to_numpy()
    for sign in (-1, 1):  # a little worse, and a little better, than what it replaces
        again = changed(strong, expit(logit(p) + 0.02 * sign * noise(9, 0.98, len(p))), run_id="e" * 32)
        verdict = check(again, strong, tried=50)
        assert {test.confidence for test in verdict.tests} == {0.9}
        assert verdict.notes == (
            "a retraining of the champion strong dddddddd: nothing new is chosen, so no new evidence is required",
        )
        renamed = replace(again, definition_hash="by another rule", definition=("the same",))
        assert check(renamed, replace(strong, definition=("the same",)), tried=50).notes == verdict.notes
        with pytest.raises(GateError, match=r"refused by the (skill|champion) test"):
            check(replace(renamed, definition=("another",)), replace(strong, definition=("the same",)), tried=50)
    worse = changed(strong, 0.5 * p, run_id="e" * 32)
    with pytest.raises(GateError, match=r"champion test: Brier score 0\.\d+ worse than strong dddddddd's on 3,759"):
        check(worse, strong, tried=1)


@pytest.mark.parametrize(("name", "value", "words"), [("horizon", 5, "IWM over 5"), ("ticker", "SPY", "SPY over 21")])
def test_another_target_is_not_compared(base: Record, name: str, value: object, words: str) -> None:
    champion = replace(base, run_id="c" * 32, **{name: value})  # type: ignore[arg-type]
    run = changed(base, leaning(base, 0.3), run_id="b" * 32)
    with pytest.raises(
        GateError,
        match=rf"the run forecasts IWM over 21 sessions, the champion climatology cccccccc {words} sessions; "
        rf"train for {words} sessions, or take the champion down with `bullbear demote --question up`",
    ):
        check(run, champion, tried=1)


def test_too_few_common_days_are_told_with_the_way_out(base: Record) -> None:
    run = changed(base, leaning(base, 0.45), run_id="d" * 32)
    champion = replace(run, run_id="c" * 32, model="old", predictions=rows(run, slice(2000)), definition_hash="old")
    late = replace(run, predictions=rows(run, slice(1950, None)))
    with pytest.raises(
        GateError,
        match=r"50 resolved days in common with the champion old cccccccc, at least 84 are needed; train over days "
        r"that it has forecast, 2005-01-03 to 2012-08-31",
    ):
        check(late, champion, tried=1)


def test_another_simulated_market_is_not_compared_with(base: Record) -> None:
    y, c = market(8)
    other = record(y[FIRST:], 0.9 * c[FIRST:], c[FIRST:], run_id="c" * 32, simulated=True, definition_hash="other")
    run = changed(base, leaning(base, 0.45), run_id="d" * 32, simulated=True)
    verdict = check(run, other, tried=1)
    assert verdict.notes == ("the champion mine cccccccc is of another SIMULATED market and is not compared with",)
    assert {test.rival for test in verdict.tests} == {"the base rate"}


@pytest.mark.parametrize("flipped", [150, 151])
def test_outcomes_that_differ_on_more_than_a_twentieth_of_days_are_those_of_another_market(
    base: Record, flipped: int
) -> None:
    run = changed(base, leaning(base, 0.45), run_id="d" * 32, simulated=True)
    run = replace(run, predictions=rows(run, slice(3000)))
    y = run.predictions.table["y"].to_numpy(copy=True)
    y[:: 3000 // flipped][:flipped] = 1 - y[:: 3000 // flipped][:flipped]
    y[1 : 1 + 2 * (flipped - 150) : 2] = 1 - y[1 : 1 + 2 * (flipped - 150) : 2]
    theirs = replace(with_columns(run, y=y, p=0.5), run_id="c" * 32, definition_hash="other")
    rivals = {test.rival for test in check(run, theirs, tried=1).tests}
    assert rivals == ({"the base rate", "climatology cccccccc"} if flipped == 150 else {"the base rate"})


def test_nineteen_common_days_are_too_few_at_any_horizon(base: Record) -> None:
    y, c = market(7)
    run = record(y[FIRST:], leaning(base, 0.45), c[FIRST:], run_id="d" * 32, horizon=1)
    champion = replace(run, run_id="c" * 32, predictions=rows(run, slice(1019)), definition_hash="old")
    late = replace(run, predictions=rows(run, slice(1000, None)))
    with pytest.raises(GateError, match=r"19 resolved days in common with .*, at least 20 are needed"):
        check(late, champion, tried=1)


def test_the_champion_itself_may_be_promoted_again(base: Record) -> None:
    run = with_skill(base, 0.0005, 0.006)
    assert check(run, run, tried=9).notes == ("climatology bbbbbbbb is the champion already",)


@pytest.mark.parametrize(
    ("own", "line"),
    [
        (
            {"is_walk_forward": False},
            "the walk-forward test: .* some of its models have seen later data; train it with a walk-forward",
        ),
    ],
)
def test_only_walk_forward_forecasts_are_promoted(base: Record, own: dict[str, object], line: str) -> None:
    with pytest.raises(GateError, match=line):
        check(replace(base, **own), None, tried=1)  # type: ignore[arg-type]


def test_another_first_day_is_no_retraining(base: Record) -> None:
    assert base.retrains(replace(base, run_id="c" * 32))
    assert not replace(base, start="2010-01-04").retrains(base)
