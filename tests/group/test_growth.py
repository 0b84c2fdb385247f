"""Growth of each company: who counts for the averages."""

from __future__ import annotations

import numpy as np
import pytest

from bullbear.data.companies import panel_from
from bullbear.group.growth import company_growth
from bullbear.group.returns import GAP

SESSIONS = 63


@pytest.mark.parametrize(("silent", "counts"), [(0, True), (GAP, True), (GAP + 1, False), (12, False)])
def test_who_stopped_trading_counts_neither_for_price_nor_for_volume(silent: int, counts: bool) -> None:
    length = 2 * SESSIONS + 10
    traded = np.arange(length) < length - silent
    close = np.where(traded, np.linspace(10.0, 12.0, length), np.nan)
    volume = np.where(traded, np.where(np.arange(length) < length - SESSIONS, 100.0, 150.0), np.nan)
    found = company_growth(panel_from(close, volume=volume), SESSIONS)
    assert np.isfinite(found.price[0]) == counts
    assert np.isfinite(found.volume[0]) == counts
    if counts:
        assert found.volume[0] == pytest.approx(0.5)
