"""Bars and dividends of the simulated funds, sectors and indices.

A fund's return depends on IWM's total return, the tide up to the previous session (cyclical sectors lead, defensive
ones lag) and its own noise. A session's log return splits into a gap and a day as a Brownian path would: with
`q = OVERNIGHT` and `z` normal, `gap = q r + sqrt(q (1 - q)) sigma z`. High and low are the extremes of a Brownian
bridge from open to close, so that `low <= open, close <= high` holds by construction.

Prices follow Yahoo's convention. On an ex-date the close falls by the dividend `d`, `close[t] = (close[t-1] - d[t])
exp(r[t])`, and `adj_close[t] = close[t] * product over later ex-dates s of (1 - d[s] / close[s-1])`: its returns are
the total returns and it equals the close on the last session. A leveraged fund makes `k` times IWM's simple total
return less a daily fee, and is anchored at its last close as a split-adjusted series is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.data.simulated_process import Floats, Path, stream

OVERNIGHT = 0.3
FEE = 0.0095 / 252.0
# Only a fall of 32 % in one session would reach this floor of a 3x fund.
WORST_DAY = -0.95
TYPICAL_VOLATILITY = 0.0138


@dataclass(frozen=True)
class Fund:
    """How a fund follows IWM: beta, own daily volatility, tilt to the tide, annual drift and yield, price, volume.

    `rates` is the typical daily volatility of what yields and spreads add to the return of a bond fund.
    """

    beta: float
    own: float
    tilt: float = 0.0
    drift: float = 0.0
    dividend_yield: float = 0.0
    price: float = 30.0
    volume: float = 5e6
    rates: float = 0.0


@dataclass(frozen=True)
class Leverage:
    """A fund with `multiple` times IWM's daily return, its last close and typical volume."""

    multiple: float
    last_close: float
    volume: float


FUNDS = {
    "IWM": Fund(1.00, 0.0, 0.0, 0.0, 0.013, 40.0, 25e6),
    "SPY": Fund(0.78, 0.0042, -0.00010, 0.01, 0.018, 100.0, 85e6),
    "QQQ": Fund(0.88, 0.0075, 0.00005, 0.02, 0.008, 60.0, 33e6),
    "IWN": Fund(0.97, 0.0032, 0.00010, 0.0, 0.018, 45.0, 1.5e6),
    "IWO": Fund(1.04, 0.0036, -0.00010, -0.005, 0.007, 50.0, 1.2e6),
    "XLE": Fund(0.72, 0.0110, 0.00010, 0.01, 0.022, 27.0, 15e6),
    "XLF": Fund(0.92, 0.0070, 0.00030, -0.01, 0.018, 12.0, 50e6),
    "XLI": Fund(0.80, 0.0050, 0.00025, 0.01, 0.018, 25.0, 11e6),
    "XLK": Fund(0.86, 0.0075, 0.00015, 0.02, 0.010, 30.0, 12e6),
    "XLV": Fund(0.56, 0.0058, -0.00025, 0.03, 0.016, 28.0, 9e6),
    "XLP": Fund(0.44, 0.0052, -0.00040, 0.03, 0.025, 23.0, 11e6),
    "XLU": Fund(0.42, 0.0078, -0.00040, 0.03, 0.033, 24.0, 15e6),
    "XLB": Fund(0.84, 0.0070, 0.00020, 0.0, 0.019, 22.0, 6e6),
    "XLY": Fund(0.85, 0.0055, 0.00035, 0.01, 0.012, 26.0, 5e6),
    "KRE": Fund(0.98, 0.0095, 0.00030, -0.02, 0.022, 30.0, 7e6),
    "GLD": Fund(0.02, 0.0100, -0.00010, 0.05, 0.0, 45.0, 8e6),
}
BONDS = {
    "TLT": Fund(0.0, 0.0015, 0.0, 0.0, 0.026, 85.0, 9e6, 0.0078),
    "LQD": Fund(0.03, 0.0012, 0.0, 0.0, 0.034, 100.0, 7e6, 0.0040),
    "HYG": Fund(0.22, 0.0020, 0.0, 0.0, 0.055, 90.0, 15e6, 0.0040),
}
LEVERAGED = {
    "RWM": Leverage(-1.0, 40.0, 0.6e6),
    "TWM": Leverage(-2.0, 15.0, 0.3e6),
    "SRTY": Leverage(-3.0, 20.0, 0.8e6),
    "UWM": Leverage(2.0, 65.0, 0.9e6),
    "TNA": Leverage(3.0, 60.0, 7e6),
}


def bars(
    path: Path, sessions: pd.DatetimeIndex, seed: int, bond_returns: dict[str, Floats]
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Bars and dividends of every fund and of ^RUT.

    Parameters
    ----------
    bond_returns
        The part of the bond funds' log returns that yields and spreads explain, each of shape (n,).

    Returns
    -------
    Two dicts by ticker: `date, open, high, low, close, adj_close, volume` and `date, amount`.
    """
    n = len(sessions)
    scale = np.sqrt(path.volatility / TYPICAL_VOLATILITY)
    spread = float(np.sqrt(OVERNIGHT * (1 - OVERNIGHT)))
    gap = OVERNIGHT * path.returns + spread * path.volatility * _normal(seed, "IWM gap", n)
    before = np.concatenate([[0.0], path.tide[:-1]])
    prices: dict[str, pd.DataFrame] = {}
    dividends: dict[str, pd.DataFrame] = {}
    for ticker, fund in (FUNDS | BONDS).items():
        own = fund.own * scale * _normal(seed, f"{ticker} own", n)
        own[0] = 0.0
        own += bond_returns.get(ticker, 0.0)
        own_volatility = np.hypot(fund.own * scale, fund.rates)
        returns = fund.beta * path.returns + own + fund.drift / 252.0 + fund.tilt * before
        own_gap = OVERNIGHT * own + spread * own_volatility * _normal(seed, f"{ticker} gap", n)
        volatility = np.hypot(fund.beta * path.volatility, own_volatility)
        moves = _Moves(returns, fund.beta * gap + own_gap, volatility, path.volatility)
        prices[ticker], paid = _fund(seed, ticker, fund, sessions, moves)
        if len(paid):
            dividends[ticker] = paid
    for ticker, leverage in LEVERAGED.items():
        prices[ticker] = _leveraged(seed, ticker, leverage, prices["IWM"], dividends["IWM"])
    prices["^RUT"] = _price_index(prices["IWM"])
    return prices, dividends


def volatility_index(level: Floats, sessions: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """Bars of a volatility index, without volume."""
    n = len(sessions)
    previous = np.concatenate([[level[0]], level[:-1]])
    opening = np.sqrt(previous * level) * np.exp(0.012 * _normal(seed, "^VIX gap", n))
    reach = 0.02 * np.abs(stream(seed, "^VIX range").standard_normal((n, 2)))
    high = np.maximum(opening, level) * np.exp(reach[:, 0])
    low = np.minimum(opening, level) * np.exp(-reach[:, 1])
    return _frame(sessions, [np.round(v, 2) for v in (opening, high, low, level, level)], np.full(n, np.nan))


def significant(values: Floats, digits: int = 8) -> Floats:
    """Round to significant digits, for short CSV cells."""
    with np.errstate(divide="ignore"):
        power = np.floor(np.log10(np.abs(values)))
    scale: Floats = 10.0 ** (digits - 1 - np.where(np.isfinite(power), power, 0.0))
    return np.asarray(np.round(values * scale) / scale, dtype=np.float64)


@dataclass(frozen=True)
class _Moves:
    """Per session: log total return, its overnight part, the fund's volatility and the market's."""

    returns: Floats
    gap: Floats
    volatility: Floats
    market_volatility: Floats


def _fund(
    seed: int, ticker: str, fund: Fund, sessions: pd.DatetimeIndex, moves: _Moves
) -> tuple[pd.DataFrame, pd.DataFrame]:
    share = np.where(_ex_dates(sessions), fund.dividend_yield / 4.0, 0.0)
    close = np.asarray(fund.price * np.cumprod((1.0 - share) * np.exp(moves.returns)), dtype=np.float64)
    previous = np.concatenate([[fund.price], close[:-1]])
    opening = previous * (1.0 - share) * np.exp(moves.gap)
    high, low = _extremes(seed, ticker, opening, close, float(np.sqrt(1 - OVERNIGHT)) * moves.volatility)
    later = np.concatenate([np.cumprod((1.0 - share)[::-1])[::-1][1:], [1.0]])
    activity = np.abs(moves.returns) / moves.volatility
    volume = _volume(seed, ticker, fund.volume, activity, moves.market_volatility)
    prices = [significant(v) for v in (opening, high, low, close, close * later)]
    paid = share > 0
    amounts = pd.DataFrame({"date": sessions[paid], "amount": significant((share * previous)[paid])})
    return _frame(sessions, prices, volume), amounts


def _leveraged(seed: int, ticker: str, leverage: Leverage, iwm: pd.DataFrame, dividends: pd.DataFrame) -> pd.DataFrame:
    sessions = pd.DatetimeIndex(iwm["date"])
    paid = pd.Series(dividends["amount"].to_numpy(), index=dividends["date"]).reindex(sessions).fillna(0.0).to_numpy()
    close = iwm["close"].to_numpy()
    base = np.concatenate([[close[0]], close[:-1]]) - paid

    def growth(column: str) -> Floats:
        made = leverage.multiple * (iwm[column].to_numpy() / base - 1.0) - FEE
        return np.asarray(1.0 + np.maximum(made, WORST_DAY), dtype=np.float64)

    wealth = np.cumprod(growth("close"))
    previous = leverage.last_close / wealth[-1] * np.concatenate([[1.0], wealth[:-1]])
    top, bottom = ("high", "low") if leverage.multiple > 0 else ("low", "high")
    opening, high, low, last = (significant(previous * growth(c), 10) for c in ("open", top, bottom, "close"))
    activity = np.abs(np.log(growth("close"))) / (abs(leverage.multiple) * TYPICAL_VOLATILITY)
    volume = _volume(seed, ticker, leverage.volume, activity, np.full(len(sessions), TYPICAL_VOLATILITY))
    return _frame(sessions, [opening, high, low, last, last], volume)


def _price_index(iwm: pd.DataFrame) -> pd.DataFrame:
    """^RUT: IWM's price times twelve; the fund's dividend falls out of the index as it falls out of the fund."""
    columns = [significant(12.0 * iwm[c].to_numpy(), 8) for c in ("open", "high", "low", "close", "close")]
    return _frame(pd.DatetimeIndex(iwm["date"]), columns, np.full(len(iwm), np.nan))


def _extremes(seed: int, ticker: str, opening: Floats, close: Floats, volatility: Floats) -> tuple[Floats, Floats]:
    # The maximum of a Brownian bridge from a to b with variance s2 is (a + b + sqrt((b - a)**2 - 2 s2 log U)) / 2.
    a, b = np.log(opening), np.log(close)
    u = 1.0 - stream(seed, f"{ticker} range").random((len(close), 2))
    reach = np.sqrt((b - a)[:, None] ** 2 - 2.0 * volatility[:, None] ** 2 * np.log(u))
    high = np.exp((a + b + reach[:, 0]) / 2.0)
    low = np.exp((a + b - reach[:, 1]) / 2.0)
    # log and exp may lose the last bit when the reach is nil.
    return np.maximum(high, np.maximum(opening, close)), np.minimum(low, np.minimum(opening, close))


def _volume(seed: int, ticker: str, typical: float, activity: Floats, volatility: Floats) -> Floats:
    noise = 0.25 * _normal(seed, f"{ticker} volume", len(activity))
    logs = 0.35 * (activity - 0.8) + 0.5 * np.log(volatility / TYPICAL_VOLATILITY) + noise
    return np.asarray(np.round(typical * np.exp(logs), -2), dtype=np.float64)


def _ex_dates(sessions: pd.DatetimeIndex) -> NDArray[np.bool_]:
    """The first session on or after the 20th of March, June, September and December."""
    month, monthday = sessions.month.to_numpy(), sessions.day.to_numpy()
    late = (month % 3 == 0) & (monthday >= 20)
    first = late.copy()
    first[1:] &= ~late[:-1]
    return np.asarray(first, dtype=np.bool_)


def _frame(sessions: pd.DatetimeIndex, prices: list[Floats], volume: Floats) -> pd.DataFrame:
    columns = dict(zip(("open", "high", "low", "close", "adj_close"), prices, strict=True))
    return pd.DataFrame({"date": sessions, **columns, "volume": volume})


def _normal(seed: int, name: str, count: int) -> Floats:
    return stream(seed, name).standard_normal(count)
