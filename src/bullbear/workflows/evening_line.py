"""An evening in one line, for a log or a mail's subject: what is held, what is traded, what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bullbear.forecasting.ledger import REPLAY
from bullbear.wording import percent

Document = Mapping[str, Any]


def evening_line(entry: Document, changes: Document | None, *, compared: bool = True) -> str:
    """The line of a forecast of `up`, with the `changes` of its card; without `compared` nothing is said of them.

    Example
    -------
    >>> entry = {"decided_at": "2019-12-31T21:00:00Z", "ticker": "IWM", "kind": "live", "data": {},
    ...          "positions": {"IWM": 0.68, "CASH": 0.32}, "account": {"trades": []},
    ...          "distribution": {"volatility": 0.13, "volatility_climatology": 0.19}}
    >>> evening_line(entry, {"lines": []})
    '2019-12-31 IWM: hold 68 % IWM, no trade; volatility 13 % (usually 19 %); nothing changed'
    """
    parts = [f"{_held(entry['positions'])}, {_trades(entry['account']['trades'])}"]
    if (found := entry.get("distribution")) is not None:
        usual = found["volatility_climatology"]
        parts.append(
            f"volatility {percent(found['volatility'], 0)}" + (f" (usually {percent(usual, 0)})" if usual else "")
        )
    if compared:
        parts.append("first forecast" if changes is None else _changed(changes["lines"]))
    return f"{subject_of(entry)}: {'; '.join(parts)}"


def subject_of(entry: Document) -> str:
    """Day and fund, and whether it is a simulated market or a replay."""
    marks = ["SIMULATED"] * bool(entry["data"].get("simulated")) + ["replay"] * (entry.get("kind") == REPLAY)
    return f"{entry['decided_at'][:10]} {entry['ticker']}" + (f" ({', '.join(marks)})" if marks else "")


def _held(positions: Mapping[str, float]) -> str:
    held = [f"{percent(weight, 0)} {ticker}" for ticker, weight in positions.items() if weight and ticker != "CASH"]
    return f"hold {', '.join(held)}" if held else "hold cash"


def _trades(trades: Sequence[Document]) -> str:
    said = [
        f"{'buy' if each['change'] > 0 else 'sell'} {each['ticker']} from {percent(each['weight_before'], 0)} "
        f"to {percent(each['weight_after'], 0)}"
        for each in trades
    ]
    return ", ".join(said) or "no trade"


def _changed(lines: Sequence[Document]) -> str:
    what = dict.fromkeys(str(each["what"]) for each in lines)
    return f"changed: {', '.join(what)}" if what else "nothing changed"
