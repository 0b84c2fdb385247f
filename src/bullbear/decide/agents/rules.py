"""The numbers of a definition as the rule reads them; `parameters.py` has their ranges, defaults and meaning."""

from __future__ import annotations

from typing import NamedTuple

VOLATILITY_TARGET, MEAN_VARIANCE, CONSTANT = 0, 1, 2
BULL_RULES = ("volatility_target", "mean_variance", "constant")


class TrendRules(NamedTuple):
    """Table `[trend]`."""

    breach_atr: float
    breach_sessions: int
    near_atr: float
    hysteresis_atr: float
    average_band: float
    confirm_sessions: int
    confirm_atr: float
    short_interest_rise: float
    short_volume_score: float
    sector_weakness: float


class ReversalRules(NamedTuple):
    """Table `[reversal]`."""

    oversold: float
    rsi_hysteresis: float
    recovered: float
    heavy_volume: float
    dry_volume: float
    pause_sessions: int
    calm_sessions: int
    rebound_atr: float
    reclaim_sessions: int
    glide_sessions: int


class BullRules(NamedTuple):
    """Table `[bull]`; `rule` is a place in `BULL_RULES`."""

    rule: int
    target_volatility: float
    risk_aversion: float
    max_weight: float
    smoothing_sessions: int
    decline_share: float
    band: float


class Tiers(NamedTuple):
    """A number of each tier."""

    first: float
    second: float
    third: float


class BearRules(NamedTuple):
    """Table `[bear]`."""

    enabled: bool
    tiers: bool
    sizing: bool
    exposure: float
    max_exposure: float
    max_weight: float
    depth_atr: float
    depth_floor: float
    target_volatility: float
    dip_power: float
    down_power: float
    outlook_cap: float
    activate: float
    deactivate: float
    shares: Tiers
    rebounds: Tiers
    rebound_atr: float
    band: float


class OverlayRules(NamedTuple):
    """Table `[overlay]`; `spread`: whether it is a call spread, or shares."""

    enabled: bool
    spread: bool
    share: float
    max_weight: float
    target_atr: float
    sessions: int
    band: float


class StopRules(NamedTuple):
    """Table `[stops]`."""

    enabled: bool
    bear_atr: float
    overlay_atr: float
    narrowest: float
    widest: float


class Rules(NamedTuple):
    """The whole definition; `forecast`: whether forecasts are read, or their base rates."""

    forecast: bool
    trend: TrendRules
    reversal: ReversalRules
    bull: BullRules
    bear: BearRules
    overlay: OverlayRules
    stops: StopRules
