"""The factors that an account is walked with: those its rule and its instruments read, on every session of the walk.

A training, the backtest of a run and the daily forecast compute them here, so that a position marked by a factor has
one price on one day.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bullbear.data.view import View
from bullbear.decide import Book, Rule
from bullbear.definitions import FactorSpec, FeatureSet
from bullbear.factors import compute


def account_factors(
    view: View,
    rule: Rule,
    feature_sets: Sequence[FeatureSet],
    ticker: str,
    before: Book | None = None,
    at: pd.Timestamp | None = None,
    carried: Sequence[FactorSpec] = (),
) -> pd.DataFrame | None:
    """Columns by session, or None where nothing is read.

    Parameters
    ----------
    feature_sets
        Those of the model, for what the rule reads and does not bring along.
    before
        The account that is taken up; its last session is the first row, which the next open reads.
    at
        The first row without such an account, or where it is later; None for the first session stored.
    carried
        Factors that price what the account holds, as the champion that bought it defined them; those that this rule or
        model defines are theirs.
    """
    specs = [
        *rule.specs(feature_sets, before.instruments.values() if before else ()),
        *lacking(rule, feature_sets, carried),
    ]
    if not specs:
        return None
    sessions = pd.DatetimeIndex(view.bars(ticker).index)
    if first := [each for each in (before.session if before else None, at) if each is not None]:
        sessions = sessions[sessions >= min(first)]
    return compute(view, specs, sessions, ticker)


def priced_by(
    rule: Rule, feature_sets: Sequence[FeatureSet], book: Book, carried: Sequence[FactorSpec]
) -> list[FactorSpec]:
    """The factors that price the instruments of a book, which a later champion may lack.

    Parameters
    ----------
    carried
        Those of an earlier champion, for what this rule and model do not define.
    """
    held = {name for each in book.instruments.values() for name in each.factors}
    found = rule.specs(feature_sets, book.instruments.values())
    return [spec for spec in (*found, *lacking(rule, feature_sets, carried)) if spec.name in held]


def lacking(rule: Rule, feature_sets: Sequence[FeatureSet], carried: Sequence[FactorSpec]) -> list[FactorSpec]:
    """Those of `carried` whose names neither the rule nor the model defines."""
    known = {spec.name for each in (*rule.feature_sets, *feature_sets) for spec in each.factor}
    return [spec for spec in carried if spec.name not in known]
