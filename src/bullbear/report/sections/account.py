"""The policy over past forecasts: equity and drawdown against baselines, months, figures and trades with reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.report.charts import PER_CENT, Chart, Hundredths
from bullbear.report.palette import role
from bullbear.report.section import Block, Details, Heading, Section, Text
from bullbear.report.tables import Table, number
from bullbear.report.trades import Trade, hover_text
from bullbear.report.words import UNKNOWN, account_name, day, per_cent, sentence
from bullbear.wording import MONTHS

POLICY, HOLD, CASH = "policy", "buy_and_hold", "CASH"
LAST_TRADES = 25
_COLOURS = {POLICY: "forecast", HOLD: "grey"}
_OTHERS = ("green", "purple", "yellow", "sky", "bear")
_MOST_HUNDREDTHS = 655.0
_STRONG = 0.08
"""A month whose shade is the deepest; a year's is three times that."""


@dataclass(frozen=True)
class TestedPolicy:
    """The policy over past forecasts, beside its baselines.

    `equity` by session: `policy` and one column a baseline, all from 1. `weights` by session: a column a ticker, and
    CASH. `figures` are rows of `decide.performance`. `against` holds the policy's Sharpe ratio less that of a baseline,
    with the ends of its 90 % interval. `profit` is its profit by source, as a share of the starting equity: overnight,
    within sessions (None where there is no such difference) and in all; the last row is the total.
    """

    ticker: str
    policy: str
    model: str
    equity: pd.DataFrame
    weights: pd.DataFrame
    trades: tuple[Trade, ...]
    figures: pd.DataFrame
    against: Mapping[str, tuple[float, float, float]]
    profit: tuple[tuple[str, float | None, float | None, float], ...]


def account_section(tested: TestedPolicy) -> Section:
    """The section; the baselines' names are those of `bullbear backtest`."""
    equity = tested.equity
    blocks: list[Block] = [
        Text(_summary(tested), "lead"),
        Text(
            f'The policy "{tested.policy.replace("_", " ")}" trades the forecasts of {tested.model} as they were made '
            "on each day, at the next open and after costs. It was written with this past in view: expect less of it "
            "in the future."
        ),
        _chart(tested),
    ]
    blocks += [Text(_compared(name, found)) for name, found in tested.against.items()]
    if len(tested.figures):
        blocks.append(_figures(tested.figures))
    blocks.append(Details("Profit by source", [_profit(tested)]))
    blocks += [Heading("Return by month"), _months("The policy", equity[POLICY])]
    if HOLD in equity:
        blocks.append(_months(f"Buy and hold {tested.ticker}", equity[HOLD]))
    blocks.append(Heading("Trades and their reasons"))
    if not tested.trades:
        blocks.append(Text("The policy has not traded."))
        return Section("account", "What the policy would have earned", blocks, "Backtest")
    newest = tested.trades[::-1]
    blocks.append(_trades(newest[:5], f"The last of {len(tested.trades):,} trades, the newest first"))
    if len(newest) > 5:
        older = newest[5:LAST_TRADES]
        blocks.append(Details(f"{len(older)} trades before these", [_trades(older, "Earlier trades")]))
    return Section("account", "What the policy would have earned", blocks, "Backtest")


def _summary(tested: TestedPolicy) -> str:
    equity = tested.equity
    first, last = (pd.Timestamp(equity.index[place]) for place in (0, -1))
    said = f"From {day(first)} to {day(last)} the policy made 100 into {100.0 * equity[POLICY].iloc[-1]:.0f}"
    fall = f"its maximum drawdown was {per_cent(_drawdown(equity[POLICY]).min())}"
    if HOLD not in equity:
        return f"{said}; {fall}."
    held = f"buy and hold made it {100.0 * equity[HOLD].iloc[-1]:.0f}"
    return f"{said}, {held}; {fall}, against {per_cent(_drawdown(equity[HOLD]).min())}."


def _compared(baseline: str, found: tuple[float, float, float]) -> str:
    difference, low, high = found
    rival = f"{'' if baseline == HOLD else 'the '}{account_name(baseline)}"
    if math.isnan(difference + low + high):
        return f"The Sharpe ratios of the policy and of {rival} cannot be compared."
    shown = "more than luck explains" if low > 0 or high < 0 else "luck may explain the difference"
    return (
        f"Its Sharpe ratio, the excess return per unit of risk, is {abs(difference):.2f} "
        f"{'above' if difference >= 0 else 'below'} that of {rival} (90 % interval {low:+.2f} to "
        f"{high:+.2f}): {shown}."
    )


def _drawdown(equity: pd.Series) -> pd.Series:
    return equity / equity.cummax() - 1.0


def _chart(tested: TestedPolicy) -> Chart:
    equity, sessions = tested.equity, pd.DatetimeIndex(tested.equity.index)
    traces: list[dict[str, Any]] = []
    for place, (name, values) in enumerate(sorted(equity.items(), key=lambda each: each[0] not in _COLOURS)):
        colour = _COLOURS.get(str(name), _OTHERS[place % len(_OTHERS)])
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": account_name(str(name)), "legendgroup": name, "x": sessions,
                "y": scaled(values), "line": {"color": role(colour), "width": 2.2 if name == POLICY else 1.3},
                "hovertemplate": "%{y:.1f}",
                **({} if name in _COLOURS else {"visible": "legendonly"}),
            }
        )  # fmt: skip
    traces += [
        {
            "type": "scatter", "mode": "lines", "name": f"{account_name(name)}, below its high", "legendgroup": name,
            "showlegend": False, "x": sessions, "y": 100.0 * _drawdown(equity[name]).to_numpy(), "yaxis": "y2",
            "line": {"color": role(_COLOURS[name]), "width": 1.2}, "hovertemplate": "%{y:.1f} %",
            **({"fill": "tozeroy", "fillcolor": role(_COLOURS[name], 0.15)} if name == POLICY else {}),
        }
        for name in (HOLD, POLICY)
        if name in equity
    ]  # fmt: skip
    held = tested.weights.drop(columns=CASH, errors="ignore")
    for ticker, weights in held.items():
        if not (weights > 0.005).any():
            continue
        colour = "bull" if ticker == tested.ticker else "bear"
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": f"{ticker}, weight", "showlegend": False, "x": sessions,
                "y": Hundredths(100.0 * weights.clip(lower=0.0).to_numpy()), "yaxis": "y3",
                "line": {"color": role(colour), "width": 1},
                "fill": "tozeroy", "fillcolor": role(colour, 0.2), "hovertemplate": "%{y:.0f} %",
            }
        )  # fmt: skip
    traces += _markers(tested)
    layout = {
        "xaxis": {"type": "date", "anchor": "y3", "hoverformat": "%a %-d %b %Y"},
        "yaxis": {"type": "log", "domain": [0.5, 1.0], "nticks": 6, "title": {"text": "growth of 100"}},
        "yaxis2": {"domain": [0.25, 0.46], "nticks": 4, "title": {"text": "below high"}, **PER_CENT},
        "yaxis3": {"domain": [0.0, 0.21], "nticks": 3, "rangemode": "tozero", "title": {"text": "held"}, **PER_CENT},
    }
    return Chart(
        "equity",
        "Growth of 100, fall below the last high, and what is held",
        {"data": traces, "layout": layout},
        "Triangles mark the policy's trades: up where it bought, down where it sold; hover for the reasons. Baselines "
        "other than buy and hold are shown by a click on their names.",
        f"Lines by day: {_summary(tested)}",
        height=620,
        period="All",
    )


def scaled(equity: pd.Series) -> Hundredths | np.ndarray:
    """Growth of 100, in half the bytes where that holds it."""
    values = 100.0 * equity.to_numpy(dtype=np.float64)
    return Hundredths(values) if values.max() < _MOST_HUNDREDTHS else values


def _markers(tested: TestedPolicy) -> list[dict[str, Any]]:
    """The trades on the policy's line; on a day on which several sleeves traded, all in one text."""
    by_day: dict[tuple[pd.Timestamp, bool], list[str]] = {}
    for trade in tested.trades:
        by_day.setdefault((trade.executed_on, trade.bought), []).append(hover_text(trade.sentence, trade.reasons))
    equity, found = tested.equity[POLICY], []
    for bought, name, symbol, colour in (
        (True, "bought", "triangle-up", "green"),
        (False, "sold", "triangle-down", "bear"),
    ):
        marked = {at: said for (at, each), said in by_day.items() if each is bought and at in equity.index}
        if not marked:
            continue
        sessions = pd.DatetimeIndex(list(marked))
        found.append(
            {
                "type": "scatter", "mode": "markers", "name": name, "x": sessions,
                "y": 100.0 * equity.loc[sessions].to_numpy(), "text": ["<br>".join(said) for said in marked.values()],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"symbol": symbol, "size": 7, "color": role(colour)},
            }
        )  # fmt: skip
    return found


def _trades(trades: Sequence[Trade], caption: str) -> Table:
    return Table(
        caption,
        ("executed", "agent", "trade", "reasons"),
        tuple(
            (
                day(trade.executed_on),
                trade.sleeve.capitalize(),
                trade.sentence,
                " ".join(map(sentence, trade.reasons)) or UNKNOWN,
            )
            for trade in trades
        ),
        stack=True,
        left=(0, 1, 2, 3),
    )


def _months(name: str, equity: pd.Series) -> Table:
    found = monthly_returns(equity)
    rows, tones = [], []
    for year, values in found.iterrows():
        cells = [(values[month], _STRONG) for month in range(1, 13)] + [(values["year"], 3.0 * _STRONG)]
        rows.append(
            (str(year), *("" if math.isnan(value) else f"{round(100.0 * value, 1) + 0.0:+.1f}" for value, _ in cells))
        )
        tones.append((None, *(None if math.isnan(value) else value / most for value, most in cells)))
    last = pd.Timestamp(equity.index[-1])
    return Table(
        f"{name}, per cent; the first and the last month may be parts, up to {day(last)}",
        ("year", *MONTHS, "year"),
        tuple(rows),
        tuple(tones),
    )


def monthly_returns(equity: pd.Series) -> pd.DataFrame:
    """Returns by year and month, and of the `year`, the newest year first; the first counts from the first close.

    Example
    -------
    >>> days = pd.DatetimeIndex(["2019-11-04", "2019-11-29", "2019-12-31", "2020-01-31"])
    >>> monthly_returns(pd.Series([1.0, 1.1, 1.1, 1.21], index=days))[[1, 11, 12, "year"]].round(2).to_numpy()
    array([[0.1, nan, nan, 0.1],
           [nan, 0.1, 0. , 0.1]])
    """
    index = pd.DatetimeIndex(equity.index)
    by_month = _steps(equity, pd.Series(index.year * 12 + index.month - 1, index=index))
    by_year = _steps(equity, pd.Series(index.year, index=index))
    table = pd.DataFrame(np.nan, index=pd.Index(sorted(by_year.index, reverse=True), name="year"), columns=range(1, 13))
    for month, value in zip(by_month.index.to_numpy(dtype=int).tolist(), by_month, strict=True):
        table.loc[month // 12, month % 12 + 1] = value
    return table.assign(year=by_year)


def _steps(equity: pd.Series, period: pd.Series) -> pd.Series:
    last = equity.groupby(period).last()
    before = last.shift(1)
    before.iloc[0] = equity.iloc[0]
    return last / before - 1.0


def _figures(figures: pd.DataFrame) -> Table:
    rows = [
        (
            account_name(str(name)),
            per_cent(row["cagr"], 1, signed=True),
            number(row["sharpe"]),
            per_cent(row["volatility"], 1),
            per_cent(row["max_drawdown"]),
            f"{row['drawdown_sessions']:,.0f} sessions",
            f"{row['turnover']:.1f}",
            f"{row['trades']:,.0f}",
        )
        for name, row in figures.to_dict("index").items()
    ]
    return Table(
        "A year, after costs; Sharpe ratios are in excess of cash",
        (
            "account",
            "return",
            "Sharpe ratio",
            "volatility",
            "maximum drawdown",
            "longest fall",
            "turnover",
            "trades",
        ),
        tuple(rows),
    )


def _profit(tested: TestedPolicy) -> Table:
    rows = [
        (source, *("" if value is None else per_cent(value, 1, signed=True) for value in values))
        for source, *values in tested.profit
    ]
    caption = "The policy's profit by source, of the starting equity; the rows add up to the total"
    return Table(caption, ("source", "overnight", "within sessions", "total"), tuple(rows))
