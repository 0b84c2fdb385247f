"""Statistics that evaluation, event odds and learning share: what overlapping and persistent labels are worth."""

from bullbear.statistics.overlap import independent_number, rows_per_label
from bullbear.statistics.persistence import variance_inflation

__all__ = ["independent_number", "rows_per_label", "variance_inflation"]
