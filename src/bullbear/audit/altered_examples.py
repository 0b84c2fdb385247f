"""Examples with other outcomes or other factors in the place of the real ones, for the tests of what a model can learn.

Outcomes come from the product's own label code: of random labels only the prices are random, so that labels overlap,
persist and resolve as the real ones do, and base rates, final labels and paths all fit each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pandas as pd

from bullbear.data.view import View
from bullbear.dataset import Examples, build_all
from bullbear.dataset.labels import climatology
from bullbear.definitions import FactorSpec, FeatureSet, ModelDefinition, Target
from bullbear.learn.learner import Learner
from bullbear.learn.members import members_of
from bullbear.statistics.bootstrap import default_block, stationary_rows

PLANTED = "planted"
"""The feature set of a planted factor, and the beginning of the names of its columns."""
_PRICES = ("open", "high", "low", "close", "adj_close")


def resampled(view: View, examples: Sequence[Examples], targets: Sequence[Target], seed: int) -> list[Examples]:
    """The examples of every question with outcomes of a random price path; the factors stay.

    Daily returns are drawn in blocks by the stationary bootstrap, the same days for every asset, and labels are
    resolved on the path that they make.
    """
    assets = sorted(set(examples[0].asset))
    changed = cast(View, _RandomPath(view, assets, max(target.horizon for target in targets), seed))
    drawn = build_all(changed, [], targets, assets)
    return [replace(random, X=real.X) for random, real in zip(drawn, examples, strict=True)]


class _RandomPath:
    """A view whose bars follow a random path; it serves what labels read."""

    def __init__(self, view: View, assets: Sequence[str], horizon: int, seed: int) -> None:
        self.instant = view.instant
        self._view = view
        days = [pd.DatetimeIndex(view.bars(asset).index) for asset in assets]
        self._days = pd.DatetimeIndex(np.unique(np.concatenate([each.to_numpy() for each in days])))
        block = default_block(len(self._days), horizon)
        (self._drawn,) = stationary_rows(len(self._days), block, resamples=1, seed=seed)

    def versions(self, kind: str, series: str) -> pd.DataFrame:
        """The versions of a ticker's bars; a correction moves the random price as it moved the real one."""
        rows = self._view.versions(kind, series)
        first = rows.drop_duplicates("event_date").set_index("event_date")["adj_close"].sort_index().dropna()
        returns = pd.Series(np.diff(np.log(first.to_numpy())), index=first.index[1:])
        own = returns.to_numpy()
        place = self._days.get_indexer(pd.DatetimeIndex(returns.index))
        source = self._drawn[place]
        drawn = returns.reindex(self._days).to_numpy()[source]
        drawn = np.where(np.isnan(drawn), own[source % len(own)], drawn)
        path = first.iloc[0] * np.exp(np.concatenate([[0.0], np.cumsum(drawn)]))
        size = rows["event_date"].map(pd.Series(path, index=first.index) / first)
        return rows.assign(**{name: rows[name] * size for name in _PRICES})


def dealt(examples: Sequence[Examples], seed: int) -> list[Examples]:
    """The examples of every question with the outcomes of each asset dealt to other days of it; the factors stay.

    All outcomes and the path of a day are dealt together. Neighbouring labels no longer agree: a model that reads the
    factors of the day before finds nothing in them.
    """
    settled = [~np.isnan(each.y) & ~np.isnan(each.y_final) for each in examples]
    known = np.logical_and.reduce(settled)
    for each in examples:
        if each.paths is not None:
            known &= ~np.isnan(each.paths.returns).any(axis=1)
    order = np.arange(len(known))
    draw = np.random.default_rng(seed)
    asset = examples[0].asset
    for name in np.unique(asset):
        rows = np.flatnonzero(known & (asset == name))
        order[rows] = draw.permutation(rows)
    return [_dealt(each, order, known) for each in examples]


def _dealt(examples: Examples, order: np.ndarray, known: np.ndarray) -> Examples:
    y = np.where(known, examples.y[order], np.nan)
    share, count = np.full(len(y), np.nan), np.zeros(len(y), dtype=np.int64)
    for name in np.unique(examples.asset):
        rows = examples.asset == name
        share[rows], count[rows] = climatology(y[rows], examples.resolved_at[rows], examples.decided_at[rows])
    paths = examples.paths
    if paths is not None:
        paths = replace(paths, returns=np.where(known[:, None], paths.returns[order], np.nan))
    return replace(examples, y=y, y_final=y.copy(), climatology=share, n_resolved=count, paths=paths)


def shuffled(examples: Sequence[Examples], seed: int) -> list[Examples]:
    """The examples of every question with the factors of other sessions, moved in blocks; the outcomes stay."""
    first = examples[0]
    sessions, session = np.unique(first.session.asi8, return_inverse=True)
    block = 3 * max(each.horizon for each in examples)
    (drawn,) = stationary_rows(len(sessions), block, resamples=1, seed=seed)
    X = first.X.to_numpy()
    moved = np.full(X.shape, np.nan)
    for name in np.unique(first.asset):
        own = np.flatnonzero(first.asset == name)
        row_of = np.full(len(sessions), -1)
        row_of[session[own]] = own
        source = row_of[drawn[session[own]]]
        moved[own] = np.where((source >= 0)[:, None], X[source], np.nan)
    frame = pd.DataFrame(moved, index=first.X.index, columns=first.X.columns)
    return [replace(each, X=frame) for each in examples]


@dataclass(frozen=True)
class Planted:
    """A model whose members read planted factors.

    `alone` are the members that read nothing else; the others read them beside the factors that they cannot do without,
    or not at all.
    """

    definition: ModelDefinition
    feature_sets: tuple[FeatureSet, ...]
    examples: list[Examples]
    columns: tuple[str, ...]
    alone: frozenset[str]


def planted(definition: ModelDefinition, feature_sets: Sequence[FeatureSet], examples: Sequence[Examples]) -> Planted:
    """The model with a factor a question that knows its outcome, in the place of its own factors where that goes.

    It is 1 for yes and -1 for no, turned so that its sign speaks of P(up) as that of any factor does.
    """
    specs, columns = [], {}
    for question, each in zip(definition.questions, examples, strict=True):
        turn = question.direction or 1
        name = f"{PLANTED}_{question.name}"
        columns[name] = turn * (2.0 * each.y - 1.0)
        specs.append(FactorSpec(name=name, function=PLANTED, inputs={}, sign=1 if question.direction else 0))
    extra = FeatureSet(name=PLANTED, why="The outcome itself.", factor=tuple(specs))
    assets = sorted(set(examples[0].asset))
    read: dict[str, tuple[str, ...]] = {}
    for plan in members_of(definition):
        own = [spec.name for each in feature_sets if each.name in plan.features for spec in each.factor]
        ways: tuple[tuple[tuple[str, ...], list[str]], ...] = (((), []), (plan.features, own))
        kept = next((kept for kept, names in ways if _takes(plan.learner, [*names, *columns], assets)), None)
        read[plan.name] = plan.features if kept is None else (*kept, PLANTED)
    changed = definition.model_copy(
        update={
            "features": read[definition.name] if definition.learner is not None else (*definition.features, PLANTED),
            "member": tuple(each.model_copy(update={"features": read[each.name]}) for each in definition.member),
        }
    )
    X = examples[0].X.assign(**columns)
    alone = frozenset(name for name, features in read.items() if features == (PLANTED,))
    return Planted(changed, (*feature_sets, extra), [replace(each, X=X) for each in examples], tuple(columns), alone)


def _takes(learner: Learner, names: Sequence[str], assets: Sequence[str]) -> bool:
    """Whether a learner can be fitted on these factors."""
    return learner.refuses_inputs(names, assets) is None
