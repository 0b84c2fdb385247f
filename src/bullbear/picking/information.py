"""Information coefficient: the rank correlation of scores with what followed, decision by decision.

Its mean has an interval by the stationary bootstrap over decisions; the information ratio of the coefficient is its
mean over its deviation. An average over companies and months at once would count thousands of rows that share a month.

References
----------
Grinold and Kahn (2000), Active Portfolio Management; Politis and Romano (1994), doi:10.1080/01621459.1994.10476870
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bullbear.picking.cross_section import Array
from bullbear.picking.evidence import mean_interval
from bullbear.statistics.bootstrap import Interval

LEAST_NAMES = 5
"""Below this a rank correlation says nothing."""


@dataclass(frozen=True)
class Information:
    """`ic` by decision, NaN where there are too few names; `mean` over the others with its interval.

    `icir` is the mean over the deviation, annualised; `positive` the share of decisions with a positive coefficient;
    `by_sector` the means within sectors.
    """

    ic: Array
    mean: Interval
    icir: float
    positive: float
    decisions: int
    names: float
    by_sector: dict[str, Interval]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "ic": self.mean.estimate,
            "ic_low": self.mean.low,
            "ic_high": self.mean.high,
            "icir": self.icir,
            "positive": self.positive,
            "decisions": self.decisions,
            "names": self.names,
            "by_sector": {
                name: {"ic": each.estimate, "ic_low": each.low, "ic_high": each.high}
                for name, each in self.by_sector.items()
            },
        }


def information(
    scores: Array, outcome: Array, per_year: float, *, overlap: int = 1, sectors: Sequence[str] | None = None
) -> Information:
    """Of scores and the relative returns that followed, both of shape (n_decisions, n_assets); NaN is left out.

    Parameters
    ----------
    overlap
        How many decisions a label spans.
    sectors
        The sector of each asset, for `by_sector`.
    """
    ic = coefficients(scores, outcome)
    known = ic[np.isfinite(ic)]
    deviation = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    both = (np.isfinite(scores) & np.isfinite(outcome))[np.isfinite(ic)]
    within: dict[str, Interval] = {}
    for sector in sorted(set(sectors or ())):
        columns = np.array([each == sector for each in sectors or ()])
        found = coefficients(scores[:, columns], outcome[:, columns])
        if np.isfinite(found).any():
            within[sector] = mean_interval(found[np.isfinite(found)], overlap)
    return Information(
        ic=ic,
        mean=mean_interval(known, overlap),
        icir=float(known.mean()) / deviation * float(np.sqrt(per_year)) if deviation > 0.0 else float("nan"),
        positive=float((known > 0.0).mean()) if len(known) else float("nan"),
        decisions=len(known),
        names=float(both.sum(axis=1).mean()) if len(known) else float("nan"),
        by_sector=within,
    )


def coefficients(scores: Array, outcome: Array) -> Array:
    """Spearman's rank correlation at each decision; NaN below `LEAST_NAMES` names or without any spread."""
    from scipy.stats import rankdata

    found = np.full(len(scores), np.nan)
    for place in range(len(scores)):
        known = np.isfinite(scores[place]) & np.isfinite(outcome[place])
        if known.sum() < LEAST_NAMES:
            continue
        x, y = (rankdata(each[place, known]) for each in (scores, outcome))
        x, y = x - x.mean(), y - y.mean()
        size = float(np.sqrt((x @ x) * (y @ y)))
        found[place] = float(x @ y) / size if size > 0.0 else np.nan
    return found
