"""Where the examples from a changed store differ from those of the store, up to an instant that knows of no change.

What may differ is left out: the final label, which follows corrections, and whatever resolves after the instant.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bullbear.audit.factors.finding import Finding, first_difference
from bullbear.audit.result import Leak
from bullbear.dataset import Examples
from bullbear.definitions import FactorSpec

_TOLERANCE = 1e-9
"""Of returns, whose prices a later split may have restated."""


def of_finding(finding: Finding, why: str | None = None) -> Leak:
    """The leak that a factor's finding shows; `why` says where the second value comes from: "from ...", "after ..."."""
    day, size = finding.day, abs(finding.value - finding.known)
    sentence = finding.sentence if why is None else f"{finding.value:.10g} on {day}, but {finding.known:.10g} {why}"
    return Leak(finding.factor, day, size, f"{finding.factor}: {sentence}")


def first_of_each(leaks: Sequence[Leak]) -> list[Leak]:
    """The first leak of each thing."""
    return list({leak.what: leak for leak in reversed(leaks)}.values())[::-1]


def examples_differ(
    whole: Examples,
    then: Examples,
    instant: pd.Timestamp,
    specs: Sequence[FactorSpec],
    *,
    question: str,
    check: str,
    why: str,
    is_cut: bool,
) -> list[Leak]:
    """The first difference of each factor, of the labels and of the base rate; none if nothing knew of the change.

    Parameters
    ----------
    whole, then
        From the store, and from the changed one.
    instant
        Rows decided by it are compared, and labels resolved by it.
    specs
        The factors in the examples.
    check
        As `Finding.check`.
    why
        What had been done to the store, for the sentence: "from ...", "after ...".
    is_cut
        Whether `then` must not know what resolves later.
    """
    one, other = (np.flatnonzero(each.decided_at <= instant) for each in (whole, then))
    if not _same_rows(whole, one, then, other):
        sentence = f"{len(one):,} rows up to {instant:%Y-%m-%d}, but {len(other):,} or others {why}"
        return [Leak("rows", f"{instant:%Y-%m-%d}", float(abs(len(one) - len(other))), f"the rows: {sentence}")]
    found: list[Leak] = []
    X = pd.DataFrame(whole.X).iloc[one], pd.DataFrame(then.X).iloc[other]
    for spec in specs:
        if spec.name in whole.X:
            difference = first_difference(spec, check, *(each[spec.name] for each in X))
            if difference is not None:
                found.append(of_finding(difference, why))
    resolved = np.asarray(whole.resolved_at[one] <= instant)
    seen = np.ones(len(one), dtype=bool) if is_cut else resolved
    session = whole.session[one]
    label = f"the label of {question}"
    weights = whole.weights[one], then.weights[other]
    columns: list[tuple[str, np.ndarray, np.ndarray, float]] = [
        (label, np.where(resolved, whole.y[one], np.nan), np.where(seen, then.y[other], np.nan), 0.0),
        (f"the base rate of {question}", whole.climatology[one], then.climatology[other], 0.0),
        (f"the resolved labels of {question}", _numbers(whole.n_resolved[one]), _numbers(then.n_resolved[other]), 0.0),
        (f"the weight of {question}", np.where(resolved, weights[0], 0.0), np.where(resolved, weights[1], 0.0), 0.0),
        (f"whether {question} could be decided", _numbers(whole.decidable[one]), _numbers(then.decidable[other]), 0.0),
    ]  # fmt: skip
    if whole.paths is not None and then.paths is not None:
        known = np.asarray(whole.paths.known_at[one] <= instant)
        path = [each.paths.returns[rows].sum(axis=1) for each, rows in ((whole, one), (then, other)) if each.paths]
        seen = np.ones(len(one), dtype=bool) if is_cut else known
        columns.append(
            (f"the path of {question}", np.where(known, path[0], np.nan), np.where(seen, path[1], np.nan), _TOLERANCE)
        )
    for what, value, known_then, allowed in columns:
        leak = _first(what, session, value, known_then, allowed, why)
        if leak is not None:
            found.append(leak)
    return found


def _same_rows(whole: Examples, one: np.ndarray, then: Examples, other: np.ndarray) -> bool:
    return bool(
        len(one) == len(other)
        and (whole.decided_at[one] == then.decided_at[other]).all()
        and (whole.asset[one] == then.asset[other]).all()
    )


def _numbers(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)


def _first(
    what: str, session: pd.DatetimeIndex, value: np.ndarray, known: np.ndarray, allowed: float, why: str
) -> Leak | None:
    with np.errstate(invalid="ignore"):
        same = (value == known) | (np.isnan(value) & np.isnan(known)) | (np.abs(value - known) <= allowed)
    if same.all():
        return None
    row = int(np.argmin(same))
    day = f"{session[row]:%Y-%m-%d}"
    sentence = f"{what}: {value[row]:.10g} on {day}, but {known[row]:.10g} {why}"
    return Leak(what, day, float(abs(value[row] - known[row])), sentence)
