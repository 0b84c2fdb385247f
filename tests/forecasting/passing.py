"""The gate as most of its tests ask it: a verdict that passes, or the refusal."""

from __future__ import annotations

from typing import Any

from bullbear.forecasting.forecast_record import Record
from bullbear.forecasting.gate import judge
from bullbear.forecasting.verdict import Verdict


def check(run: Record, champion: Record | None, **options: Any) -> Verdict:
    """The verdict on a run that passes; GateError names the test that it failed first, and by how much."""
    verdict = judge(run, champion, **options)
    if (refusal := verdict.refusal()) is not None:
        raise refusal
    return verdict
