"""A small panel that all tests of picking share."""

from __future__ import annotations

import numpy as np
import pytest

from bullbear.data.companies import Panel, panel_from


def made(seed: int = 0, sessions: int = 420, companies: int = 12) -> Panel:
    """Companies with gaps, a late listing, a death, splits and dividends; opens differ from the closes before."""
    rng = np.random.default_rng(seed)
    split, dividend = np.ones((sessions, companies)), np.zeros((sessions, companies))
    split[200, 1], split[300, 2], split[310, 3] = 2.0, 0.1, 3.0
    dividend[100::63, 4] = 0.4
    close = 50 * np.cumprod((1 + rng.normal(0.0005, 0.02, (sessions, companies))) / split, axis=0)
    close[:60, 5] = np.nan
    close[330:, 6] = np.nan
    close[rng.random(close.shape) < 0.01] = np.nan
    close[150:190, 7] = np.nan
    opens = close * (1 + rng.normal(0.0, 0.01, close.shape))
    return panel_from(close, open=opens, split=split, dividend=dividend, volume=rng.lognormal(12, 0.5, close.shape))


@pytest.fixture(scope="session")
def panel() -> Panel:
    """See `made`."""
    return made()
