"""`bullbear backtest`: the policy over a run's out-of-sample forecasts, and its figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.audit import require_causal
from bullbear.data.view import View
from bullbear.dataset.labels import Labels
from bullbear.dataset.predictions import Predictions
from bullbear.decide import Backtest, Policy, Rule, backtest, baselines_of, comparison
from bullbear.decide.grid import digest
from bullbear.decide.performance.attribution import attribution
from bullbear.documents import json_ready
from bullbear.errors import RunError, TrialsError
from bullbear.forecasting.account_factors import account_factors
from bullbear.forecasting.bundle import champion_of, read_bundle
from bullbear.forecasting.champions import Asked, others_of, question_of
from bullbear.forecasting.gate import refuse_another_question
from bullbear.forecasting.policy_forecasts import given, read_by, spoken
from bullbear.home import Home
from bullbear.sessions import days
from bullbear.workflows.comparison import require_walk_forward
from bullbear.workflows.sharpe_evidence import SharpeEvidence, sharpe_evidence

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs


def _silent(note: str) -> None:  # the shape of `say`
    return


def backtest_run(
    home: Home,
    run: Run,
    rule: Rule | None = None,
    say: Callable[[str], None] = _silent,
    *,
    parts: bool = False,
    until: pd.Timestamp | None = None,
) -> Backtest:
    """The rule for positions of a run (or another, see `rule_for`) over its forecasts, on the prices stored now.

    What the policy reads besides `up` is answered by the runs that were trained together with it, and any other
    question by its champion; of a champion all are answered by the champions, as in a forecast.

    Parameters
    ----------
    say
        Called with a note for each question that is answered from another training, or read no more.
    parts
        Walk the policy without each of its parts, too.
    until
        The instant up to which forecasts are made and data are known; None for all there is.

    Raises
    ------
    GateError
        The run answers another question than `up`, on which policies act.
    InputError
        It was not trained walk-forward, or a factor of the other rule looks ahead.
    RunError
        The run of a question that was trained together with `up` and that the policy reads is gone, or there is no
        champion of one that it needs.
    """
    found = replayed(home, run, rule, say, until)
    policy = found.rule.policy
    return backtest(
        found.decided_on,
        found.view,
        policy,
        ticker=found.ticker,
        horizon=found.horizon,
        factors=found.factors,
        baselines=baselines_of(found.ticker, home.instruments(), policy),
        parts=parts,
    )


@dataclass(frozen=True)
class Replayed:
    """What a backtest of a run walks: its rule for positions, and what that is given."""

    rule: Rule
    decided_on: Predictions
    view: View
    factors: pd.DataFrame | None
    ticker: str
    horizon: int


def replayed(
    home: Home,
    run: Run,
    rule: Rule | None = None,
    say: Callable[[str], None] = _silent,
    until: pd.Timestamp | None = None,
) -> Replayed:
    """See `backtest_run`."""
    refuse_another_question(f"{run.model} {run.run_id[:8]}", run.bundle.question)
    require_walk_forward(run, "RUN")
    bundle, target = run.bundle, run.bundle.definition.target
    store = home.filled_store()
    view = store.as_of(until)
    if rule is not None:  # that of the run was looked at in its training
        require_causal(store, rule.own, pd.DatetimeIndex(view.bars(target.ticker).index), target.ticker)
    rule = rule or bundle.rule
    read, labels_of = _answering(home, run, rule.policy, say), Labels(view, target.ticker).resolve
    closes = run.of_target.table["decided_at"]
    if until is not None:
        closes = closes[closes <= until]
    closes = closes.set_axis(days(pd.DatetimeIndex(closes)))
    # Another champion may have reported less than that of `up`; its models answer the closes since, as live.
    later = spoken(view, labels_of, target.ticker, read[1:], closes)
    decided_on = given(read, labels_of, target.ticker, policy=rule.policy, later=later, through=until)
    factors = account_factors(view, rule, bundle.feature_sets, target.ticker)
    return Replayed(rule, decided_on, view, factors, target.ticker, target.horizon)


def rule_for(home: Home, run: Run, name: str) -> Rule:
    """The rule of `models/policies/NAME.toml`, for the forecasts of a run.

    Raises
    ------
    DefinitionError
        There is no such policy, or it needs a question that was not trained with `up` and has no champion, or a factor
        that neither it nor the run's model brings along.
    """
    bundle = run.bundle
    bundle.factors()  # refuses what this version does not know
    questions = {*bundle.questions, *(each for each in home.questions() if home.has_champion(each))}
    return home.rule(name, named_at="--policy", questions=questions, feature_sets=bundle.feature_sets)


def sharpe_beside_tried(runs: Runs, run: Run, tested: Backtest, say: Callable[[str], None] = _silent) -> SharpeEvidence:
    """How much of the policy's Sharpe ratio is evidence, after all models and all variants of policies tried.

    Where the registry of trials cannot be read, `say` gets the reason and nothing is deflated.
    """
    try:
        others, count = tried_besides(runs, run, {digest(tested.policy)})
    except TrialsError as bad:
        say(f"how many models were tried is unknown, so the Sharpe ratio is not deflated: {bad}")
        return sharpe_evidence(tested.account, [], trials=None)
    return sharpe_evidence(tested.account, others, trials=1 + count)


def tried_besides(runs: Runs, run: Run, digests: Collection[str]) -> tuple[list[float], int]:
    """What was tried on the question of `run` besides some policies on its forecasts: models, and variants of policies.

    Parameters
    ----------
    digests
        Those of the policies that are left out; see `decide.grid.digest`.

    Returns
    -------
    tuple
        The annual Sharpe ratios, as far as they are known, and how many were tried.
    """
    own, tries = runs.identity(run), runs.tries(run)
    models = tries.others(own)
    if own in tries.models and own_digest(run) not in digests:  # another policy is tried on its forecasts
        models.append(tries.models[own])
    ratios = [*(each.sharpe for each in models), *tries.variants_besides(own, digests)]
    return [ratio for ratio in ratios if ratio is not None], len(ratios)


def own_digest(run: Run) -> str | None:
    """That of the run's own policy; None where this version cannot read it."""
    try:
        return digest(run.bundle.policy)
    except RunError:
        return None


def _answering(home: Home, run: Run, policy: Policy, say: Callable[[str], None]) -> Sequence[Asked]:
    """Who answers the questions that the policy reads; see `backtest_run`."""
    from bullbear.tracking import Runs

    bundle, is_champion = run.bundle, run.bundle_at is not None
    known = policy.needs.read([*bundle.questions, *home.questions()]) - {run.question}
    if not known:
        return [Asked(question_of(bundle), bundle)]
    others = others_of(home, bundle)
    answering = {each.question.name: each for each in others.asked}
    together = [] if is_champion else Runs(home).beside(run, known)
    answering |= {each.question: Asked(question_of(each.bundle), each.bundle) for each in together}
    read, notes = read_by(policy, bundle, list(answering.values()))
    own = {each.question for each in together}
    for note in (*(each for each in others.notes if each.split()[0] in known - own), *notes):
        say(note)
    for each in read[1:]:
        name = each.question.name
        if each.bundle is None:
            read_bundle(home.champion_of(name), label=champion_of(name))  # raises, naming what it lacks
            raise RunError(
                champion_of(name), "one that cannot answer", "a champion that can", "train and promote again"
            )
        if not is_champion and name not in own:
            champion = f"{each.bundle.definition.name} {each.bundle.meta['run_id'][:8]}"
            say(f"{name} was not trained with {run.model} {run.run_id[:8]}: its champion {champion} answers")
    return read


def backtest_summary(tested: Backtest, figures: pd.DataFrame | None = None) -> dict[str, Any]:
    """Figures of the policy and the baselines (`decide.comparison`), attribution and costs, JSON-ready.

    `parts`, where they were walked: the figures of the policy without each of them, and what it is worth.
    `modelled`: the last day on which a ticker was held or traded at a modelled price.
    """
    figures = comparison(tested) if figures is None else figures
    return {
        "accounts": json_ready(figures.reset_index().to_dict(orient="records")),
        "attribution": tested.attribution,
        **({"parts": json_ready(parts_of(tested).reset_index().to_dict(orient="records"))} if tested.without else {}),
        "trades": len(tested.trades),
        "costs": float(tested.trades["cost"].sum()) if len(tested.trades) else 0.0,
        "modelled": {ticker: str(last.date()) for ticker, last in tested.account.modelled.items()},
        "first": str(tested.equity.index[0].date()),
        "last": str(tested.equity.index[-1].date()),
    }


def parts_of(tested: Backtest) -> pd.DataFrame:
    """What each part that was switched off is worth; see `decide.performance.attribution`."""
    return attribution(tested.account, tested.without, tested.horizon)


_OF_POLICY = ("policy", "base_rate")
_OF_BASELINES = ("cagr", "sharpe", "max_drawdown")


def backtest_metrics(figures: pd.DataFrame) -> dict[str, float]:
    """The figures of `decide.comparison` as MLflow metrics, without those that are undetermined.

    Only of the policy, on the forecast and on the base rate: the other accounts are the same for every run on the same
    data, and a chart of them shows nothing (`backtest_params`).
    """
    names = (
        "cagr",
        "volatility",
        "sharpe",
        "max_drawdown",
        "drawdown_sessions",
        "under_water",
        "tail_month",
        "turnover",
    )
    return {
        f"trading/{account}_{figure}": float(value)
        for account, row in figures.iterrows()
        for figure, value in row.items()
        if account in _OF_POLICY and figure in names and math.isfinite(value)
    }


def backtest_params(figures: pd.DataFrame) -> dict[str, str]:
    """What the baselines would have earned, as MLflow parameters."""
    return {
        f"baseline.{account}": ", ".join(
            f"{figure} {row[figure]:.4f}" for figure in _OF_BASELINES if math.isfinite(row[figure])
        )
        for account, row in figures.iterrows()
        if account not in _OF_POLICY
    }
