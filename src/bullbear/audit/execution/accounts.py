"""The account of the audited model: its policy over its out-of-sample forecasts, walked on any store like its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from bullbear.audit.subject import Effort, Subject
from bullbear.data.view import View
from bullbear.dataset import splitter_of
from bullbear.dataset.labels import Labels
from bullbear.dataset.predictions import Predictions
from bullbear.decide import Backtest, Policy, backtest, baselines_of
from bullbear.decide.baselines import BASE_RATE
from bullbear.decide.policies.jump_model import JumpModelSwitch
from bullbear.definitions import UP
from bullbear.forecasting.account_factors import account_factors
from bullbear.forecasting.champions import Asked, question_of
from bullbear.forecasting.policy_forecasts import decided_on, given, read_by, spoken


@dataclass(frozen=True)
class AuditedAccount:
    """What is walked: forecasts, and the policies that decide on them."""

    subject: Subject
    forecasts: Predictions
    baselines: Mapping[str, Policy]

    @property
    def policy(self) -> Policy:
        """That of the model."""
        return self.subject.rule.policy

    def between(self, first: pd.Timestamp | None, last: pd.Timestamp | None) -> AuditedAccount:
        """The same account over the forecasts decided from one instant to another; None for no limit."""
        at = self.forecasts.table["decided_at"]
        keep = at.notna() if first is None else at >= first
        return replace(self, forecasts=self.forecasts.where((keep if last is None else keep & (at <= last)).to_numpy()))

    def without_fits(self) -> AuditedAccount:
        """Without the baseline that is fitted month by month, which takes longer than all else together."""
        kept = {name: each for name, each in self.baselines.items() if not isinstance(each, JumpModelSwitch)}
        return replace(self, baselines=kept)

    def walk(self, view: View, *, baselines: bool = True, on_base_rate: bool = False) -> Backtest:
        """The backtest on what a view serves.

        Parameters
        ----------
        baselines
            Whether those that read no forecast are walked, too.
        on_base_rate
            Walk the policy on the base rate in the place of the policy.
        """
        subject, others = self.subject, dict(self.baselines)
        base_rate = others.pop(BASE_RATE, None)
        policy = base_rate if on_base_rate and base_rate is not None else self.policy
        return backtest(
            self.forecasts,
            view,
            policy,
            ticker=subject.ticker,
            horizon=subject.definition.subject.horizon or UP.horizon,
            factors=account_factors(view, subject.rule, subject.feature_sets, subject.ticker),
            baselines=others if baselines else {},
        )


def audited_account(subject: Subject, effort: Effort) -> AuditedAccount | str:
    """The account of a run's forecasts, or of those of an abridged training; else why there is none."""
    if UP.name not in {each.question.name for each in subject.targets}:
        return "positions are held on `up`, which this model does not answer"
    if not splitter_of(subject.definition).is_walk_forward:
        return f"a {subject.definition.splitter['kind']} training has no account: its forecasts know later days"
    forecasts = _of_run(subject) if UP.name in subject.bundles else _of_training(subject, effort)
    if not len(forecasts):
        return "no forecast of `up` is reported"
    if effort.years is not None:
        at = forecasts.table["decided_at"]
        forecasts = forecasts.where((at >= at.max() - pd.DateOffset(years=effort.years)).to_numpy())
    baselines = baselines_of(subject.ticker, subject.home.instruments(), subject.rule.policy)
    found = AuditedAccount(subject, forecasts, baselines)
    return found.without_fits() if effort.is_quick else found


def _of_run(subject: Subject) -> Predictions:
    """As `bullbear backtest` gives them to the policy: other questions by those trained together, else by champions."""
    up, policy = subject.bundles[UP.name], subject.rule.policy
    answering = {**subject.beside, **subject.bundles}
    others = [Asked(question_of(each), each) for name, each in answering.items() if name != UP.name]
    read, _ = read_by(policy, up, others)
    labels_of = Labels(subject.view, subject.ticker).resolve
    closes = up.predictions.select(asset=subject.ticker).table["decided_at"]
    closes = closes.set_axis(pd.DatetimeIndex(closes).tz_localize(None).normalize())
    later = spoken(subject.view, labels_of, subject.ticker, read[1:], closes)
    return given(read, labels_of, subject.ticker, policy=policy, later=later)


def _of_training(subject: Subject, effort: Effort) -> Predictions:
    trained = subject.abridged(effort).train()
    names = [each.question.name for each in subject.targets]
    parts = {name: each.predictions.select(asset=subject.ticker) for name, each in zip(names, trained, strict=True)}
    up = parts.pop(UP.name)
    return decided_on(up, list(parts.values()), subject.rule.policy)
