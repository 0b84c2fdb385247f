"""The edge: one HTML file that tells what the models are worth and what today's forecast says.

matplotlib is imported by `plots` only, and that when a report is written, not when this package is imported.
"""

from bullbear.report.page import write_report
from bullbear.report.tables import ModelResult

__all__ = ["ModelResult", "write_report"]
