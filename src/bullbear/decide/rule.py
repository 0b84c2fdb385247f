"""A rule for positions: a policy, and the factors that come with it.

What a policy reads need not be what a model learns from: a stop under a support level wants that level, a classifier
may not. The feature sets of a rule are computed for positions alone; no learner sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bullbear.decide.instruments import Instrument
from bullbear.decide.policy import Policy, all_needs
from bullbear.definitions import FactorSpec, FeatureSet


@dataclass(frozen=True)
class Rule:
    """A policy with its own feature sets; `path` is its file in `models/policies/`, `feature_paths` those of its sets.

    Neither path is kept in a bundle.
    """

    policy: Policy
    feature_sets: tuple[FeatureSet, ...] = ()
    path: Path | None = None
    feature_paths: tuple[Path, ...] = ()

    @property
    def own(self) -> list[FactorSpec]:
        """The factors of its own sets that the policy, or an instrument in it, reads."""
        read = all_needs(self.policy).factors
        return [spec for each in self.feature_sets for spec in each.factor if spec.name in read]

    def specs(self, model: Sequence[FeatureSet], held: Iterable[Instrument] = ()) -> list[FactorSpec]:
        """The factors to compute for positions, those of the instruments `held` among them.

        A name that both the rule and the model define means what the rule says: it was written against that.
        """
        read = all_needs(self.policy, held).factors
        every = [spec for each in (*self.feature_sets, *model) for spec in each.factor]
        found = {spec.name: spec for spec in reversed(every)}
        return [found[name] for name in read if name in found]
