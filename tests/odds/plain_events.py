"""The indicators and events once more, in plain loops over rows, straight from the definitions in the textbooks.

Slow on purpose, and written without TA-Lib, without the factor library and without the rules under test: each event is
spelled out as the condition on one row that a person would check.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

Line = list[float]
NAN = math.nan


@dataclass(frozen=True)
class Table:
    """Dividend-adjusted daily bars as plain lists."""

    day: list[str]
    high: Line
    low: Line
    close: Line
    volume: Line


def read_csv(path: Path) -> Table:
    day, high, low, close, volume = [], [], [], [], []
    with path.open() as file:
        for row in csv.DictReader(file):
            scale = float(row["adj_close"]) / float(row["close"])
            day.append(row["date"])
            high.append(float(row["high"]) * scale)
            low.append(float(row["low"]) * scale)
            close.append(float(row["adj_close"]))
            volume.append(float(row["volume"] or "nan"))
    return Table(day, high, low, close, volume)


def ema(x: Line, span: int) -> Line:
    result = [x[0]]
    for value in x[1:]:
        result.append(result[-1] + 2.0 / (span + 1.0) * (value - result[-1]))
    return result


def wilder(x: Line, window: int) -> Line:
    result = [x[0]]
    for value in x[1:]:
        result.append(result[-1] + (value - result[-1]) / window)
    return result


def sma(x: Line, window: int) -> Line:
    return [NAN if i < window - 1 else sum(x[i - window + 1 : i + 1]) / window for i in range(len(x))]


def histogram(close: Line) -> Line:
    macd = [fast - slow for fast, slow in zip(ema(close, 12), ema(close, 26), strict=True)]
    return [line - signal for line, signal in zip(macd, ema(macd, 9), strict=True)]


def rsi(close: Line, window: int = 14) -> Line:
    change = [0.0] + [b - a for a, b in pairwise(close)]
    gain = wilder([max(c, 0.0) for c in change], window)
    loss = wilder([max(-c, 0.0) for c in change], window)
    return [50.0 if up + down == 0 else 100.0 * up / (up + down) for up, down in zip(gain, loss, strict=True)]


def bands(close: Line, window: int = 20, width: float = 2.0) -> tuple[Line, Line]:
    lower, upper = [], []
    for i in range(len(close)):
        part = close[max(0, i - window + 1) : i + 1]
        middle = sum(part) / len(part)
        spread = math.sqrt(sum((value - middle) ** 2 for value in part) / len(part))
        lower.append(middle - width * spread)
        upper.append(middle + width * spread)
    return lower, upper


def stochastic(table: Table, window: int = 14, smooth: int = 3) -> Line:
    raw = []
    for i, close in enumerate(table.close):
        top, bottom = max(table.high[max(0, i - window + 1) : i + 1]), min(table.low[max(0, i - window + 1) : i + 1])
        raw.append(100.0 * (close - bottom) / (top - bottom) if top > bottom else NAN)
    return sma(raw, smooth)


def aroon(table: Table, window: int = 14) -> tuple[Line, Line]:
    up, down = [NAN] * window, [NAN] * window
    for i in range(window, len(table.close)):
        since_high = min(range(window + 1), key=lambda back: (-table.high[i - back], back))
        since_low = min(range(window + 1), key=lambda back: (table.low[i - back], back))
        up.append(100.0 * (window - since_high) / window)
        down.append(100.0 * (window - since_low) / window)
    return up, down


def adx(table: Table, window: int = 14) -> tuple[Line, Line, Line]:
    high, low, close = table.high, table.low, table.close
    plus, minus, ranges = [0.0], [0.0], [high[0] - low[0]]
    for i in range(1, len(close)):
        rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
        plus.append(rise if rise > fall and rise > 0 else 0.0)
        minus.append(fall if fall > rise and fall > 0 else 0.0)
        ranges.append(max(high[i], close[i - 1]) - min(low[i], close[i - 1]))
    smooth = [wilder(line, window) for line in (plus, minus, ranges)]
    up = [100.0 * p / r for p, r in zip(smooth[0], smooth[2], strict=True)]
    down = [100.0 * m / r for m, r in zip(smooth[1], smooth[2], strict=True)]
    strength = wilder([100.0 * abs(u - d) / (u + d) if u + d else 0.0 for u, d in zip(up, down, strict=True)], window)
    return strength, up, down


def conditions(table: Table) -> dict[str, Callable[[int], bool]]:
    """Each event as a condition on row i, i well inside the table."""
    c = table.close
    hist, r, k = histogram(c), rsi(c), stochastic(table)
    lower, upper = bands(c)
    up, down = aroon(table)
    strength, plus, minus = adx(table)
    s10, s50, s200 = sma(c, 10), sma(c, 50), sma(c, 200)

    def breakout(i: int) -> bool:
        return c[i] > max(table.high[i - 20 : i]) and table.volume[i] > 1.5 * sum(table.volume[i - 20 : i]) / 20

    def breakdown(i: int) -> bool:
        return c[i] < min(table.low[i - 20 : i]) and table.volume[i] > 1.5 * sum(table.volume[i - 20 : i]) / 20

    def uptrend(i: int) -> bool:
        return up[i] > 70 and down[i] < 30

    def downtrend(i: int) -> bool:
        return down[i] > 70 and up[i] < 30

    def strong_up(i: int) -> bool:
        return strength[i] > 25 and plus[i] > minus[i]

    def strong_down(i: int) -> bool:
        return strength[i] > 25 and minus[i] > plus[i]

    return {
        "macd_turns_positive": lambda i: hist[i - 1] <= 0 < hist[i],
        "macd_turns_negative": lambda i: hist[i - 1] >= 0 > hist[i],
        "rsi_leaves_oversold": lambda i: r[i - 1] <= 30 < r[i],
        "rsi_stays_oversold": lambda i: r[i - 3] >= 30 and r[i - 2] < 30 and r[i - 1] < 30 and r[i] < 30,
        "rsi_leaves_overbought": lambda i: r[i - 1] >= 70 > r[i],
        "rsi_stays_overbought": lambda i: r[i - 3] <= 70 and r[i - 2] > 70 and r[i - 1] > 70 and r[i] > 70,
        "momentum_turns_positive": lambda i: c[i - 1] <= c[i - 11] and c[i] > c[i - 10],
        "momentum_turns_negative": lambda i: c[i - 1] >= c[i - 11] and c[i] < c[i - 10],
        "price_above_sma_50": lambda i: c[i - 1] <= s50[i - 1] and c[i] > s50[i],
        "price_below_sma_50": lambda i: c[i - 1] >= s50[i - 1] and c[i] < s50[i],
        "price_above_sma_200": lambda i: c[i - 1] <= s200[i - 1] and c[i] > s200[i],
        "price_below_sma_200": lambda i: c[i - 1] >= s200[i - 1] and c[i] < s200[i],
        "sma_10_above_50": lambda i: s10[i - 1] <= s50[i - 1] and s10[i] > s50[i],
        "sma_10_below_50": lambda i: s10[i - 1] >= s50[i - 1] and s10[i] < s50[i],
        "golden_cross": lambda i: s50[i - 1] <= s200[i - 1] and s50[i] > s200[i],
        "death_cross": lambda i: s50[i - 1] >= s200[i - 1] and s50[i] < s200[i],
        "three_day_advance": lambda i: c[i - 3] < c[i - 2] < c[i - 1] < c[i] and not c[i - 4] < c[i - 3],
        "three_day_decline": lambda i: c[i - 3] > c[i - 2] > c[i - 1] > c[i] and not c[i - 4] > c[i - 3],
        "bollinger_at_lower": lambda i: c[i - 1] >= lower[i - 1] and c[i] < lower[i],
        "bollinger_back_from_lower": lambda i: c[i - 1] <= lower[i - 1] and c[i] > lower[i],
        "bollinger_at_upper": lambda i: c[i - 1] <= upper[i - 1] and c[i] > upper[i],
        "bollinger_back_from_upper": lambda i: c[i - 1] >= upper[i - 1] and c[i] < upper[i],
        "stochastic_enters_oversold": lambda i: k[i - 1] >= 20 > k[i],
        "stochastic_stays_oversold": lambda i: k[i - 5] >= 20 and all(k[i - back] < 20 for back in range(5)),
        "stochastic_leaves_oversold": lambda i: k[i - 1] <= 20 < k[i],
        "stochastic_enters_overbought": lambda i: k[i - 1] <= 80 < k[i],
        "stochastic_stays_overbought": lambda i: k[i - 5] <= 80 and all(k[i - back] > 80 for back in range(5)),
        "stochastic_leaves_overbought": lambda i: k[i - 1] >= 80 > k[i],
        "aroon_uptrend": lambda i: uptrend(i) and not uptrend(i - 1),
        "aroon_downtrend": lambda i: downtrend(i) and not downtrend(i - 1),
        "adx_strong_uptrend": lambda i: strong_up(i) and not strong_up(i - 1),
        "adx_strong_downtrend": lambda i: strong_down(i) and not strong_down(i - 1),
        "volume_breakout": lambda i: breakout(i) and not breakout(i - 1),
        "volume_breakdown": lambda i: breakdown(i) and not breakdown(i - 1),
    }


def plain_dates(table: Table, start: int) -> dict[str, list[str]]:
    """The days of each event from row `start` on, by which every indicator has settled."""
    return {
        name: [table.day[i] for i in range(start, len(table.day)) if happens(i)]
        for name, happens in conditions(table).items()
    }
