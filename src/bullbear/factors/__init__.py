"""The factor library: registered functions, feature sets that use them, and the engine that respects time."""

from bullbear.factors import (  # each import registers a family
    absorption,
    macro,
    macro_releases,
    positioning,
    sectors,
    short_interest_index,
)
from bullbear.factors.feature_sets import load
from bullbear.factors.matrix import compute
from bullbear.factors.registry import Factor, factor, registered

__all__ = ["Factor", "compute", "factor", "load", "registered"]
