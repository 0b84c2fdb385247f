"""The definitions that the package brings, by name.

A checkout is a home, too: what its user adds to `features/` or `models/` there belongs to that home alone, and is not
found from another. A new shipped definition is named here.
"""

from __future__ import annotations

FEATURES = frozenset(
    [
        "agents",
        "breadth",
        "daily_returns",
        "event_odds",
        "events",
        "jump_model",
        "levels",
        "macro",
        "odds",
        "outlook",
        "pooled",
        "positioning",
        "regime",
        "sectors",
        "sentiment",
        "short_interest",
        "states",
        "technical",
        "ten_month_average",
        "volatility",
        "volatility_term",
    ]
)
"""Feature sets, and `odds`, the file of the events."""
MODELS = frozenset(
    [
        "analogue",
        "boosted_returns",
        "breadth",
        "christoffersen_diebold",
        "climatology",
        "climatology_forgetting",
        "climatology_rolling",
        "combination",
        "combination_answers",
        "combination_forecast",
        "event_odds",
        "groups",
        "instruments",
        "jump_boosting",
        "lightgbm",
        "linear_average",
        "logistic",
        "outlook",
        "pairs",
        "picker",
        "pooled_lightgbm",
        "pooled_logistic",
        "promotion",
        "questions",
        "short_interest",
        "ten_month_average",
    ]
)
"""Models, and the files of `models/` that define none."""
POLICIES = frozenset(["band", "two_agents", "two_agents_bear"])
"""Policies."""
QUESTIONS = frozenset(["up", "fall5", "dip5", "dip8", "rally5", "move5", "vol20", "vol30"])
"""Questions of `models/questions.toml`."""
EVENTS = frozenset(
    [
        "macd_turns_positive",
        "macd_turns_negative",
        "rsi_leaves_oversold",
        "rsi_stays_oversold",
        "rsi_leaves_overbought",
        "rsi_stays_overbought",
        "momentum_turns_positive",
        "momentum_turns_negative",
        "price_above_sma_50",
        "price_below_sma_50",
        "price_above_sma_200",
        "price_below_sma_200",
        "sma_10_above_50",
        "sma_10_below_50",
        "golden_cross",
        "death_cross",
        "three_day_advance",
        "three_day_decline",
        "bollinger_at_lower",
        "bollinger_back_from_lower",
        "bollinger_at_upper",
        "bollinger_back_from_upper",
        "stochastic_enters_oversold",
        "stochastic_stays_oversold",
        "stochastic_leaves_oversold",
        "stochastic_enters_overbought",
        "stochastic_stays_overbought",
        "stochastic_leaves_overbought",
        "aroon_uptrend",
        "aroon_downtrend",
        "adx_strong_uptrend",
        "adx_strong_downtrend",
        "volume_breakout",
        "volume_breakdown",
        "support_break",
        "support_retest",
        "support_reclaim",
        "resistance_break",
        "resistance_retest",
        "failed_breakout",
        "days_to_cover_high",
        "short_interest_unusually_high",
        "short_interest_unusually_low",
    ]
)
"""Events of `features/odds.toml`."""
PAIRS = frozenset(["QQQ", "SPY", "NVDA"])
"""Pairs of `models/pairs.toml`."""
PICKERS = frozenset(["blend", "ratings", "ranker"])
"""Pickers of `models/picker.toml`."""
GROUPS = frozenset(["IWM"])
"""Groups of `models/groups.toml`."""
INSTRUMENTS = frozenset(
    [
        "IWM",
        "UWM",
        "TNA",
        "URTY",
        "RWM",
        "TWM",
        "TZA",
        "SRTY",
        "BIL",
        "IEF",
        "QQQ",
        "QLD",
        "TQQQ",
        "PSQ",
        "QID",
        "SQQQ",
        "SPY",
        "SSO",
        "UPRO",
        "SH",
        "SDS",
        "SPXU",
        "NVDA",
        "NVDL",
        "NVDS",
    ]
)
"""Tickers of `models/instruments.toml`."""

FILES = {"features": FEATURES, "models": MODELS, "models/policies": POLICIES}
"""The names of the files of each folder."""
