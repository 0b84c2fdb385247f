"""A trained model as others are compared with it: one line of scores and what the gate said."""

from __future__ import annotations

import math
from dataclasses import dataclass

NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class ScoredModel:
    """Skills are fractions, `low` and `high` the ends of the interval of `bss`, None where it has none."""

    name: str
    run_id: str
    bss: float
    low: float | None
    high: float | None
    log_loss_skill: float | None
    verdict: str = NOT_JUDGED
    trials: int | None = None
    """How many a search made; None of parameters that were not searched for."""
    is_this: bool = False
    """Whether it is the one that a comparison is about."""

    @property
    def label(self) -> str:
        """Name and the beginning of the run's id, with the trials of a search."""
        named = f"{self.name} {self.run_id[:8]}".strip()
        return named if self.trials is None else f"{named}, tuned in {self.trials:,} trials"

    def sentence(self) -> str:
        """What the scores say, with the verdict of the gate.

        Example
        -------
        >>> ScoredModel("logistic", "4f2a", 0.012, -0.004, 0.03, 0.01).sentence()
        'logistic: Brier skill +1.20% (-0.40% to +3.00%), not distinguishable from the base rate; not judged.'
        """
        if self.low is None or self.high is None or math.isnan(self.low + self.high):
            return f"{self.name}: Brier skill {self.bss:+.2%}; {self.verdict}."
        if self.low > 0:
            says = "above the base rate by more than chance gives a single model"
        elif self.high < 0:
            says = "worse than the base rate"
        else:
            says = "not distinguishable from the base rate"
        return (
            f"{self.name}: Brier skill {self.bss:+.2%} ({self.low:+.2%} to {self.high:+.2%}), {says}; {self.verdict}."
        )
