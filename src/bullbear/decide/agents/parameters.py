"""The tables of a `two_agents` definition: every number with its range, checked where it is written.

`models/policies/two_agents.toml` gives the reason of each value.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bullbear.decide.agents.rules import (
    BULL_RULES,
    BearRules,
    BullRules,
    OverlayRules,
    ReversalRules,
    StopRules,
    Tiers,
    TrendRules,
)
from bullbear.decide.instruments import Instrument, Tradable, exposed
from bullbear.decide.options.call_spread import CallSpreadTerms
from bullbear.definitions import Definition

_Atrs = Annotated[float, Field(gt=0, le=20)]
_Sessions = Annotated[int, Field(ge=1, le=252)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Part = Annotated[float, Field(gt=0, le=1)]


def _below_most(band: float, info: ValidationInfo) -> float:
    """A band of trading, checked against the most that can be held."""
    most = info.data.get("max_weight", 1.0)
    if band >= most:
        raise ValueError(f"a number below max_weight {most:g}: no change would ever be traded")
    return band


class TrendTable(Definition):
    """When a support counts as broken, and a decline as confirmed.

    Parameters
    ----------
    breach_atr, breach_sessions
        A break is so many closes in a row so many ATRs below the level; a reclaim is as far above it.
    near_atr, hysteresis_atr
        A level is tested, or retested, within so many ATRs of it, and left behind `hysteresis_atr` further.
    average_band
        Least distance of two averages, or of the close from its average, that counts; a fraction.
    confirm_sessions, confirm_atr
        A breakdown becomes a downtrend after so many sessions below its level and the average, or so many ATRs below.
    short_interest_rise, short_volume_score, sector_weakness
        From where on a witness confirms: log change in a month, standard score, share of the marks of weakness.
    """

    breach_atr: _Atrs = 0.5
    breach_sessions: _Sessions = 2
    near_atr: _Atrs = 1.0
    hysteresis_atr: _Atrs = 0.5
    average_band: float = Field(default=0.01, ge=0, lt=0.5)
    confirm_sessions: _Sessions = 5
    confirm_atr: _Atrs = 3.0
    short_interest_rise: float = Field(default=0.05, ge=0)
    short_volume_score: float = Field(default=1.0, ge=0)
    sector_weakness: _Share = 0.5

    @field_validator("near_atr")
    @classmethod
    def _near(cls, value: float, info: ValidationInfo) -> float:
        breach = info.data.get("breach_atr", 0.0)
        if value < breach:
            raise ValueError(
                f"a number from breach_atr {breach:g} on: a level breaks within the zone in which it is tested"
            )
        return value

    @field_validator("confirm_atr")
    @classmethod
    def _confirm(cls, value: float, info: ValidationInfo) -> float:
        breach = info.data.get("breach_atr", 0.0)
        if value <= breach:
            raise ValueError(f"a number above breach_atr {breach:g}: a break cannot confirm itself")
        return value

    @property
    def rules(self) -> TrendRules:
        """As the rule reads them."""
        return TrendRules(*(getattr(self, name) for name in TrendRules._fields))


class ReversalTable(Definition):
    """When a decline is over.

    Parameters
    ----------
    oversold, rsi_hysteresis, recovered
        RSI below `oversold`, out of it again `rsi_hysteresis` above, and recovered.
    heavy_volume, dry_volume
        Volume of a capitulation, and of a last low that nobody sold any more; ratios to the usual.
    pause_sessions, calm_sessions
        Sessions without a new low that end a capitulation, and a downtrend.
    rebound_atr
        ATRs above the low that, with a recovered RSI, make a reversal.
    reclaim_sessions
        Closes in a row above the broken level, or the average, that make one.
    glide_sessions
        Sessions over which the Bear goes and the Bull comes back.
    """

    oversold: float = Field(default=30.0, gt=0, lt=100)
    rsi_hysteresis: float = Field(default=5.0, ge=0, lt=100)
    recovered: float = Field(default=50.0, gt=0, lt=100)
    heavy_volume: float = Field(default=2.0, gt=1)
    dry_volume: float = Field(default=0.8, gt=0, lt=1)
    pause_sessions: _Sessions = 3
    calm_sessions: _Sessions = 10
    rebound_atr: _Atrs = 3.0
    reclaim_sessions: _Sessions = 2
    glide_sessions: _Sessions = 10

    @field_validator("recovered")
    @classmethod
    def _recovered(cls, value: float, info: ValidationInfo) -> float:
        left = info.data.get("oversold", 0.0) + info.data.get("rsi_hysteresis", 0.0)
        if value <= left:
            raise ValueError(f"a number above oversold + rsi_hysteresis {left:g}")
        return value

    @field_validator("calm_sessions")
    @classmethod
    def _calm(cls, value: int, info: ValidationInfo) -> int:
        pause = info.data.get("pause_sessions", 1)
        if value < pause:
            raise ValueError(
                f"a whole number from pause_sessions {pause} on: a capitulation is shorter than a downtrend"
            )
        return value

    @property
    def rules(self) -> ReversalRules:
        """As the rule reads them."""
        return ReversalRules(*(getattr(self, name) for name in ReversalRules._fields))


class BullTable(Definition):
    """The Bull's base allocation.

    Parameters
    ----------
    rule
        `volatility_target`, `mean_variance` or `constant`.
    target_volatility
        Of the base allocation, a fraction a year.
    risk_aversion
        Relative, of `mean_variance`.
    max_weight
        Fraction of equity at most.
    smoothing_sessions
        Sessions over which the allocation follows the forecast, by exponential weights; 1 follows it at once.
    decline_share
        Share of the allocation that is kept in a decline.
    band
        Changes below this are not traded; a fraction of equity.
    """

    instrument: Annotated[Tradable, exposed(1)] = Field(default="IWM", validate_default=True)
    rule: Literal["volatility_target", "mean_variance", "constant"] = "volatility_target"
    target_volatility: float = Field(default=0.15, gt=0, le=2)
    risk_aversion: float = Field(default=5.0, gt=0)
    max_weight: _Part = 1.0
    smoothing_sessions: _Sessions = 21
    decline_share: _Share = 1.0
    band: float = Field(default=0.05, ge=0, lt=1)

    @field_validator("band")
    @classmethod
    def _band(cls, value: float, info: ValidationInfo) -> float:
        return _below_most(value, info)

    @property
    def rules(self) -> BullRules:
        """As the rule reads them."""
        return BullRules(
            BULL_RULES.index(self.rule),
            self.target_volatility,
            self.risk_aversion,
            self.max_weight,
            self.smoothing_sessions,
            self.decline_share,
            self.band,
        )


class BearTable(Definition):
    """The Bear's size, tiers and funds.

    Parameters
    ----------
    instruments
        Inverse funds to choose from, one to three; none only where the Bear is not enabled.
    tiers, sizing
        Off: the whole size at the break, and a size of `exposure` whatever the break and the outlook.
    exposure, max_exposure, max_weight
        Index exposure of a full hedge in a market as usual, the most in any, and the most of equity in the fund.
    depth_atr, depth_floor
        Depth of a break from which the size is whole, and its share right at the break.
    target_volatility
        Forecast volatility up to which the size is whole, a fraction a year.
    dip_power, down_power, outlook_cap
        Powers of the odds of a dip and of a fall against their base rates, and the most that they may multiply by.
    activate, deactivate
        Danger against the usual from which a hedge is opened, and below which it is closed.
    shares
        Of the size, open in tiers 1, 2 and 3.
    rebounds, rebound_atr
        Parts of the fall that a rebound must retrace for tiers 2 and 3, and ATRs above the low for each of them.
    band
        Changes below this are not traded; a fraction of equity.
    """

    enabled: bool = True
    tiers: bool = True
    sizing: bool = True
    instruments: tuple[Annotated[Tradable, exposed(-1)], ...] = Field(
        default=("RWM", "TWM", "SRTY"), max_length=3, validate_default=True, strict=False
    )
    exposure: float = Field(default=0.5, gt=0, le=3)
    max_exposure: float = Field(default=0.6, gt=0, le=3)
    max_weight: _Part = 0.3
    depth_atr: _Atrs = 3.0
    depth_floor: _Share = 0.5
    target_volatility: float = Field(default=0.15, gt=0, le=2)
    dip_power: float = Field(default=0.5, ge=0, le=3)
    down_power: float = Field(default=0.5, ge=0, le=3)
    outlook_cap: float = Field(default=2.0, ge=1)
    activate: float = Field(default=1.0, ge=0)
    deactivate: float = Field(default=0.8, ge=0)
    shares: tuple[_Part, _Part, _Part] = Field(default=(0.4, 0.7, 1.0), strict=False)
    rebounds: tuple[_Part, _Part] = Field(default=(1 / 3, 2 / 3), strict=False)
    rebound_atr: _Atrs = 1.0
    band: float = Field(default=0.02, ge=0, lt=1)

    @field_validator("instruments")
    @classmethod
    def _different(cls, value: tuple[Instrument, ...], info: ValidationInfo) -> tuple[Instrument, ...]:
        if not value and info.data.get("enabled", True):
            raise ValueError("one to three inverse funds, or enabled = false")
        tickers = [each.ticker for each in value]
        if len(set(tickers)) < len(tickers):
            raise ValueError(f"different funds, not {', '.join(tickers)}")
        return value

    @field_validator("max_exposure")
    @classmethod
    def _most(cls, value: float, info: ValidationInfo) -> float:
        exposure = info.data.get("exposure", 0.0)
        if value < exposure:
            raise ValueError(f"a number from exposure {exposure:g} on")
        return value

    @field_validator("max_weight")
    @classmethod
    def _reachable(cls, value: float, info: ValidationInfo) -> float:
        funds, wanted = info.data.get("instruments", ()), info.data.get("exposure", 0.0)
        most = value * max((abs(fund.multiple) for fund in funds), default=0.0)
        if info.data.get("enabled", True) and funds and most < wanted:
            raise ValueError(
                f"a weight that gives the exposure {wanted:g} with one of the funds (this one gives {most:g})"
            )
        return value

    @field_validator("deactivate")
    @classmethod
    def _hysteresis(cls, value: float, info: ValidationInfo) -> float:
        activate = info.data.get("activate", 0.0)
        if value > activate:
            raise ValueError(f"a number up to activate {activate:g}: a hedge would be closed on the day it is opened")
        return value

    @field_validator("shares", "rebounds")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(a >= b for a, b in pairwise(value)):
            raise ValueError(f"numbers that rise from tier to tier, not {', '.join(f'{each:g}' for each in value)}")
        return value

    @field_validator("shares")
    @classmethod
    def _whole(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if value[-1] != 1.0:
            raise ValueError("shares that end with 1: the last tier is the whole size")
        return value

    @field_validator("band")
    @classmethod
    def _band(cls, value: float, info: ValidationInfo) -> float:
        return _below_most(value, info)

    @property
    def rules(self) -> BearRules:
        """As the rule reads them."""
        own = {name: getattr(self, name) for name in BearRules._fields if name not in ("shares", "rebounds")}
        return BearRules(**own, shares=Tiers(*self.shares), rebounds=Tiers(0.0, *self.rebounds))


class OverlayTable(Definition):
    """The Bull's overlay in a sell-off.

    Parameters
    ----------
    share, max_weight
        Its size as a share of the Bear's exposure, and the most of equity.
    target_atr, sessions
        ATRs above entry at which its profit is taken, and sessions after which it is closed.
    band
        Changes below this are not traded; a fraction of equity.
    call_spread
        The call spread that it is; None for shares. `share` and `max_weight` are then of its index exposure when it is
        opened; its premium is smaller, and all that it can lose.
    """

    enabled: bool = True
    share: _Part = 0.3
    max_weight: _Part = 0.15
    target_atr: _Atrs = 3.0
    sessions: _Sessions = 10
    band: float = Field(default=0.02, ge=0, lt=1)
    call_spread: CallSpreadTerms | None = None

    @field_validator("band")
    @classmethod
    def _band(cls, value: float, info: ValidationInfo) -> float:
        return _below_most(value, info)

    @property
    def rules(self) -> OverlayRules:
        """As the rule reads them."""
        return OverlayRules(
            self.enabled,
            self.call_spread is not None,
            self.share,
            self.max_weight,
            self.target_atr,
            self.sessions,
            self.band,
        )


class StopsTable(Definition):
    """The stops of the hedge and of the overlay, in ATRs of their own fund; 0 for none.

    Parameters
    ----------
    narrowest, widest
        Limits of the ATR against its year's mean, by which the distance is multiplied.
    """

    enabled: bool = True
    bear_atr: float = Field(default=4.0, ge=0, le=20)
    overlay_atr: float = Field(default=2.0, ge=0, le=20)
    narrowest: float = Field(default=0.75, gt=0, le=1)
    widest: float = Field(default=1.5, ge=1, le=5)

    @property
    def rules(self) -> StopRules:
        """As the rule reads them."""
        return StopRules(*(getattr(self, name) for name in StopRules._fields))


class OutlookTable(Definition):
    """Which questions give the forecasts, and how their probabilities become a volatility.

    Parameters
    ----------
    dip
        The question whose odds size the hedge.
    volatility
        Two questions on realised volatility with their thresholds, fractions a year, the lower one first.
    log_sd
        Standard deviation of the logarithm of a month's volatility around its forecast, where it cannot be read off.
    clip
        Probabilities nearer to 0 or 1 count as this near.
    """

    dip: str = "dip8"
    volatility: dict[str, Annotated[float, Field(gt=0, le=5)]] = Field(default={"vol20": 0.20, "vol30": 0.30})
    log_sd: float = Field(default=0.3, gt=0, le=2)
    clip: float = Field(default=0.02, gt=0, lt=0.5)

    @field_validator("volatility")
    @classmethod
    def _two(cls, value: dict[str, float]) -> dict[str, float]:
        levels = list(value.values())
        if len(levels) != 2 or levels[0] >= levels[1]:
            raise ValueError("two questions with their thresholds, the lower one first")
        return value
