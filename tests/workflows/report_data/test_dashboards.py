"""The percentile of a gauge, and what a home that lacks a factor shows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from bullbear.home import Home
from bullbear.workflows.report_data.dashboards import BOARDS, _defined, _percentile, dashboards


def test_ties_count_by_half() -> None:
    assert _percentile(np.array([1.0, 2.0, 2.0, 3.0]), 2.0) == pytest.approx(0.5)
    assert _percentile(np.array([1.0, 2.0, 2.0, 3.0]), 9.0) == 1.0
    assert math.isnan(_percentile(np.array([]), 1.0))


def test_every_factor_of_the_boards_is_defined_in_the_packaged_sets() -> None:

    known = _defined(Home(Path("/nowhere")))
    assert [
        shown.factor for board in BOARDS for shown in (*board.gauges, *board.bars) if shown.factor not in known
    ] == []


def test_a_factor_that_a_home_does_not_define_is_named_as_missing(home: Home) -> None:
    (home.root / "features").mkdir(exist_ok=True)
    (home.root / "features" / "macro.toml").write_text(
        'name = "macro"\nwhy = "One rate is enough."\n[[factor]]\nname = "policy_rate"\nfunction = "last_known"\n'
        'inputs = { level = "DFF" }\nwhy = "The rate of banks."\n'
    )
    last = home.store().as_of().bars("IWM")["known_at"].iloc[-1]
    macro = dashboards(home, home.store().as_of(last), "IWM")[0]
    assert [gauge.title for gauge in macro.gauges] == ["Federal funds rate"]
    assert "Yield curve, 10 years less 3 months" in macro.missing
