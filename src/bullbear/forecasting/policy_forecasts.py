"""What the policy of `up` is given: at each close the forecast of `up`, and of the other questions that it reads.

Each question is answered by its own champion, from whichever training that came: what it reported out of sample on the
closes of its walk-forward, and its models on those after. So an account that is walked anew holds on a day what the
backtest holds on it, whoever was promoted or refitted meanwhile. An optional question without a forecast is left out;
one that the policy needs has the base rate then, without an interval.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import pandas as pd

from bullbear.data.view import View
from bullbear.dataset.labels import climatology
from bullbear.dataset.predictions import Predictions
from bullbear.decide import Policy
from bullbear.definitions import UP, Question
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.champions import Asked, is_same, question_of, shown
from bullbear.forecasting.today import Answered, forecasts_on
from bullbear.learn.coherent import coherent

LabelsOf = Callable[[Question], pd.DataFrame]


def read_by(policy: Policy, up: Bundle, others: Sequence[Asked]) -> tuple[tuple[Asked, ...], tuple[str, ...]]:
    """`up`, then by name the other questions that its policy reads, and a note for each that is read no more.

    A champion is not read if it answers another question than the one of that name that `up` was trained with or that
    the policy means, or one over a horizon of its own.
    """
    answering = {each.question.name: each for each in others}
    found, notes = [Asked(question_of(up), up)], []
    for name in sorted(policy.needs.read({*answering, *up.trained_with}) - {UP.name}):
        trained = up.trained_with.get(name)
        each = answering.get(name, Asked(trained) if trained else None)
        assert each is not None
        if each.bundle is not None and (wrong := _differs(each.bundle, up, trained, policy)):
            notes.append(f"the policy of up does without the {name} of {each.bundle.label}: {wrong}")
            each = Asked(trained or each.question)
        if each.bundle is not None or name in policy.needs.questions:
            found.append(each)
    return tuple(found), tuple(notes)


def _differs(bundle: Bundle, up: Bundle, trained: Question | None, policy: Policy) -> str | None:
    asked = question_of(bundle)
    if meant := policy.misread(asked):
        return f"{shown(asked)}; the policy reads {meant[1]}"
    if trained is not None:
        return None if is_same(asked, trained) else f"{shown(asked)}; up was trained with {shown(trained)}"
    horizon = bundle.definition.subject.horizon
    own = horizon is not None and horizon != up.definition.subject.horizon
    return f"over {horizon} sessions, a horizon of its own" if own else None


def given(
    read: Sequence[Asked],
    labels_of: LabelsOf,
    ticker: str,
    *,
    later: Mapping[str, Predictions] | None = None,
    policy: Policy,
    since: pd.Timestamp | None = None,
    through: pd.Timestamp | None = None,
) -> Predictions:
    """The forecasts of `read` at the closes of `up`, coherent among themselves.

    Parameters
    ----------
    read
        From `read_by`.
    labels_of
        The labels of a question, for base rates.
    later
        By question, what its models say of closes on which it has reported nothing.
    since, through
        Closes from and up to these; None for all.
    """
    parts = []
    for each in read:
        own = reported(each, ticker)
        if later and each.question.name in later:
            more = later[each.question.name]
            own = Predictions.concat(
                [own, more.where(~more.table["decided_at"].isin(own.table["decided_at"]).to_numpy())]
            )
        at = own.table["decided_at"]
        keep = at.notna() if since is None else at >= since
        parts.append(own.where((keep if through is None else keep & (at <= through)).to_numpy()))
    closes = pd.DatetimeIndex(parts[0].table["decided_at"])
    for place, each in enumerate(read[1:], start=1):
        parts[place] = parts[place].where(parts[place].table["decided_at"].isin(closes).to_numpy())
        if each.question.name in policy.needs.questions:
            absent = closes[~closes.isin(parts[place].table["decided_at"])]
            parts[place] = Predictions.concat([parts[place], _base_rate(each.question, labels_of, absent, ticker)])
    return Predictions.concat(coherent([each.question for each in read], parts))


def spoken(
    view: View,
    labels_of: LabelsOf,
    ticker: str,
    read: Sequence[Asked],
    closes: pd.Series,
    answers: Sequence[Answered] = (),
) -> dict[str, Predictions]:
    """By question, what the models of `read` say of the closes after the last ones that they reported.

    Parameters
    ----------
    closes
        The closes to decide at, by session.
    answers
        What has been answered already, at the last of them.
    """
    answered = {each.asked.question.name: each for each in answers}
    found: dict[str, Predictions] = {}
    for each in read:
        if each.bundle is None:
            continue
        due, parts = closes[closes.index > each.bundle.last_session], []
        here = answered.get(each.question.name)
        if len(due) and here is not None and here.asked.bundle is each.bundle:
            parts.append(_predictions(here, ticker))
            due = due.iloc[:-1]
        if len(due):
            said = forecasts_on(view, labels_of, ticker, pd.DatetimeIndex(due.index), [each])
            parts += [_predictions(answer, ticker) for answer in said.apart]
        found[each.question.name] = Predictions.concat(parts)
    return found


def _predictions(answer: Answered, ticker: str) -> Predictions:
    labels, said = answer.labels.loc[answer.X.index], answer.forecasts
    return Predictions.of(
        decided_at=labels["decided_at"],
        resolved_at=labels["resolved_at"],
        asset=ticker,
        question=answer.asked.question.name,
        horizon=answer.asked.question.horizon,
        p=[each.p for each in said],
        p_low=[each.p_low for each in said],
        p_high=[each.p_high for each in said],
        climatology=[each.climatology for each in said],
    )


def reported(asked: Asked, ticker: str) -> Predictions:
    """What a champion reported of the ticker; nothing without a champion."""
    return Predictions.none() if asked.bundle is None else asked.bundle.predictions.select(asset=ticker)


def _base_rate(question: Question, labels_of: LabelsOf, closes: pd.DatetimeIndex, ticker: str) -> Predictions:
    labels = labels_of(question).set_index("decided_at")
    at = closes[closes.isin(labels.index)]
    share, _ = climatology(labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"]), at)
    known = pd.notna(share)
    return Predictions.of(
        decided_at=at[known],
        resolved_at=labels.loc[at[known], "resolved_at"],
        asset=ticker,
        question=question.name,
        horizon=question.horizon,
        p=share[known],
        climatology=share[known],
    )


def decided_on(up: Predictions, others: Collection[Predictions], policy: Policy) -> Predictions:
    """What a policy is given of the forecasts of one training: those of `up`, and of what it reads at their closes."""
    parts, closes = [up], up.table["decided_at"]
    for each in others:
        question = each.table["question"]
        read = policy.needs.read(question) - {UP.name}
        parts.append(each.where((question.isin(read) & each.table["decided_at"].isin(closes)).to_numpy()))
    return Predictions.concat(parts)
