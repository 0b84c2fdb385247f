"""Statistics of overlapping and persistent series, once each: what learning, evaluation, odds and decisions share.

`bullbear forecast` imports this package, so it loads numpy only; `arch` and TA-Lib are imported inside the functions
that need them.
"""

from bullbear.statistics.overlap import independent_number, rows_per_label
from bullbear.statistics.persistence import variance_inflation

__all__ = ["independent_number", "rows_per_label", "variance_inflation"]
