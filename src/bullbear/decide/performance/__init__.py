"""What accounts achieved, told so that luck can be seen: figures, their intervals, and comparisons."""

from bullbear.decide.performance.figures import Performance, excess_returns, performance, sharpe
from bullbear.decide.performance.intervals import intervals, sharpe_difference
from bullbear.decide.performance.side_by_side import POLICY, compared, comparison

__all__ = [
    "POLICY",
    "Performance",
    "compared",
    "comparison",
    "excess_returns",
    "intervals",
    "performance",
    "sharpe",
    "sharpe_difference",
]
