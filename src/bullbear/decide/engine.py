"""Many policies over the same forecasts: the compiled account where it can hold them, else the Python one.

Both give the same numbers to 1e-9. The compiled account is imported when the first policy asks for it: an evening or
the backtest of one policy must not wait for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.decide.advice import market_for
from bullbear.decide.instruments import instruments_in
from bullbear.decide.market import View
from bullbear.decide.outcome import Outcome
from bullbear.decide.policies.two_agents import TwoAgents
from bullbear.decide.policy import Needs, Policy
from bullbear.decide.replay import check_predictions, policy_account, schedule

_AT_ONCE = 100
"""Accounts between two reports of progress."""


def outcomes(
    predictions: Predictions,
    view: View,
    policies: Sequence[Policy],
    *,
    ticker: str = "IWM",
    factors: pd.DataFrame | None = None,
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """What each policy achieved over `predictions`, in their order; as `backtest` raises.

    Parameters
    ----------
    say
        Called with a note for each reason why policies were walked in Python.
    progress
        Called with the number of policies done and of all.
    """
    check_predictions(predictions)
    why = [not_compiled(policy) for policy in policies]
    fast = {n: each for n, each in enumerate(policies) if not why[n] and isinstance(each, TwoAgents)}
    slow = {n: each for n, each in enumerate(policies) if n not in fast}
    if say is not None:
        for reason, count in Counter(filter(None, why)).items():
            say(f"{count:,} of {len(policies):,} accounts were walked in Python, not compiled: {reason}")
    found: dict[int, Outcome] = {}
    for walked in (
        _compiled(predictions, view, fast, ticker, factors),
        _python(predictions, view, slow, ticker, factors),
    ):
        for number, outcome in walked:
            found[number] = outcome
            if progress is not None:
                progress(len(found), len(policies))
    return [found[number] for number in range(len(policies))]


def not_compiled(policy: Policy) -> str:
    """Why a policy must be walked in Python; empty if it need not."""
    if type(policy) is not TwoAgents:  # a subclass may decide otherwise
        return f"policies of the kind {policy.kind} are not"
    try:
        from bullbear.decide.compiled.sweep import refused
    except ImportError as error:
        return f"numba cannot be imported ({error})"
    return refused(policy)


def _compiled(
    predictions: Predictions, view: View, policies: Mapping[int, TwoAgents], ticker: str, factors: pd.DataFrame | None
) -> Iterator[tuple[int, Outcome]]:
    if not policies:
        return
    from bullbear.decide.compiled.sweep import outcome_of, replay, sweep

    prepared = replay(predictions, view, list(policies.values()), ticker=ticker, factors=factors)
    numbers = list(policies)
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        yield from zip(some, sweep(prepared, [policies[number] for number in some], outcome_of), strict=True)


def _python(
    predictions: Predictions, view: View, policies: Mapping[int, Policy], ticker: str, factors: pd.DataFrame | None
) -> Iterator[tuple[int, Outcome]]:
    # Variants that need other windows see another market; all of one need share one reading of it.
    by_needs: dict[Needs, list[int]] = {}
    for number, policy in policies.items():
        by_needs.setdefault(policy.needs, []).append(number)
    for numbers in by_needs.values():
        held = {each.ticker: each for number in numbers for each in instruments_in(policies[number])}
        market = market_for(view, policies[numbers[0]], ticker, held=held.values(), factors=factors)
        asked, first, last = schedule(predictions, market)
        for number in numbers:
            yield number, Outcome.of_account(policy_account(policies[number], market, asked, first, last))
