"""The HTML report and the charts: the skill of the models and today's forecast.

matplotlib is imported by `plots` only, when a report is written.
"""

from bullbear.report.model_page import write_report
from bullbear.report.tables import ModelResult

__all__ = ["ModelResult", "write_report"]
