"""The metrics of a training of several questions: the skill of each, and the scores of the distribution behind them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bullbear.evaluate import Evaluation, PathScores
from bullbear.evaluate.distribution import DistributionEvaluation


def metrics_by_question(evaluations: Mapping[str, Evaluation | PathScores]) -> dict[str, float]:
    """The Brier skill of each question with its interval, and the mean over them, which the run list shows."""
    found: dict[str, float] = {}
    for name, each in evaluations.items():
        if isinstance(each, Evaluation):
            found |= {f"{name}/{figure}": getattr(each, figure) for figure in ("bss", "bss_low", "bss_high")}
        else:
            found[f"{name}/bss"] = each.bss_mean
    mean = float(np.mean([found[f"{name}/bss"] for name in evaluations]))
    return {"bss": mean, "skill/mean_bss": mean, **found}


def metrics_of_distribution(distribution: DistributionEvaluation | None) -> dict[str, float]:
    """The scores of the distribution; none where no member knows it."""
    if distribution is None:
        return {}
    names = ("crps", "crps_climatology", "crps_skill", "crps_skill_low", "crps_skill_high", "pit_p_value")
    found = {f"distribution/{name}": float(getattr(distribution, name)) for name in names}
    found |= {f"distribution/coverage_{each.nominal:.0%}".rstrip("%"): each.share for each in distribution.coverage}
    if distribution.volatility is not None:
        found["distribution/log_volatility_r2"] = distribution.volatility.r2
    return found
