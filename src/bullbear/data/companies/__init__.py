"""Companies: bars, splits, dividends, reported facts and listings of thousands of securities, point in time.

Read through `store.as_of(t).companies`; what is computed on many companies is computed on a `Panel`.
"""

from __future__ import annotations

from bullbear.data.companies.panel import Panel, panel_from

__all__ = ["Panel", "panel_from"]
