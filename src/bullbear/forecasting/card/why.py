"""Why a probability changed between two forecasts: what each factor, a refit and the base rate did to it.

A champion's model credits its factors with parts of its log-odds (`FoldModel.contributions`: TreeSHAP of trees, the
coefficient times the value otherwise). Their differences between the two closes are taken under the model of the later
close; what the refits in between did is the difference of both models at the earlier close, and the base rate and what
no factor is credited with (a simulation of past returns, the projection onto coherent answers) are the rest. A unit of
log-odds is worth what the whole change was worth, so all parts add up to the change of the probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.definitions import FactorSpec
from bullbear.errors import BullbearError
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.card.factor_words import FAMILIES, family_of, label_of, value_of
from bullbear.forecasting.card.outlook import log_odds
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.today import factor_tables
from bullbear.learn.learner import factor_matrix
from bullbear.wording import percent, points

BASE_RATE, REFIT, MODEL, TOGETHER = "base rate", "refit", "model", "together"
"""Causes that are no families of factors."""
FACTORS = 3
"""At most so many factors are named for a change."""
LEAST = 0.005
"""A part of a probability below which nothing is named."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Cause:
    """A part of a change: of a family (`factor` None) or of one factor in it; `effect` a fraction of probability.

    The values of a factor are as the model reads them, None where missing.
    """

    family: str
    factor: str | None
    value_before: float | None
    value_now: float | None
    effect: float | None
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return asdict(self)


@dataclass(frozen=True)
class _Move:
    """What the model of the later close makes of two closes, in log-odds: by factor, by member, by refit."""

    specs: Sequence[FactorSpec]
    values: np.ndarray
    by_factor: np.ndarray
    uncredited: dict[str, float]
    refit: float
    refitted_through: str


def whys(sources: Sources, before: str, changed: Sequence[tuple[Row, Row]]) -> list[list[Cause]]:
    """The causes of each change.

    Parameters
    ----------
    before
        The close of the earlier forecast.
    changed
        The outlook rows of a question in the earlier forecast and in the entry.
    """
    earlier = sessions.day(pd.Timestamp(before))
    bundles = [_bundle(sources, was, now) for was, now in changed]
    known = [bundle for bundle in bundles if bundle is not None]
    index = pd.DatetimeIndex([earlier, sessions.day(sources.decided_at)])
    tables = iter(factor_tables(sources.view, known, index, sources.entry["ticker"]) if known else ())
    found = []
    for (was, now), bundle in zip(changed, bundles, strict=True):
        if bundle is None:
            found.append(_other_answerer(was, now))
            continue
        try:
            found.append(_causes(_moved(bundle, next(tables), was, now), was, now, sources.entry["ticker"]))
        except BullbearError:  # the earlier close lies before the champion's first model
            found.append([])
    return found


def _bundle(sources: Sources, was: Row, now: Row) -> Bundle | None:
    """The champion that gave both answers; None where another did, or where the ledger's is gone."""
    if now["run_id"] is None or was["run_id"] != now["run_id"]:
        return None
    try:
        bundle = sources.champion(now["question"])
        bundle.factors()
    except BullbearError:
        return None
    return bundle if bundle.meta["run_id"] == now["run_id"] else None


def _other_answerer(was: Row, now: Row) -> list[Cause]:
    if was["run_id"] == now["run_id"]:
        return []
    names = ["the base rate" if row["run_id"] is None else f"{row['model']} {row['run_id'][:8]}" for row in (now, was)]
    return [Cause(MODEL, None, None, None, None, f"{names[0]} answers in place of {names[1]}")]


def _moved(bundle: Bundle, X: pd.DataFrame, was: Row, now: Row) -> _Move:
    model, model_before = (bundle.model_for(pd.Timestamp(session)) for session in X.index[::-1])
    base = np.array([was["climatology"], now["climatology"]])
    credited = model.contributions(X, base)
    place = {name: number for number, name in enumerate(model.factors)}
    silent = [not credited[:, [place[name] for name in member.factors]].any() for member in model.members]
    uncredited: dict[str, float] = {}
    if any(silent):  # it has a part all the same, such as a simulation of past returns
        moved = np.diff(model.parts(X, base), axis=0)[0]
        for member, part, is_silent in zip(model.members, moved, silent, strict=True):
            family = _only_family(bundle, member.factors)
            if is_silent and family is not None:
                uncredited[family] = uncredited.get(family, 0.0) + float(part)
    refit = 0.0
    if model.trained_through != model_before.trained_through:
        then, one = np.array([was["climatology"]]), np.ones(1)
        made = [float(each.forecast(X.iloc[[0]], then, one)["p"].iloc[0]) for each in (model, model_before)]
        refit = log_odds(made[0]) - log_odds(made[1])
    named = {spec.name: spec for spec in bundle.factors()}
    return _Move(
        specs=[named[name] for name in model.factors],
        values=factor_matrix(X, model.factors),
        by_factor=np.diff(credited, axis=0)[0],
        uncredited=uncredited,
        refit=refit,
        refitted_through=str(sessions.day(model.trained_through).date()),
    )


def _only_family(bundle: Bundle, factors: Sequence[str]) -> str | None:
    families = {family_of(spec) for spec in bundle.factors() if spec.name in factors}
    return families.pop() if len(families) == 1 else None


def _causes(move: _Move, was: Row, now: Row, ticker: str) -> list[Cause]:
    total = log_odds(now["p"]) - log_odds(was["p"])
    if total == 0.0:
        return []
    worth = (now["p"] - was["p"]) / total
    families: dict[str, float] = dict(move.uncredited)
    for spec, part in zip(move.specs, move.by_factor, strict=True):
        families[family_of(spec)] = families.get(family_of(spec), 0.0) + float(part)
    base = log_odds(now["climatology"]) - log_odds(was["climatology"])
    rest = total - base - move.refit - sum(families.values())
    found = [
        Cause(name, None, None, None, part * worth, f"{FAMILIES.get(name, name)} {_does(part * worth)}")
        for name, part in families.items()
    ]
    usual = f"the base rate, {percent(now['climatology'])} from {percent(was['climatology'])},"
    for name, lead, part in (
        (REFIT, f"the refit through {move.refitted_through}", move.refit),
        (BASE_RATE, usual, base),
        (TOGETHER, "what no single factor explains", rest),
    ):
        found.append(Cause(name, None, None, None, part * worth, f"{lead} {_does(part * worth)}"))
    found = sorted((each for each in found if abs(each.effect or 0.0) >= LEAST), key=_size)
    order = np.argsort(-np.abs(move.by_factor), kind="stable")[:FACTORS]
    for place in order:
        effect = float(move.by_factor[place] * worth)
        if abs(effect) >= LEAST:
            found.append(_of_factor(move.specs[place], move.values[:, place], effect, ticker))
    return found


def _of_factor(spec: FactorSpec, values: np.ndarray, effect: float, ticker: str) -> Cause:
    was, now = (None if np.isnan(value) else float(value) for value in values)
    said = [value_of(spec, value) for value in (now, was)]
    moved = f"at {said[0]}" if said[0] == said[1] else f"{said[0]} from {said[1]}"
    sentence = f"{label_of(spec, ticker)} {moved} {_does(effect)}"
    return Cause(family_of(spec), spec.name, was, now, effect, sentence)


def _does(effect: float) -> str:
    verb = "adds" if effect > 0.0 else "takes away"
    return f"{verb} {points(effect, 1)}"


def _size(cause: Cause) -> float:
    return -abs(cause.effect or 0.0)
