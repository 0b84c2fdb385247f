"""Execution: no order fills before its decision, no stop better than its bar allows; the account adds up.

Every fill of the policy's account, of the policy on the base rate and of the baselines is compared with its bar
(`audit.execution.fills`), and each account is rebuilt from its trades (`audit.execution.reconciliation`). Then the
accounts are run again with noise in everything that became known after a close: nothing decided, traded or owned up to
that close may change. Where the compiled account supports the policy, it must agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from bullbear.audit.catalogue import Progress
from bullbear.audit.changes import Noise
from bullbear.audit.execution.accounts import AuditedAccount, audited_account
from bullbear.audit.execution.fills import Fills, PlainMarket
from bullbear.audit.execution.reconciliation import trade_named
from bullbear.audit.result import CheckResult, Leak
from bullbear.audit.subject import Effort, Subject
from bullbear.decide import Backtest, Policy
from bullbear.decide.account import Account
from bullbear.decide.advice import market_for
from bullbear.decide.baselines import BASE_RATE
from bullbear.decide.instruments import Fund, Instrument, instruments_in
from bullbear.decide.policies.two_agents import TwoAgents
from bullbear.decide.stance import Stance
from bullbear.factors.engine.registry import renew
from bullbear.forecasting.account_factors import account_factors
from bullbear.sessions import day

NAME = "execution"
_AGREES = 1e-9
_RECENT = 126
"""Decisions before a cut from which the accounts are walked anew."""
_WHOLE = 3
"""Cuts up to which the policy is walked from its first decision, and so are the baselines that are fitted."""
_AFTER = pd.Timedelta(days=45)
"""How long the noise goes on after a cut."""


def check(subject: Subject, effort: Effort, progress: Progress) -> CheckResult:
    """Look at every fill of the account and its baselines, then at what noise in later bars moves."""
    found = audited_account(subject, effort)
    if isinstance(found, str):
        return CheckResult.not_applicable(NAME, found)
    view, steps = subject.view, effort.cuts + 3
    tested = found.walk(view)
    progress(1, steps)
    walked = {"policy": tested}
    if BASE_RATE in found.baselines and not effort.is_quick:
        walked[BASE_RATE] = found.walk(view, baselines=False, on_base_rate=True)
    progress(2, steps)
    leaks, trades = _fills(found, walked, tested.baselines)
    leaks += _compiled(found, tested, effort)
    progress(3, steps)
    cuts = _cuts(tested, effort.cuts)
    whole = list(cuts)[:: max(1, len(cuts) // _WHOLE)] if not effort.is_quick else []
    for place, (at, baselines) in enumerate(cuts.items()):
        leaks += _moved(found, at, tested if at in whole else None, baselines=baselines)
        progress(place + 4, steps)
    accounts = [*walked, *tested.baselines]
    clean = (
        f"{trades:,} fills of {len(accounts)} accounts are possible by order, stop and bar; noise after "
        f"{len(cuts)} closes changes nothing before"
    )
    figures = {"accounts": accounts, "fills": trades, "cuts": [str(each.date()) for each in cuts]}
    return CheckResult.of(NAME, leaks, clean, "an impossible fill", **figures)


def _fills(
    found: AuditedAccount, walked: Mapping[str, Backtest], baselines: Mapping[str, Account]
) -> tuple[list[Leak], int]:
    subject, view = found.subject, found.subject.view
    held = _instruments([found.policy, *found.baselines.values()], list(walked.values()))
    market = market_for(
        view,
        found.policy,
        subject.ticker,
        held=[each for each in held.values() if not isinstance(each, Fund)],
        tickers=[t for each in held.values() for t in each.priced_by],
        factors=account_factors(view, subject.rule, subject.feature_sets, subject.ticker),
    )
    plain, leaks, trades = PlainMarket(subject.ticker, view, held, market), list[Leak](), 0
    for name, each in walked.items():
        leaks += Fills(f"account {name}", each.account, each.books, plain).leaks()
        trades += len(each.trades)
    for name, account in baselines.items():
        leaks += Fills(f"account {name}", account, None, plain).leaks()
        trades += len(account.trades)
    return leaks, trades


def _instruments(policies: Sequence[Policy], walked: Sequence[Backtest]) -> dict[str, Instrument]:
    """What the policies name, and what they made on the day."""
    found = {each.ticker: each for policy in policies for each in instruments_in(policy)}
    for tested in walked:
        for stance in tested.stances:
            for sleeve in stance.sleeves:
                found.setdefault(sleeve.instrument.ticker, sleeve.instrument)
    return found


def _cuts(tested: Backtest, count: int) -> dict[pd.Timestamp, bool]:
    """Closes of decisions, and whether the baselines are walked to them, too.

    Some led to a trade of a baseline, some to one of the policy, others to nothing.
    """
    at = [state.decided_at for state in tested.states]
    traded = [each for each in tested.trades["decided_at"] if each > at[0]] if len(tested.trades) else []
    others = {each for account in tested.baselines.values() for each in account.trades["decided_at"]}
    of_baselines = sorted(each for each in others if at[0] < each <= at[-1])
    kinds = [each for each in (of_baselines, traded, at) if each]
    chosen: dict[pd.Timestamp, bool] = {}
    for place, each in enumerate(kinds):
        number = (count + place) // len(kinds)
        for share in np.linspace(0.2, 0.95, number):
            chosen.setdefault(each[int(share * len(each))], each is of_baselines)
    return dict(sorted(chosen.items()))


@dataclass(frozen=True)
class _NoiseOfTheMarket(Noise):
    """Noise in all but splits, which say in which units earlier prices are shown and nothing else."""

    def touches(self, kind: str, series: str) -> bool:
        return kind != "splits" and super().touches(kind, series)


def _moved(found: AuditedAccount, at: pd.Timestamp, whole: Backtest | None, *, baselines: bool) -> list[Leak]:
    """What noise after a close moves up to it.

    Parameters
    ----------
    whole
        The account from the first decision, to be walked again, too; None for the last decisions alone.
    baselines
        Whether those are walked over the last decisions, too; that which is fitted only with `whole`.
    """
    noisy = found.subject.changed(_NoiseOfTheMarket(after=at)).as_of(at + _AFTER)
    decided = found.forecasts.table["decided_at"].drop_duplicates()
    recent = found.between(decided[decided <= at].iloc[-_RECENT:].iloc[0], at)
    leaks: list[Leak] = []
    if whole is not None:
        leaks = _differences(whole, found.between(None, at).walk(noisy, baselines=False), at)
    else:
        recent = recent.without_fits()
    pair = []
    for view in (found.subject.view, noisy):
        renew()
        pair.append(recent.walk(view, baselines=baselines))
    return leaks or _differences(pair[0], pair[1], at)


def _differences(clean: Backtest, noisy: Backtest, at: pd.Timestamp) -> list[Leak]:
    for one, other in zip(clean.books, noisy.books, strict=False):
        if one.session <= day(at) and (what := _differs(one, other)) is not None:
            when = f"{one.session:%Y-%m-%d}"
            said = f"the decision of {when} changes with noise in what became known after {at:%Y-%m-%d}: {what}"
            return [Leak("policy", when, float("nan"), said)]
    for place, (stance, changed) in enumerate(zip(clean.stances, noisy.stances, strict=False)):
        # Where a split came to be known since, prices are shown in other units.
        alike = clean.states[place].units == noisy.states[place].units
        if stance.decided_at <= at and _said(stance, words=alike) != _said(changed, words=alike):
            when = f"{stance.decided_at:%Y-%m-%d}"
            noise = f"with noise in what became known after {at:%Y-%m-%d}"
            said = f"the decision of {when}, or what it says, changes {noise}"
            return [Leak("policy", when, float("nan"), said)]
    leaks = _changed("account policy", clean.account, noisy.account, at)
    for name, account in clean.baselines.items():
        if name in noisy.baselines:
            leaks += _changed(f"account {name}", account, noisy.baselines[name], at)
    return leaks


def _said(stance: Stance, *, words: bool) -> tuple[object, ...]:
    """A stance without the prices of the day that it shows, with its `words` or without."""
    sleeves = [replace(each, stops=(), reasons=each.reasons if words else ()) for each in stance.sleeves]
    return stance.sold, stance.trend and stance.trend.name, *sleeves


def _differs(one: object, other: object) -> str | None:
    """What two books do not share, in words."""
    for name in ("orders", "stops", "cash", "values", "memory"):
        before, after = getattr(one, name), getattr(other, name)
        if before != after:
            if isinstance(before, Mapping) and name != "memory":
                before = {slot.ticker: float(f"{value:.6g}") for slot, value in before.items()}
                after = {slot.ticker: float(f"{value:.6g}") for slot, value in after.items()}
                return f"{name} {before or 'none'}, and {after or 'none'}"
            return name if name == "memory" else f"{name} {before!r}, and {after!r}"
    return None


def _changed(whose: str, clean: Account, noisy: Account, at: pd.Timestamp) -> list[Leak]:
    """The first row, or trade, up to a close that is not the same to the last bit."""
    # In units that later splits do not change: a price of the day is no such number, value and weights are.
    trades = [each.trades[each.trades["executed_at"] <= at].drop(columns="price") for each in (clean, noisy)]
    for one, other in zip(*(each.to_dict("records") for each in trades), strict=False):
        if one != other:
            when = f"{one['executed_at']:%Y-%m-%d %H:%M}"
            size = float(other["value"]) - float(one["value"])
            said = f"{whose}: {trade_named(one)}, changes with noise in what became known after {at:%Y-%m-%d}"
            return [Leak(one["ticker"], when, size, said)]
    named = ["ticker", "sleeve", "decided_at", "weight_after"]
    ordered = [
        each.trades[(each.trades["decided_at"] <= at) & (each.trades["why"] == "order")] for each in (clean, noisy)
    ]
    for one, other in zip(*(each.to_dict("records") for each in ordered), strict=False):
        if any(one[name] != other[name] for name in named):
            size = float(other["weight_after"]) - float(one["weight_after"])
            noise = f"with noise in what became known after {at:%Y-%m-%d}"
            said = f"{whose}: {trade_named(one)}, is for another weight {noise}"
            return [Leak(one["ticker"], f"{one['decided_at']:%Y-%m-%d}", size, said)]
    daily = [each.daily[each.daily.index <= day(at)] for each in (clean, noisy)]
    for name in [column for column in daily[0] if column in daily[1]]:
        one, other = (each[name].to_numpy(np.float64) for each in daily)
        rows = np.flatnonzero(one != other) if len(one) == len(other) else np.array([0])
        if len(rows):
            row = int(rows[0])
            when = f"{daily[0].index[row]:%Y-%m-%d}"
            said = f"{whose}: {name} on {when} changes with noise in what became known after {at:%Y-%m-%d}"
            return [Leak(whose, when, float(other[row] - one[row]), said)]
    if len(trades[0]) != len(trades[1]):
        said = f"{whose}: {len(trades[0])} trades up to {at:%Y-%m-%d}, and {len(trades[1])} with noise after it"
        return [Leak(whose, f"{at:%Y-%m-%d}", float(len(trades[1]) - len(trades[0])), said)]
    return []


def _compiled(found: AuditedAccount, tested: Backtest, effort: Effort) -> list[Leak]:
    """Where the compiled account, which sweeps walk, is another than the account."""
    policy, subject = found.policy, found.subject
    if effort.is_quick or not isinstance(policy, TwoAgents) or find_spec("numba") is None:
        return []
    from bullbear.decide.compiled.sweep import refused, replay

    if refused(policy):
        return []
    factors = account_factors(subject.view, subject.rule, subject.feature_sets, subject.ticker)
    prepared = replay(found.forecasts, subject.view, [policy], ticker=subject.ticker, factors=factors)
    other = prepared.run(policy).account()
    for name in ("equity", "cash_weight", "exposure", "turnover", "costs", "interest"):
        gap = (tested.account.daily[name] - other.daily[name]).abs()
        if not (gap <= _AGREES * np.maximum(1.0, tested.account.equity)).all():
            when = f"{gap.idxmax():%Y-%m-%d}"
            said = f"account policy: {name} on {when} differs by {gap.max():.3g} from that of the compiled account"
            return [Leak("compiled account", when, float(gap.max()), said)]
    if len(other.trades) != len(tested.trades):
        said = f"account policy: {len(tested.trades)} fills, the compiled account {len(other.trades)}"
        return [Leak("compiled account", "", float("nan"), said)]
    pairs: list[list[dict[str, Any]]] = [each.to_dict("records") for each in (tested.trades, other.trades)]  # type: ignore[misc]
    for one, same in zip(*pairs, strict=True):
        names = ("weight_before", "weight_after", "price", "value", "cost")
        gaps = [abs(one[name] - same[name]) / max(1.0, abs(one[name])) for name in names]
        if one["ticker"] != same["ticker"] or one["executed_at"] != same["executed_at"] or max(gaps) > _AGREES:
            said = f"account policy: {trade_named(one)}, differs by {max(gaps):.3g} from that of the compiled account"
            return [Leak("compiled account", f"{one['executed_at']:%Y-%m-%d %H:%M}", max(gaps), said)]
    return []
