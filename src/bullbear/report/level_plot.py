"""The plot of the levels at one close.

A level's line starts at the session at which the level became known, not at its first touch, which would suggest that
the turn was foreseen. Prices are grey and levels coloured; support and resistance differ by dash, upward
and downward breaks by the direction of the marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bullbear.report.level_chart import DrawnLevel, DrawnPattern, LevelChart
from bullbear.report.plots import BLUE, GREEN, GREY, ORANGE, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PURPLE, BLACK, UP, DOWN = "#AA4499", "#111111", "#A6A6A6", "#3C3C3C"
"""The purple is Tol's: that of Okabe and Ito is too light for small text."""
_SIZE = 13.0, 8.0
_PANEL = 0.06, 0.27, 0.795, 0.64
"""Left, bottom, width and height of the prices, as shares of the picture; the labels' column is to the right."""
_LABEL = 8.0
_MOST_LABELS, _NEAREST = 24, 3
"""Labels in the column, and levels on either side of the close that have one whatever their strength."""
_COLOUR = {"support": GREEN, "resistance": ORANGE}


def level_plot(chart: LevelChart) -> bytes:
    """Prices and volume of the window, levels by strength, channel, double tops and bottoms and breaks, as a PNG."""

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("none")  # the column of labels needs axes at a known position
        left, bottom, width, height = _PANEL
        prices = figure.add_axes((left, bottom, width, height))
        volume = figure.add_axes((left, 0.125, width, bottom - 0.14), sharex=prices)
        _bars(prices, volume, chart)
        _channel(prices, chart)
        _levels(prices, chart)
        _breaks(prices, chart)
        _patterns(prices, chart)
        _frame(prices, volume, chart)
        _labels(prices, chart)
        figure.legend(*prices.get_legend_handles_labels(), loc="lower center", ncols=5, fontsize=9, columnspacing=1.6)

    return png(draw, _SIZE, chart.simulated)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Positions in [low, high] as near to the rising `wanted` ones as a least distance of `gap` allows.

    Labels that overlap are moved apart around their common middle (pooling of adjacent violators).

    Example
    -------
    >>> spread([1.0, 1.0, 5.0], 1.0, 0.0, 6.0).tolist()
    [0.5, 1.5, 5.0]
    """
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    blocks: list[tuple[float, int]] = []  # mean of wanted less what the places before need, and how many
    for place, target in enumerate(wanted):
        middle, size = target - gap * place, 1
        while blocks and blocks[-1][0] > middle:
            other, more = blocks.pop()
            middle, size = (middle * size + other * more) / (size + more), size + more
        blocks.append((middle, size))
    base = np.repeat([middle for middle, _ in blocks], [size for _, size in blocks])
    places: np.ndarray = np.clip(base, low, high - gap * (len(wanted) - 1)) + gap * np.arange(len(wanted))
    return places


def _place(chart: LevelChart, day: pd.Timestamp) -> int:
    """Position of a session on the axis; one before the window is at its left end."""
    return int(chart.sessions.searchsorted(day))


def _bars(prices: Axes, volume: Axes, chart: LevelChart) -> None:
    x = np.arange(len(chart.sessions))
    colours = np.where(chart.closes >= chart.opens, UP, DOWN).tolist()
    prices.vlines(x, chart.lows, chart.highs, color=colours, lw=0.6, zorder=2)
    bodies = np.minimum(chart.opens, chart.closes), np.maximum(chart.opens, chart.closes)
    prices.vlines(x, *bodies, color=colours, lw=1.5, zorder=2)
    volume.bar(x, np.nan_to_num(chart.volumes), color=colours, width=1.0, lw=0)


def _levels(prices: Axes, chart: LevelChart) -> None:
    strongest = max((level.strength for level in chart.levels), default=1.0)
    for kind, dash, label in (("support", "-", "support"), ("resistance", (0, (5, 2)), "resistance")):
        own = [level for level in chart.levels if level.kind == kind]
        for level in own:
            prices.hlines(
                level.price, _place(chart, level.known_from), len(chart.sessions), color=_COLOUR[kind],
                ls=dash, lw=_thickness(level, strongest), alpha=0.9, zorder=3,
            )  # fmt: skip
        touches = [(_place(chart, each.session), each.price) for level in own for each in level.touched]
        if touches:
            prices.plot([], [], color=_COLOUR[kind], ls=dash, lw=2.0, label=f"{label}: thicker is stronger")
            prices.plot(
                *zip(*touches, strict=True), "o", color=_COLOUR[kind], mfc="white", ms=3.6, mew=1.0, zorder=4,
                label=f"touches of {label}",
            )  # fmt: skip


def _thickness(level: DrawnLevel, strongest: float) -> float:
    return 0.5 + 2.5 * level.strength / strongest


def _channel(prices: Axes, chart: LevelChart) -> None:
    if chart.channel is None:
        return
    last = len(chart.sessions) - 1
    x = np.array([_place(chart, chart.channel.since), last])
    lower, upper = (line + chart.channel.slope * (x - last) for line in (chart.channel.lower, chart.channel.upper))
    prices.fill_between(x, lower, upper, color=BLUE, alpha=0.08, lw=0, zorder=1)
    prices.plot(x, lower, color=BLUE, lw=1.4, zorder=3, label="trend channel")
    prices.plot(x, upper, color=BLUE, lw=1.4, zorder=3)


def _breaks(prices: Axes, chart: LevelChart) -> None:
    for side, mark, way in (("support", "v", "down"), ("resistance", "^", "up")):
        for undone, fill, size, outcome in ((False, BLACK, 7.0, ""), (True, "white", 4.5, ", undone")):
            own = [each for each in chart.breaks if each.side == side and (each.stage == "undone") == undone]
            at = [(_place(chart, each.session), each.price) for each in own]
            if at:
                prices.plot(
                    *zip(*at, strict=True), mark, color=BLACK, mfc=fill, ms=size, mew=0.9, ls="", zorder=6,
                    label=f"break {way}{outcome}",
                )  # fmt: skip


def standing(chart: LevelChart) -> list[DrawnPattern]:
    """The double tops and bottoms that are drawn: of each kind the newest that is still open, as in the factors."""
    found: dict[str, DrawnPattern] = {}
    for each in chart.patterns:
        if each.outcome == "open":
            found.setdefault(each.kind, each)
    return list(found.values())


def _patterns(prices: Axes, chart: LevelChart) -> None:
    end = len(chart.sessions)
    for number, each in enumerate(standing(chart)):
        first, second = _place(chart, each.first), _place(chart, each.second)
        between = slice(first + 1, second)
        top = each.kind == "double top"
        middle = first + 1 + int(np.argmin(chart.lows[between]) if top else np.argmax(chart.highs[between]))
        prices.plot(
            [first, middle, second], [each.first_price, each.neckline, each.second_price],
            color=PURPLE, lw=1.6, marker="D", ms=4, zorder=5, label="_" if number else "double top or bottom",
        )  # fmt: skip
        known = _place(chart, each.known_from)
        prices.hlines(each.neckline, known, end, color=PURPLE, ls="--", lw=1.4, zorder=5)
        prices.hlines(each.target, known, end, color=PURPLE, ls=":", lw=1.8, zorder=5)


def _frame(prices: Axes, volume: Axes, chart: LevelChart) -> None:
    count = len(chart.sessions)
    heights = np.concatenate([chart.lows, chart.highs, [each.target for each in standing(chart)]])
    air = 0.03 * (heights.max() - heights.min())
    prices.set(xlim=(-2, count), ylim=(heights.min() - air, heights.max() + air))
    last = chart.sessions[-1]
    late = "" if last == chart.session else f" of {last.date()}, the last bar known"
    prices.set_title(
        f"{chart.ticker}: levels known at the close of {chart.session.date()}, {chart.close:,.2f}"
        f"{late}{'  (SIMULATED)' if chart.simulated else ''}",
        loc="left", fontsize=13, pad=22,
    )  # fmt: skip
    prices.text(
        0.0, 1.015,
        f"{count} sessions from {chart.sessions[0].date()}; dollars of that close, dividends paid since taken off; "
        "a line starts where its level became known; "
        "3\N{MULTIPLICATION SIGN}: three touches",
        transform=prices.transAxes, fontsize=9, color=GREY,
    )  # fmt: skip
    volume.set_xticks(*_months(chart.sessions))
    prices.tick_params(labelbottom=False, bottom=False, labelsize=10)
    volume.tick_params(labelsize=10)
    volume.set_ylabel("shares", fontsize=10)
    volume.yaxis.set_major_formatter(lambda value, _: f"{value / 1e6:,.3g}m" if value else "0")
    volume.locator_params(axis="y", nbins=3)


def _months(days: pd.DatetimeIndex) -> tuple[list[int], list[str]]:
    """Places of about a dozen first sessions of months and their names, the year where it is a new one."""
    months = days.to_period("M")
    starts = np.flatnonzero(months[1:] != months[:-1]) + 1
    places = starts[:: max(1, round(len(starts) / 12))].tolist()
    years = [None, *(days[place].year for place in places)]
    names = [
        f"{days[p]:%b}" if days[p].year == year else f"{days[p]:%b %Y}" for p, year in zip(places, years, strict=False)
    ]
    return places, names


def _labels(prices: Axes, chart: LevelChart) -> None:
    """Prices at the right, moved apart where they would overlap, each joined to its line."""
    labels = [(chart.close, f"{chart.close:,.2f}  close", BLACK, "bold")]
    for each in standing(chart):
        turn = each.kind.removeprefix("double ")
        labels.append((each.neckline, f"{each.neckline:,.2f}  neckline of {turn}", PURPLE, "normal"))
        labels.append((each.target, f"{each.target:,.2f}  target of {turn}", PURPLE, "normal"))
    for level in labelled(chart.levels, _MOST_LABELS - len(labels)):
        other = "support" if level.kind == "resistance" else "resistance"
        once = "" if level.turned_on is None else f"  once {other}"
        text = f"{level.price:,.2f}  {level.touches}\N{MULTIPLICATION SIGN}{once}"
        labels.append((level.price, text, _COLOUR[level.kind], "normal"))
    labels.sort(key=lambda each: each[0])
    low, high = prices.get_ylim()
    # A line of text is 1.3 of its size high; the panel has that many points.
    gap = (high - low) * 1.3 * _LABEL / (_SIZE[1] * 72.0 * _PANEL[3])
    end = len(chart.sessions)
    for (price, text, colour, weight), height in zip(
        labels, spread([each[0] for each in labels], gap, low, high), strict=True
    ):
        prices.annotate(
            text, (end, price), xytext=(1.02, (height - low) / (high - low)), textcoords="axes fraction",
            fontsize=_LABEL, color=colour, fontweight=weight, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5)},
        )  # fmt: skip


def labelled(levels: Sequence[DrawnLevel], most: int) -> list[DrawnLevel]:
    """The levels that get a label: the nearest on either side of the close, then the strongest."""
    below = sorted((each for each in levels if each.distance < 0), key=lambda each: -each.distance)
    above = sorted((each for each in levels if each.distance >= 0), key=lambda each: each.distance)
    near = [*below[:_NEAREST], *above[:_NEAREST]]
    rest = [each for each in levels if each not in near]
    return [*near, *sorted(rest, key=lambda each: -each.strength)][:most]
