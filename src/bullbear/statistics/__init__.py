"""Statistics that evaluation, event odds and learning share: what overlapping labels are worth."""

from bullbear.statistics.overlap import independent_number, rows_per_label

__all__ = ["independent_number", "rows_per_label"]
