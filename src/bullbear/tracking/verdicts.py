"""What the gate said of a run, as a tag that the run list shows."""

from __future__ import annotations

VERDICT = "verdict"
"""The tag: `champion`, `passed`, `refused: REASON` or `not judged`."""
CHAMPION = "champion"
PASSED = "passed"
NOT_JUDGED = "not judged"
