"""The summary on top of a card: what to do and why, what is unusual, and what the forecast lacks, in plain sentences.

It says "nothing to say" only where nothing is: no trade, nothing unusual, no change since the last forecast, no data
missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bullbear.forecasting.card.decision import kept, orders_of, stopped_out, trend_of
from bullbear.forecasting.card.outlook import headline, is_normal, outlook_says
from bullbear.wording import capital, count, few, listed

NOTHING = "Nothing to say today"


def summary_of(
    entry: Mapping[str, Any],
    changes: Mapping[str, Any] | None,
    notice: Sequence[str] = (),
    forced: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The key `summary`.

    Parameters
    ----------
    changes
        That key of the card; None where there is no earlier forecast.
    notice
        What the card says before the summary, such as that the data are old.
    forced
        The champions that were promoted against the gate.
    """
    todo, unusual, turned, lacks = _todo(entry), headline(entry), _turned(entry), _lacks(entry)
    acts = "orders" in entry or bool(orders_of(entry) or stopped_out(entry))
    has_news = bool(notice) or (changes is not None and bool(changes["lines"]))
    model = _model(entry, changes, forced)
    if is_normal(entry) and not (acts or turned or lacks or model or has_news):
        return f"{NOTHING}: keep {kept(entry)}; the outlook is that of a normal month."
    return " ".join(filter(None, [todo, turned, unusual or outlook_says(entry).normal, model, lacks]))


def _todo(entry: Mapping[str, Any]) -> str:
    """What to do at the next open, and why; what a stop has sold meanwhile."""
    orders = orders_of(entry)
    if "orders" in entry:
        reasons = dict.fromkeys(order.why for order in orders)
        return ". ".join([*stopped_out(entry), _own(entry), *(f"Why: {each}" for each in reasons)]) + "."
    told = [f"{capital(order.sentence)}. Why: {order.why}" for order in orders]
    return ". ".join([*stopped_out(entry), *(told or [f"No trade: keep {kept(entry)}"])]) + "."


def _own(entry: Mapping[str, Any]) -> str:
    """The reader's own orders, in whole shares, and what they lead to."""
    orders = [
        f"{'sell stop' if each['type'] == 'stop' else each['action']} {each['shares']:,} {each['ticker']}"
        for each in entry["orders"]
    ]
    if not orders:
        return f"No order for you: you hold what is advised, {kept(entry)}"
    return f"Your orders at the next open: {listed(orders)}; advised is {kept(entry)}"


def _turned(entry: Mapping[str, Any]) -> str:
    trend = entry.get("trend")
    return f"The trend has turned: {trend_of(entry)}" if trend and trend["changed"] else ""


def _model(entry: Mapping[str, Any], changes: Mapping[str, Any] | None, forced: Sequence[Mapping[str, Any]]) -> str:
    """That another model answers than last time, and which ones the gate had refused."""
    run_id = entry["model"].get("run_id")
    lines = () if changes is None else changes["lines"]
    told = [capital(each["sentence"]) for each in lines if each["what"] == "model" and each["after"] == run_id]
    if forced:
        names = [f"{each['model']}, which answers {each['question']}," for each in forced]
        told.append(f"{capital(listed(names))} {'was' if len(names) == 1 else 'were'} promoted against the gate")
    return f"{'. '.join(told)}." if told else ""


def _lacks(entry: Mapping[str, Any]) -> str:
    """What a reader must know before he relies on it."""
    data, model, parts = entry["data"], entry["model"], list[str]()
    if stale := data.get("stale"):
        parts.append(f"{few(list(stale))} {'is' if len(stale) == 1 else 'are'} absent or stale")
    if overdue := model.get("refit_overdue_sessions"):
        parts.append(f"the model's refit is {count(overdue, 'session')} overdue")
    return f"{capital('; '.join(parts))}." if parts else ""
