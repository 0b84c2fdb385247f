"""The noise check judges what it can: what a learner cannot read, or no outcome can tell, it says instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bullbear.audit.checks import noise
from bullbear.audit.result import FAILED, NOT_APPLICABLE, PASSED, CheckResult
from bullbear.audit.retraining import Trained
from bullbear.audit.subject import QUICK, Subject
from bullbear.evaluate.sample import Sample

EVENTS = {"kind": "event_odds", "prior": 20.0}
ANSWERS = {"kind": "combination_forecast", "response": "answer", "combine": "mean"}


def learning_by(subject: Subject, learner: dict[str, Any]) -> Subject:
    return replace(subject, definition=subject.definition.model_copy(update={"learner": learner}), bundles={})


def checked(subject: Subject) -> CheckResult:
    return noise.check(subject, QUICK, lambda done, total: None)


def test_a_planted_factor_is_not_held_against_a_learner_that_takes_yes_and_no_for_the_same(trained: Subject) -> None:
    found = checked(learning_by(trained, EVENTS))
    assert found.verdict == PASSED, found.sentence
    assert "a planted perfect factor cannot be judged" in found.sentence
    assert found.figures["planted_factor"] == {}


def test_shuffled_factors_are_left_to_a_full_check(trained: Subject) -> None:
    found = checked(learning_by(trained, {"kind": "logistic"}))
    assert found.verdict == PASSED
    assert "shuffled" not in found.sentence
    assert "a planted perfect factor is found" in found.sentence


def test_nothing_open_to_forecast_is_not_applicable(trained: Subject) -> None:
    assert checked(replace(trained, end="1990-01-01")).verdict == NOT_APPLICABLE


@pytest.fixture(scope="module")
def sample(trained: Subject) -> Sample:
    training = Trained.of(learning_by(trained, {"kind": "logistic"}), QUICK)
    return training.on(training.examples)[0]


def test_one_outcome_all_along_cannot_be_judged(sample: Sample) -> None:
    always = replace(sample, y=np.ones_like(sample.y), p=np.full_like(sample.p, 0.99))
    part = noise._Part.of(["up", "vol20"], [[always, sample]])
    assert np.isnan(part.lows[0])
    assert part.leaks("random labels") == []
    said = part.told("random labels give no skill", "random labels")
    assert "cannot be judged for up, since every day had one outcome" in said
    assert ", vol20)" in said
    alone = noise._Part.of(["up"], [[always]])
    assert alone.told("none", "random labels") == "random labels cannot be judged, since every day had one outcome"


def test_a_skill_where_there_can_be_none_is_still_a_leak(sample: Sample) -> None:
    knows = replace(sample, p=0.05 + 0.9 * sample.y)
    (leak,) = noise._Part.of(["up"], [[knows]]).leaks("random labels")
    assert leak.sentence.startswith("random labels of up are forecast with a skill of 9")
    assert CheckResult.of("noise", [leak], "", "").verdict == FAILED
