"""Examples: factors, label, weight and both instants in one frozen record with a fingerprint.

Daily labels over 21 sessions overlap 21-fold, so 4,000 rows hold as much as some 260. Each example carries
its average uniqueness (Lopez de Prado 2018, ch. 4): the mean over its life of one over the number of labels alive. The
fingerprint is a hash of the numbers themselves; two trainings with the same fingerprint, definition and seed must give
the same bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.data.view import View
from bullbear.dataset.labels import Labels, Paths, climatology
from bullbear.definitions import FactorSpec, FeatureSet, Target, digest
from bullbear.factors import compute, universe


@dataclass(frozen=True)
class Examples:
    """Labelled examples of one asset or several, ordered by session, then by asset.

    `X` has shape (n, n_factors), indexed by session; every other array has shape (n,). Models train on `y`, the label
    as known when it resolved; forecasts are scored on `y_final`, the label on final prices. Both are NaN until the
    label resolves. `decidable` says whether the session's bar was known at its close. `climatology` is the share of yes
    among the `n_resolved` labels of the same asset that had resolved at the decision; `weights` are the uniqueness of
    each label among those of its asset.
    """

    X: pd.DataFrame
    y: np.ndarray
    y_final: np.ndarray
    decidable: np.ndarray
    weights: np.ndarray
    decided_at: pd.DatetimeIndex
    resolved_at: pd.DatetimeIndex
    climatology: np.ndarray
    n_resolved: np.ndarray
    horizon: int
    fingerprint: str
    asset: np.ndarray
    paths: Paths | None = None

    def factors_of(self, asset: str) -> pd.DataFrame:
        """The factors of one asset by session."""
        return self.X if (self.asset == asset).all() else self.X[self.asset == asset]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def session(self) -> pd.DatetimeIndex:
        """The session of each row."""
        return pd.DatetimeIndex(self.X.index)


def build(
    view: View, feature_sets: Sequence[FeatureSet], target: Target, assets: Sequence[str] | None = None
) -> Examples:
    """The examples of the target's question over all sessions that `view` knows.

    Parameters
    ----------
    assets
        The assets that rows are for; default the universe of the feature sets, which is the target's ticker if they
        name none.

    Raises
    ------
    NoDataError
        No bar of an asset is known.
    """
    return build_all(view, feature_sets, [target], assets)[0]


def build_all(
    view: View, feature_sets: Sequence[FeatureSet], targets: Sequence[Target], assets: Sequence[str] | None = None
) -> list[Examples]:
    """The examples of several questions about one ticker, in their order, each as `build` makes it.

    Factors are computed once, and closes laid out once for all questions that read the same.
    """
    specs = [spec for feature_set in feature_sets for spec in feature_set.factor]
    chosen = universe(feature_sets, targets[0].ticker) if assets is None else assets
    parts = [_of_asset(view, specs, [target.on(asset) for target in targets]) for asset in sorted(set(chosen))]
    if len(parts) == 1:
        return parts[0]
    X = pd.concat([part[0].X for part in parts])
    order = np.argsort(pd.DatetimeIndex(X.index).asi8, kind="stable")
    X = X.iloc[order]
    return [_merged(of_one, X, order) for of_one in zip(*parts, strict=True)]


def _of_asset(view: View, specs: Sequence[FactorSpec], targets: Sequence[Target]) -> list[Examples]:
    labels = Labels(view, targets[0].ticker)
    X: pd.DataFrame | None = None
    paths: dict[int, Paths] = {}
    found = []
    for target in targets:
        resolved = labels.resolve(target.question)
        if X is None:
            X = compute(view, specs, pd.DatetimeIndex(resolved.index), target.ticker)
        if target.horizon not in paths:
            paths[target.horizon] = labels.paths(target.horizon)
        found.append(_of_question(X, labels, resolved, paths[target.horizon], target))
    return found


def _of_question(X: pd.DataFrame, labels: Labels, resolved: pd.DataFrame, paths: Paths, target: Target) -> Examples:
    y, y_final = resolved["y"].to_numpy(), labels.resolve(target.question, final=True)["y"].to_numpy()
    decided_at, resolved_at = pd.DatetimeIndex(resolved["decided_at"]), pd.DatetimeIndex(resolved["resolved_at"])
    share, n_resolved = climatology(y, resolved_at, decided_at)
    return Examples(
        X=X,
        y=y,
        y_final=y_final,
        decidable=resolved["decidable"].to_numpy(),
        weights=uniqueness(len(y), target.horizon),
        decided_at=decided_at,
        resolved_at=resolved_at,
        climatology=share,
        n_resolved=n_resolved,
        horizon=target.horizon,
        fingerprint=fingerprint(X, y, resolved_at, y_final, paths.returns, paths.known_at.as_unit("us").asi8),
        asset=np.full(len(y), target.ticker),
        paths=paths,
    )


def _merged(parts: Sequence[Examples], X: pd.DataFrame, order: np.ndarray) -> Examples:
    """The rows of several assets in `order`, with their factors `X`; its fingerprint is a hash of theirs."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("y", "y_final", "decidable", "weights", "climatology", "n_resolved", "asset")
    }
    for name in ("decided_at", "resolved_at"):
        columns[name] = _instants([getattr(part, name) for part in parts], order)
    paths = [part.paths for part in parts if part.paths is not None]
    columns["paths"] = Paths(
        np.concatenate([each.returns for each in paths])[order], _instants([each.known_at for each in paths], order)
    )
    seal = digest({str(part.asset[0]): part.fingerprint for part in parts})
    return Examples(X=X, horizon=parts[0].horizon, fingerprint=seal, **columns)


def _instants(parts: Sequence[pd.DatetimeIndex], order: np.ndarray) -> pd.DatetimeIndex:
    joined = np.concatenate([part.as_unit("us").asi8 for part in parts])[order]
    return pd.DatetimeIndex(joined.view("datetime64[us]")).tz_localize("UTC")


def uniqueness(n: int, horizon: int) -> np.ndarray:
    """`uniqueness_at` of `n` consecutive daily labels; shape (n,), 1 / horizon away from the ends.

    Example
    -------
    >>> uniqueness(4, 2).round(4).tolist()
    [0.75, 0.5, 0.5, 0.75]
    """
    return uniqueness_at(np.arange(n), horizon)


def uniqueness_at(session: np.ndarray, horizon: int) -> np.ndarray:
    """Average uniqueness of labels that are decided in some sessions and live the `horizon` sessions after.

    `u_i = mean over s in (i, i + horizon] of 1 / c_s`, with `c_s` the number of labels alive in session `s`.

    Parameters
    ----------
    session
        The number of each label's session, ascending, shape (n,); a session without a label is left out.
    horizon
        Sessions.

    Returns
    -------
    ndarray
        Shape (n,), in (0, 1].

    References
    ----------
    Lopez de Prado, M. (2018). Advances in Financial Machine Learning, ch. 4. Wiley. ISBN 978-1-119-48208-6.

    Example
    -------
    The label of session 1 is missing: the labels of 0 and 2 no longer share half of their lives with it.

    >>> uniqueness_at(np.array([0, 2, 3]), 2).tolist()
    [1.0, 0.75, 0.75]
    """
    if len(session) == 0:
        return np.zeros(0)
    start = session - session[0]
    begun = np.bincount(start, minlength=int(start[-1]) + horizon + 1)
    count = np.concatenate([np.zeros(horizon, dtype=int), np.cumsum(begun)])
    alive = count[horizon:] - count[:-horizon]
    shares = np.concatenate([[0.0], np.cumsum(1.0 / np.maximum(alive, 1))])
    unique: np.ndarray = (shares[start + horizon] - shares[start]) / horizon
    return unique


def fingerprint(X: pd.DataFrame, y: np.ndarray, resolved_at: pd.DatetimeIndex, *others: np.ndarray) -> str:
    """A sha256 over factor names, values, labels, instants and other numbers."""
    seal = hashlib.sha256()
    seal.update("\x1f".join(X.columns).encode())
    for array in (
        pd.DatetimeIndex(X.index).as_unit("us").asi8,
        X.to_numpy(dtype=np.float64),
        y,
        resolved_at.as_unit("us").asi8,
        *others,
    ):
        # Many bit patterns mean NaN, and which one arises may depend on the length of an array.
        plain = array if array.dtype.kind == "i" else np.where(np.isnan(array), np.nan, array)
        seal.update(np.ascontiguousarray(plain).tobytes())
    return seal.hexdigest()
