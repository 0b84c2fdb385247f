"""A close of the two agents with everything else unknown, and rules in round numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from bullbear.decide.agents.inputs import Fund, Funds, Inputs
from bullbear.decide.agents.parameters import (
    BearTable,
    BullTable,
    OverlayTable,
    ReversalTable,
    StopsTable,
    TrendTable,
)
from bullbear.decide.agents.rules import Rules

BLANK = dict.fromkeys(Inputs._fields[:-1], math.nan)
USUAL = {
    "atr": 2.0,
    "p_up": 0.6,
    "p_up_base": 0.6,
    "score_up": 0.2533,
    "score_up_base": 0.2533,
    "p_dip": 0.15,
    "p_dip_base": 0.15,
    "volatility": 0.15,
    "volatility_forecast": 0.15,
    "horizon": 1 / 12,
    "overlay_multiple": 10.0,
    "base_held": 0.0,
    "overlay_held": 0.0,
    "overlay_stopped": False,
}
TABLES = {
    "trend": TrendTable,
    "reversal": ReversalTable,
    "bull": BullTable,
    "bear": BearTable,
    "overlay": OverlayTable,
    "stops": StopsTable,
}
# Written out here, so that another packaged definition changes no expectation.
ROUND = {
    "trend": {
        "breach_atr": 0.5,
        "breach_sessions": 2,
        "near_atr": 1.0,
        "hysteresis_atr": 0.5,
        "average_band": 0.01,
        "confirm_sessions": 5,
        "confirm_atr": 3.0,
        "short_interest_rise": 0.05,
        "short_volume_score": 1.0,
        "sector_weakness": 0.5,
    },
    "reversal": {
        "oversold": 30.0,
        "rsi_hysteresis": 5.0,
        "recovered": 50.0,
        "heavy_volume": 2.0,
        "dry_volume": 0.8,
        "pause_sessions": 3,
        "calm_sessions": 6,
        "rebound_atr": 3.0,
        "reclaim_sessions": 2,
        "glide_sessions": 4,
    },
    "bull": {"target_volatility": 0.15, "max_weight": 1.0, "smoothing_sessions": 1, "decline_share": 0.5, "band": 0.05},
    "bear": {
        "exposure": 0.6,
        "max_exposure": 0.6,
        "max_weight": 0.3,
        "depth_atr": 3.0,
        "depth_floor": 0.5,
        "target_volatility": 0.15,
        "dip_power": 0.5,
        "down_power": 0.5,
        "outlook_cap": 2.0,
        "activate": 1.0,
        "deactivate": 0.8,
        "shares": (0.4, 0.7, 1.0),
        "rebounds": (1 / 3, 2 / 3),
        "rebound_atr": 1.0,
        "band": 0.0,
    },
    "overlay": {"share": 0.25, "max_weight": 0.1, "target_atr": 3.0, "sessions": 5, "band": 0.0},
    "stops": {"bear_atr": 4.0, "overlay_atr": 2.0, "narrowest": 0.75, "widest": 1.5},
}


@pytest.fixture(scope="session")
def rules() -> Callable[..., Rules]:
    """Rules in round numbers, some of a table changed: `rules(bear={"tiers": False})`."""

    def build(forecast: bool = True, **changes: dict) -> Rules:
        tables = {name: table(**{**ROUND[name], **changes.get(name, {})}).rules for name, table in TABLES.items()}
        return Rules(forecast, **tables)

    return build


@pytest.fixture(scope="session")
def close() -> Callable[..., Inputs]:
    """A close with all else as usual or unknown; `fund` is the close of the only inverse fund, a -2x with ATR 1."""

    def build(price: float, fund: float = 50.0, held: float = 0.0, stopped: bool = False, **changes) -> Inputs:
        none = Fund(math.nan, math.nan, 0.0, 0.0, 0.0, False)
        bears = Funds(Fund(fund, 1.0, -2.0, 0.0095, held, stopped), none, none)
        return Inputs(**{**BLANK, **USUAL, "close": price, "bears": bears, **changes})

    return build
