"""The check of execution passes whatever a policy may hold, and says what it does not apply to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.audit.mutants.execution import Listed, bear_policy

from bullbear.audit.checks.execution import check
from bullbear.audit.execution.accounts import audited_account
from bullbear.audit.result import NOT_APPLICABLE, PASSED
from bullbear.audit.subject import QUICK, Effort, Subject
from bullbear.decide.options.call_spread import CallSpreadTerms
from bullbear.decide.policies.two_agents import TwoAgents
from bullbear.definitions import FactorSpec, FeatureSet
from bullbear.workflows.auditing import subject_of_model

SHORT = Effort(cuts=1, series_cuts=1, years=2, seeds=1)


def silent(done: int, total: int) -> None:
    return


def test_stops_bands_and_modelled_inverse_funds_pass(trained: Subject) -> None:
    subject = bear_policy(trained, instruments=["TWM", "SRTY"])
    subject = replace(subject, store=subject.changed(Listed(("SRTY", "TWM"))))
    found = check(subject, SHORT, silent)
    assert found.verdict == PASSED, found.sentence
    tested = audited_account(subject, SHORT)
    assert not isinstance(tested, str)
    trades = tested.walk(subject.view, baselines=False).trades
    assert {"order", "stop"} <= set(trades["why"])
    assert trades["modelled"].any()


@pytest.mark.slow
def test_an_overlay_of_options_passes(trained: Subject) -> None:
    subject = bear_policy(trained)
    policy = subject.rule.policy
    assert isinstance(policy, TwoAgents)
    terms = CallSpreadTerms(underlying="IWM", volatility="implied")
    overlay = policy.overlay.model_copy(update={"call_spread": terms})
    spec = FactorSpec(name="implied", function="last_known", inputs={"level": "VIXCLS"})
    sets = (*subject.rule.feature_sets, FeatureSet(name="implied", why="What options are priced by.", factor=[spec]))
    rule = replace(subject.rule, policy=policy.model_copy(update={"overlay": overlay}), feature_sets=sets)
    found = check(replace(subject, rule=rule), QUICK, silent)
    assert found.verdict == PASSED, found.sentence
    tested = audited_account(replace(subject, rule=rule), QUICK)
    assert not isinstance(tested, str)
    assert any(" of " in ticker for ticker in tested.walk(subject.view, baselines=False).trades["ticker"])


@pytest.mark.slow  # numba compiles the account
def test_both_engines_agree(trained: Subject) -> None:
    effort = Effort(cuts=0, series_cuts=1, years=None, seeds=1)
    found = check(bear_policy(trained), effort, silent)
    assert found.verdict == PASSED, found.sentence
    assert "base_rate" in found.figures["accounts"]


def test_a_model_that_was_never_trained_is_walked_over_an_abridged_training(trained: Subject) -> None:
    subject = subject_of_model(trained.home, "base")
    found = check(subject, replace(SHORT, cuts=0), silent)
    assert found.verdict == PASSED, found.sentence


def test_it_does_not_apply_without_up(trained: Subject) -> None:
    asked = trained.home.questions()["vol20"]
    definition = trained.definition.model_copy(update={"questions": (asked,)})
    found = check(replace(trained, definition=definition), QUICK, silent)
    assert found.verdict == NOT_APPLICABLE
    assert "positions are held on `up`" in found.sentence
