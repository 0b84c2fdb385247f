"""The evaluation of forecast distributions as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from bullbear.evaluate.distribution import DistributionEvaluation

_SHOWN = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles in the table, of a forecast that has more."""


def distribution_tables(found: DistributionEvaluation, *, simulated: bool = False) -> Iterator[Table]:
    """Skill, coverage and the PIT histogram of one evaluation."""
    yield _skills(found, simulated=simulated)
    if found.coverage:
        yield _coverage(found)
    yield _pit(found)


def _skills(found: DistributionEvaluation, *, simulated: bool) -> Table:
    market = " (SIMULATED)" if simulated else ""
    table = Table(
        title=f"Distribution over {found.horizon} sessions, {found.n:,} days, {found.level:.0%} intervals{market}"
    )
    for name in ("score", "forecast", "past returns", "skill"):
        table.add_column(name, justify="left" if name == "score" else "right", no_wrap=True)
    table.add_row(
        "CRPS", f"{found.crps:.4%}", f"{found.crps_climatology:.4%}",
        _interval(found.crps_skill, found.crps_skill_low, found.crps_skill_high, "+.1%"),
    )  # fmt: skip
    shown = [each for each in found.quantiles if len(found.quantiles) <= len(_SHOWN) or round(each.level, 9) in _SHOWN]
    for each in shown:
        table.add_row(
            f"pinball, {each.level:.0%} quantile", f"{each.loss:.4%}", f"{each.climatology:.4%}",
            _interval(each.skill, each.skill_low, each.skill_high, "+.1%"),
        )  # fmt: skip
    if found.volatility is not None:
        score = found.volatility
        table.add_row("log volatility, R2", "", "", _interval(score.r2, score.r2_low, score.r2_high, "+.2f"))
    return table


def _coverage(found: DistributionEvaluation) -> Table:
    table = Table(title="Coverage of the central bands")
    for name in ("band", "outcomes within"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found.coverage:
        table.add_row(f"{each.nominal:.0%}", _interval(each.share, each.low, each.high, ".1%"))
    return table


def _pit(found: DistributionEvaluation) -> Table:
    table = Table(
        title="Outcomes by their place in the forecast distribution (PIT)",
        caption=f"uniform if calibrated: p {found.pit_p_value:.2f}, overlap allowed for",
    )
    for name in ("between", "days", "share", "expected"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found.pit:
        table.add_row(
            f"{each.low:.0%} and {each.high:.0%}", f"{each.n:,}", f"{each.share:.1%}", f"{each.high - each.low:.1%}"
        )
    return table


def _interval(value: float, low: float, high: float, form: str) -> str:
    if not math.isfinite(value):
        return "undetermined"
    ends = ", ".join(format(each, form) if math.isfinite(each) else "-" for each in (low, high))
    return f"{value:{form}} [{ends}]"
