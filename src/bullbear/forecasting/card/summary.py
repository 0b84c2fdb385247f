"""The summary on top of a card: what to do and why, what is unusual, and what the forecast lacks, in plain sentences.

It says "nothing to say" only where nothing is: no trade, nothing unusual, no change since the last forecast, no data
missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bullbear.forecasting.card.decision import kept, orders_of, stopped_out
from bullbear.forecasting.card.outlook import headline, others, outlook_says
from bullbear.wording import capital, count, listed

NOTHING = "Nothing to say today"

Card = Mapping[str, Any]


def summary_of(entry: Mapping[str, Any], changes: Mapping[str, Any] | None) -> str:
    """The key `summary` from an entry and the key `changes` of its card."""
    orders, unusual, lacks = orders_of(entry), headline(entry), _lacks(entry)
    lines = [] if changes is None else changes["lines"]
    if not orders and not unusual and not lacks and not lines and others(entry):
        return f"{NOTHING}: keep {kept(entry)}; the outlook is that of a normal month."
    sentences = [_todo(entry), unusual or _usual(entry), lacks]
    return " ".join(filter(None, sentences))


def _todo(entry: Mapping[str, Any]) -> str:
    """What to do at the next open, and why; what a stop has sold meanwhile."""
    orders = orders_of(entry)
    told = [f"{capital(order.sentence)}. Why: {order.why}" for order in orders]
    return ". ".join([*stopped_out(entry), *(told or [f"No trade: keep {kept(entry)}"])]) + "."


def _usual(entry: Mapping[str, Any]) -> str:
    if not others(entry):
        return ""
    return outlook_says(entry).normal


def _lacks(entry: Mapping[str, Any]) -> str:
    """What a reader must know before he relies on it."""
    data, model, parts = entry["data"], entry["model"], list[str]()
    if stale := data.get("stale"):
        parts.append(f"{listed(list(stale))} {'is' if len(stale) == 1 else 'are'} absent or stale")
    if overdue := model.get("refit_overdue_sessions"):
        parts.append(f"the model's refit is {count(overdue, 'session')} overdue")
    return f"{capital('; '.join(parts))}." if parts else ""
