"""The HTML report and the charts: today's card, the outlook and its record, and the skill of the models.

matplotlib is imported by the modules that draw PNGs only, plotly's script is read when a page is written.
"""

from bullbear.report.tables import ModelResult

__all__ = ["ModelResult"]
