"""What a factor and its value are called in a sentence; a factor that has no words of its own goes by its name."""

from __future__ import annotations

import math

from bullbear.definitions import FactorSpec
from bullbear.factors import registered
from bullbear.wording import percent

FAMILIES = {
    "technical": "the course of prices",
    "volatility": "volatility",
    "levels": "support and resistance",
    "positioning": "short selling",
    "breadth": "the breadth of the fund's companies",
    "sentiment": "sentiment",
    "macro": "the economy",
    "sectors": "the sectors",
    "regime": "the regime",
    "own": "factors of your own",
}
_SERIES = {
    "VIXCLS": "the VIX",
    "CBOE_RVX": "the RVX",
    "CBOE_VIX3M": "the three-month VIX",
    "CBOE_VIX6M": "the six-month VIX",
    "CBOE_VIX1Y": "the one-year VIX",
}
_VOLATILITY = {"realised_volatility": "", "log_realised_volatility": "", "log_range_volatility": " by highs and lows"}
_IMPLIED = ("implied_volatility", "log_implied_volatility")
_SPANS = {1: "one session", 5: "a week", 21: "a month", 63: "a quarter", 252: "a year"}


def family_of(spec: FactorSpec) -> str:
    """The family that a factor is listed under."""
    return registered()[spec.function].family


def label_of(spec: FactorSpec, ticker: str) -> str:
    """A factor in words.

    Example
    -------
    >>> label_of(FactorSpec(name="log_vix", function="log_implied_volatility", inputs={"implied": "VIXCLS"}), "IWM")
    'the VIX'
    >>> label_of(FactorSpec(name="rsi_14", function="rsi", inputs={"bars": "IWM"}), "IWM")
    'rsi 14'
    """
    if spec.function in _IMPLIED:
        (series,) = spec.inputs_for(ticker).values()
        return _SERIES.get(series, series)
    if spec.function in _VOLATILITY:
        window = int(registered()[spec.function].settled(spec.params)["window"])
        return f"volatility of {_SPANS.get(window, f'{window} sessions')}{_VOLATILITY[spec.function]}"
    return spec.name.replace("_", " ")


def value_of(spec: FactorSpec, value: float | None) -> str:
    """A factor's value as people write it.

    Example
    -------
    >>> value_of(FactorSpec(name="log_vix", function="log_implied_volatility", inputs={"implied": "VIXCLS"}), -2.0715)
    '12.6'
    >>> value_of(FactorSpec(name="gap", function="sma_gap", inputs={"bars": "IWM"}), -0.0123)
    '-1.2 %'
    """
    if value is None or not math.isfinite(value):
        return "unknown"
    unit = registered()[spec.function].unit
    if spec.function in _IMPLIED:  # a volatility index is quoted without a sign
        return f"{100.0 * math.exp(value) if unit.startswith('log') else value:.1f}"
    if unit == "log of a fraction a year":
        return percent(math.exp(value))
    if unit in ("log return", "log change"):
        return percent(math.expm1(value), signed=True)
    if unit == "ratio - 1":
        return percent(value, signed=True)
    if unit.startswith("share") or unit == "probability":
        return percent(value, 0)
    if unit.startswith("per cent"):
        return f"{value:.1f} %"
    return f"{value:.3g}"
