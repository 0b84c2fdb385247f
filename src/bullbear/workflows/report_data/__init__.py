"""What the sections of the report show below the forecast, read as it was known when that was decided."""

from bullbear.workflows.report_data.contents import contents_of

__all__ = ["contents_of"]
