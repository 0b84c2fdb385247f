"""`bullbear backtest RUN --sweep FILE`: many variants of a policy over one run's forecasts, each of them counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.decide.grid import Variant, read_grid
from bullbear.decide.rule import Rule
from bullbear.decide.sweep import Sweep, Together, sweep
from bullbear.documents import json_ready
from bullbear.errors import HoldOutError, InputError
from bullbear.forecasting.holdout import FILE, last_instant
from bullbear.home import Home
from bullbear.trials import SWEEP
from bullbear.workflows.backtesting import replayed, tried_besides
from bullbear.workflows.trial_records import record_variants

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs


def sweep_run(
    home: Home,
    runs: Runs,
    run: Run,
    grid: Path,
    rule: Rule | None = None,
    *,
    say: Callable[[str], None],
    progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """Every variant that the file `grid` asks for, of the run's policy or another, over the run's forecasts.

    The variants are recorded as trials, so that every later deflated Sharpe ratio on the question counts them. Nothing
    of a sealed hold-out is read, whether or not the run's model has opened it: its variants have not.

    Raises
    ------
    HoldOutError
        All of the run's forecasts lie in the sealed days.
    DefinitionError
        See `read_grid`.
    GateError, InputError, RunError
        See `backtest_run`; or a variant takes a question for another than it is.
    """
    rule = rule or run.bundle.rule
    variants = read_grid(grid, rule.policy)
    own = Variant({}, rule.policy)
    # A variant may read a question or a factor that the policy itself does not; what is not read changes nothing.
    _refuse_misread(home, variants)
    every = Together(policies=(rule.policy, *(each.policy for each in variants)))
    found = replayed(home, run, replace(rule, policy=every), say, _before_seal(home, run, say))
    others, count = tried_besides(runs, run, {each.digest for each in (own, *variants)})
    swept = sweep(
        found.decided_on,
        found.view,
        variants,
        own,
        ticker=found.ticker,
        factors=found.factors,
        others=others,
        trials=count,
        say=say,
        progress=progress,
    )
    ratios = dict(zip((each.digest for each in variants), swept.table["sharpe"], strict=True))
    # The policy itself is seen beside its variants, in some years alone.
    record_variants(home, runs, run, SWEEP, grid.stem, {own.digest: None, **ratios}, say)
    runs.attach(run, f"sweep_{grid.stem}.csv", swept.table.to_csv(index=False), say=say)
    return swept


def _before_seal(home: Home, run: Run, say: Callable[[str], None]) -> pd.Timestamp | None:
    """The last instant that a choice may know of; None without sealed days in the store."""
    period = home.holdout()
    if period is None or home.filled_store().as_of().instant <= (through := last_instant(period)):
        return None
    decided_at = run.of_target.table["decided_at"]
    if decided_at.iloc[0] > through:
        reason = f"all forecasts of {run.model} {run.run_id[:8]} lie in {period.span}, sealed by {FILE}"
        raise HoldOutError(reason, "sweep over a run that forecasts earlier days")
    if decided_at.iloc[-1] > through:
        say(f"no variant is tried on {period.span}, sealed by {FILE}")
    return through


def _refuse_misread(home: Home, variants: Sequence[Variant]) -> None:
    for question in home.questions().values():
        for each in variants:
            if question.name in each.policy.needs.optional and (wrong := each.policy.misread(question)):
                key, allowed = wrong
                raise InputError(
                    f"grid.{'.'.join(key)}", each.name, allowed, "correct the grid, or models/questions.toml"
                )


def sweep_document(swept: Sweep) -> dict[str, Any]:
    """JSON-ready: each variant with its figures, the walk-forward choice, and what all of them are worth."""
    walked = swept.walk_forward
    rows = swept.table.to_dict(orient="records")
    document: dict[str, Any] = json_ready(
        {
            "variants": [{str(name): value for name, value in row.items()} for row in rows],
            "best": swept.best,
            "trials": swept.trials,
            "deflated_sharpe": swept.deflated,
            "walk_forward": None
            if walked is None
            else {
                "chosen": {str(year): number for year, number in walked.chosen.items()},
                "sharpe": walked.sharpe,
                "sharpe_without_choice": walked.static_sharpe,
            },
        }
    )
    return document
