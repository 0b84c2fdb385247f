"""Whether a skill can be believed: one far above what a question allows comes from something that looks ahead.

The audit (`workflows.audit_gate`) finds what looks ahead through the store or the training. What reads the future past
the store, and data that were wrong when they came, are found by their skill alone: it asks only whether the result can
be true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bullbear import user_code
from bullbear.dataset.predictions import Predictions
from bullbear.definitions import FactorSpec
from bullbear.definitions.promotion import PlausibilityTest
from bullbear.errors import BullbearError
from bullbear.evaluate import evaluate
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import losses
from bullbear.factors import compute
from bullbear.factors.engine.feature_sets import functions_of
from bullbear.forecasting.verdict import Check
from bullbear.home import Home
from bullbear.workflows.comparison import oracle_share

if TYPE_CHECKING:
    from bullbear.tracking import Run

SHOWN = 3
"""Factors that are named."""
_SESSIONS = 252
"""The last sessions over which contributions are averaged."""
_REMEDY = "look for what sees later days (`bullbear promote RUN --force --reason TEXT` promotes it anyway)"


def plausible(home: Home, run: Run, bounds: PlausibilityTest) -> Check | None:
    """The test of the gate; None where the run cannot be scored."""
    question = run.bundle.definition.target.question
    most, bss = bounds.most(question), brier_skill(run)
    if bss is None:
        return None
    skill = f"Brier skill {bss:+.2%}"
    if not bss > most:
        return Check("plausibility", True, f"{skill}, up to {most:.0%} is plausible for {question.name}", "", bss, most)
    if run.simulated:
        return _beside_truth(home, run)
    reason = f"{skill}, more than {most:.0%} is not plausible for {question.name}: {likely_cause(home, run)}"
    return Check("plausibility", False, reason, _REMEDY, bss, most)


def brier_skill(run: Run) -> float | None:
    """The Brier skill against the base rate, without its interval; None where there is too little to score."""
    return skill_of(run.of_target)


def skill_of(predictions: Predictions) -> float | None:
    """The Brier skill of forecasts of one question and asset; None where there is too little to score."""
    try:
        rows = Sample.of(predictions)
    except BullbearError:
        return None
    usual = float(losses(rows.y, rows.climatology, "brier").sum())
    return 1.0 - float(losses(rows.y, rows.p, "brier").sum() / usual) if usual > 0.0 else None


def _beside_truth(home: Home, run: Run) -> Check | None:
    """On a simulated market nobody has more skill, but for luck, than the true probabilities."""
    found, share = evaluate(run.of_target), oracle_share(home, run, resamples=200)
    if share is None:
        return None
    reason = f"Brier skill {found.bss:+.2%}, of the true probabilities {share.oracle_bss:+.2%}"
    passed = not found.bss_low > share.oracle_bss
    if not passed:
        reason += f": {likely_cause(home, run)}"
    return Check("plausibility", passed, reason, "" if passed else _REMEDY, found.bss, share.oracle_bss)


def likely_cause(home: Home, run: Run) -> str:
    """What may look ahead, in words: the home's own files that it runs, and the factors that move it most."""
    own = sorted(run.bundle.meta.get("user_code", {}))
    files = f"; it runs {', '.join(own)}" if own else ""
    try:
        largest = contributions(home, run)
    except (BullbearError, ValueError, KeyError, IndexError):
        largest = {}
    if not largest:
        return f"the learner or the labels probably look ahead{files}"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in list(largest.items())[:SHOWN])
    return f"a factor that looks ahead is the likely cause, of which most moves the forecast {shares}{files}"


def contributions(home: Home, run: Run) -> dict[str, float]:
    """Each factor's share of the size of all contributions to the newest model's forecasts, the largest first."""
    bundle = run.bundle
    specs = bundle.factors()
    view = home.filled_store().as_of()
    ticker = bundle.definition.target.ticker
    index = pd.DatetimeIndex(view.bars(ticker).index)[-_SESSIONS:]
    X = compute(view, specs, index, ticker)
    model = bundle.model_named(bundle.trained_through()[-1])
    base = np.full(len(X), 0.5)
    size = np.abs(model.contributions(X[list(model.factors)], base)).mean(axis=0)
    total = float(size.sum())
    if not total > 0.0:
        return {}
    shares = sorted(zip(model.factors, size / total, strict=True), key=lambda each: -each[1])
    named = {spec.name: spec for spec in specs}
    return {_with_file(name, named): float(share) for name, share in shares}


def _with_file(name: str, specs: Mapping[str, FactorSpec]) -> str:
    """A factor's name, with the file of the home that computes it."""
    own = [each for each in functions_of([specs[name]]) if user_code.digests([each])]
    return f"{name} ({user_code.place_of(own[0]).partition(':')[0]})" if own else name
