"""What a user should hear about a training or a backtest that runs, but not on all that its definition asks for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data.view import View
from bullbear.dataset import Examples
from bullbear.decide import Policy
from bullbear.decide.daily_reset import LISTING_DAYS
from bullbear.decide.instruments import instruments_in
from bullbear.errors import DefinitionError, Found, HistoryError, NoDataError
from bullbear.factors import registered
from bullbear.group.breadth_table import KIND as BREADTH
from bullbear.learn.fitting import is_target
from bullbear.learn.walk_forward import folds_of
from bullbear.model import Model
from bullbear.sessions import day
from bullbear.wording import count


def factor_notes(model: Model, examples: Examples) -> tuple[str, ...]:
    """A note for each factor without any value, and one for all that need the companies of the fund.

    Raises
    ------
    NoDataError
        The model has no others.
    """
    empty = [str(name) for name, missing in examples.X.isna().all().items() if missing]
    if empty and len(empty) == examples.X.shape[1]:
        raise NoDataError(
            f"features of models/{model.definition.name}.toml",
            Found(f"no data in this store for {', '.join(empty)}"),
            "a model with data for one factor or more",
            "fetch or ingest the series that they read",
        )
    of_companies = [name for name in empty if name in _reading(model, BREADTH)]
    notes = [f"{name} has no data in this store" for name in empty if name not in of_companies]
    if of_companies:
        fund = model.definition.ticker
        notes.append(
            f"{count(len(of_companies), 'breadth factor')} without any value, the model learns from the others: they "
            f"need bars of the companies in {fund} and dated lists of its holdings (`bullbear fetch --holdings`)"
        )
    return tuple(notes)


def _reading(model: Model, kind: str) -> frozenset[str]:
    """The factors of a model that read inputs of a kind."""
    specs = [spec for each in model.feature_sets for spec in each.factor]
    return frozenset(spec.name for spec in specs if kind in registered()[spec.function].inputs.values())


def outcome_notes(
    model: Model, examples: Examples, *, start: str | None = None, end: str | None = None
) -> tuple[str, ...]:
    """A note on fits whose labels are all alike: they teach the base rate alone.

    Raises
    ------
    DefinitionError
        The question was answered alike on every day of the sample.
    HistoryError
        Too few of its labels resolve within the sample; the message names the question and the model's file and line.
    """
    definition, question = model.definition, model.definition.target.question.name
    try:
        folds = folds_of(definition, examples, start=start, end=end)
    except HistoryError as bad:
        where = f"{model.source.where('questions')} (question {question} over {examples.horizon} sessions)"
        raise HistoryError(f"{where}, {bad.where}", bad.value, bad.allowed, bad.remedy) from bad
    own = is_target(definition, examples) & ~np.isnan(examples.y)
    used = np.unique(np.concatenate([np.concatenate([fold.train, fold.test]) for fold in folds]))
    used = used[own[used]]
    labels = examples.y[used]
    if _alike(labels):
        first, last = (examples.session[row].date() for row in (used[0], used[-1]))
        raise DefinitionError(
            f"{model.source.where('questions')} (questions)",
            Found(f"{question} was answered yes on {int(labels.sum()):,} of {len(labels):,} days, {first} to {last}"),
            "a question that was answered both ways",
            "choose another threshold in models/questions.toml, or a longer span",
        )
    known = [(fold, examples.y[fold.train[own[fold.train]]]) for fold in folds]
    alike = [(fold, y) for fold, y in known if _alike(y)]
    if not alike:
        return ()
    fold, y = alike[-1]
    answer = "yes" if y[0] else "no"
    return (
        f"{question} had only been answered {answer} when {len(alike)} of {len(folds)} models were fitted, the last on "
        f"{day(fold.trained_through).date()}: they forecast the base rate alone",
    )


def fund_notes(view: View, policy: Policy, first: pd.Timestamp) -> tuple[str, ...]:
    """Notes on funds of the policy without a bar in the store, or none at its first decision, at the instant `first`.

    A fund with a model has modelled prices until it was listed; the policy holds cash in place of one without a price.
    """
    decided = day(first)
    held = {each.ticker: each for each in instruments_in(policy)}
    models = {ticker: each.model_fund for ticker, each in held.items()}
    # What is no fund has no bars of its own, but those of what it is priced by.
    apart = {ticker: each.priced_by for ticker, each in held.items() if ticker not in each.priced_by}
    modelled, lacking = [], []
    for ticker in dict.fromkeys(each for fund in policy.needs.funds for each in apart.get(fund, (fund,))):
        begins = view.bars(ticker).index[0] if view.has("bars", ticker) else None
        if begins is not None and begins <= decided:
            continue
        fund = models.get(ticker)
        listed = decided if fund is None else pd.Timestamp(fund.inception) + pd.Timedelta(days=LISTING_DAYS)
        if fund is not None and decided < listed:
            modelled.append(f"{ticker} until {listed.date() if begins is None else begins.date()} (from {fund.tracks})")
        if begins is None:
            lacking.append(f"{ticker} has no bars in this store")
        elif begins > listed:
            lacking.append(f"{ticker} has bars from {begins.date()} only")
    notes = []
    if modelled:
        notes.append(f"modelled by a daily reset, for want of a price: {', '.join(modelled)}")
    if lacking:
        notes.append(
            f"{' and '.join(lacking)}; the policy, which decides from {decided.date()} on, holds cash in place of a "
            "fund without a price"
        )
    return tuple(notes)


def _alike(labels: np.ndarray) -> bool:
    return bool(len(labels) and labels.min() == labels.max())
