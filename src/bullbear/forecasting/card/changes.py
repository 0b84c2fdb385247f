"""What changed since the last forecast of an earlier close, a line a change, and why.

Live forecasts continue live ones, and replays are compared with the replay of the latest earlier close. Only what is
notable has a line: a weight that drifts with prices is no change, nor is a probability that moved a little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bullbear import sessions
from bullbear.data.view import View
from bullbear.decide.instruments import CASH
from bullbear.errors import BullbearError
from bullbear.factors.engine.registry import kind_of as input_kind
from bullbear.forecasting.card.decision import Holding, holdings_of, orders_of, stopped_out
from bullbear.forecasting.card.outlook import is_unusual, stated
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.card.why import Cause, whys
from bullbear.forecasting.ledger import LIVE, UNKNOWN, kind_of_entry
from bullbear.forecasting.staleness import series_read
from bullbear.wording import FEW, chance, count, listed, percent, price, short_date

POSITION, STOP, REGIME, TREND, OUTLOOK = "position", "stop", "regime", "trend", "outlook"
PROBABILITY, DATA, MODEL = "probability", "data", "model"
"""What a line is about, in the order shown."""

LEAST_PROBABILITY = 0.03
"""The least change of a probability that is shown; one from unusual to usual or back always is."""
LEAST_WEIGHT = 0.05
"""The least change of a weight that is shown without a trade, as between two replays that lie far apart."""
LEAST_STOP = 0.01
"""The least change of a level that is shown, as a fraction of it: a trailing stop moves a little every day."""
_DAILY = 5
"""Days within which a series that comes every session has its newest value; its arrival is no news."""

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A change: `what` it is about, both values as they are in the entries, and a sentence without its full stop.

    `question` is whose answer it is, where it is one's.
    """

    what: str
    before: Any
    after: Any
    sentence: str
    why: list[Cause] = field(default_factory=list)
    question: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return {
            "what": self.what,
            "before": self.before,
            "after": self.after,
            "sentence": self.sentence,
            "why": [cause.to_json() for cause in self.why],
            "question": self.question,
        }


def changes_of(sources: Sources) -> dict[str, Any] | None:
    """The key `changes`: since which forecast, and the lines; None where the ledger has no earlier one."""
    entry, before = sources.entry, earlier_entry(sources)
    if before is None:
        return None
    lines = [
        *_positions(before, entry),
        *_stops(before, entry),
        *_named(REGIME, "regime", before.get("regime"), entry.get("regime")),
        *_trend(before, entry),
        *_answers(sources, before),
        *_data(sources, before),
        *_model(before, entry),
    ]
    ago = len(sessions.between(sessions.day(pd.Timestamp(before["decided_at"])), sources.session)) - 1
    return {
        "since": {
            "decided_at": before["decided_at"],
            "index": before["ledger"]["index"],
            "sessions": ago,
            "sentence": f"since the forecast of {short_date(before['decided_at'])}, {count(ago, 'session')} earlier",
        },
        "lines": [line.to_json() for line in lines],
    }


def earlier_entry(sources: Sources) -> dict[str, Any] | None:
    """The forecast of the nearest earlier close, of the same ticker and market; None for none.

    Of several of that close the last live one, else the last. One from before the ledger recorded kinds is compared
    with its like alone.
    """
    entry = sources.entry

    def market(each: Entry) -> tuple[str, bool, bool]:
        return each["ticker"], bool(each["data"].get("simulated")), kind_of_entry(each) == UNKNOWN

    def nearness(each: Entry) -> tuple[str, bool, int]:
        return each["decided_at"], kind_of_entry(each) == LIVE, each["ledger"]["index"]

    earlier = [each for each in sources.of_up if each["decided_at"] < entry["decided_at"]]
    return max((each for each in earlier if market(each) == market(entry)), key=nearness, default=None)


def _positions(before: Entry, entry: Entry) -> list[Change]:
    orders = {order.ticker: order for order in orders_of(entry)}
    was, now = before["positions"], entry["positions"]
    found = []
    for ticker in dict.fromkeys((*was, *now)):
        held, wanted = was.get(ticker, 0.0), now.get(ticker, 0.0)
        order = orders.get(ticker)
        if ticker == CASH or (order is None and abs(wanted - held) < LEAST_WEIGHT):
            continue
        sentence = f"{ticker}: {percent(wanted)} of equity, after {percent(held)}"
        why = [] if order is None else [Cause("decision", None, None, None, None, order.why)]
        found.append(Change(POSITION, held, wanted, sentence, why))
    return found


def _stops(before: Entry, entry: Entry) -> list[Change]:
    def standing(each: Entry) -> dict[tuple[str, str, str], float]:
        return {
            (holding.name, holding.agent, word): level
            for holding in holdings_of(each)
            for word, level in _levels(holding)
        }

    told = stopped_out(entry)
    found = [Change(STOP, None, None, sold) for sold in told]
    was, now = standing(before), standing(entry)
    for key in dict.fromkeys((*was, *now)):
        name, _, word = key
        old, new = was.get(key), now.get(key)
        if old is not None and new is not None:
            if abs(new / old - 1.0) >= LEAST_STOP:
                found.append(Change(STOP, old, new, f"{name}: the {word} at {price(new)} in place of {price(old)}"))
        elif new is not None:
            found.append(Change(STOP, None, new, f"{name}: a new {word} at {price(new)}"))
        elif old is not None and not any(sold.startswith(f"{name} ") for sold in told):
            found.append(Change(STOP, old, None, f"{name}: no {word} any more (it stood at {price(old)})"))
    return found


def _levels(holding: Holding) -> list[tuple[str, float]]:
    levels = (("stop", holding.stop_order), ("stop", holding.stop_close), ("re-entry level", holding.reentry))
    return [(word, level) for word, level in levels if level is not None]


def _named(what: str, word: str, was: Any, now: Any) -> list[Change]:
    if was is None or now is None or was == now:
        return []
    return [Change(what, was, now, f"{word}: {now}, after {was}")]


def _trend(before: Entry, entry: Entry) -> list[Change]:
    was, now = before.get("trend"), entry.get("trend")
    if not was or not now or was["name"] == now["name"]:
        return []
    return [Change(TREND, was["name"], now["name"], f"trend: {now['name']}, after {was['name']}: {now['reason']}")]


def _answers(sources: Sources, before: Entry) -> list[Change]:
    """The probabilities with a notable change: what became or ceased to be unusual first."""
    was = {row["question"]: row for row in before.get("outlook", ())}
    pairs = [(was[row["question"]], row) for row in sources.entry.get("outlook", ()) if row["question"] in was]
    moved = [
        (old, new)
        for old, new in pairs
        if is_unusual(old) != is_unusual(new) or abs(new["p"] - old["p"]) >= LEAST_PROBABILITY
    ]
    found = []
    for (old, new), why in zip(moved, whys(sources, before["decided_at"], moved), strict=True):
        turned = is_unusual(old) != is_unusual(new)
        sentence = f"{stated(new)}: {chance(new['p'])}, after {chance(old['p'])}"
        if turned:
            sentence += ", which is unusual now" if is_unusual(new) else ", which is as usual again"
        what = OUTLOOK if turned else PROBABILITY
        found.append(Change(what, old["p"], new["p"], sentence, why, new["question"]))
    return sorted(found, key=lambda each: (each.what != OUTLOOK, -abs(each.after - each.before)))


def _data(sources: Sources, before: Entry) -> list[Change]:
    stale, was_stale = set(sources.entry["data"]["stale"]), set(before["data"]["stale"])
    found = []
    if gone := sorted(stale - was_stale):
        found.append(Change(DATA, None, gone, f"absent or stale now: {_named_or_counted(gone)}"))
    if back := sorted(was_stale - stale):
        found.append(Change(DATA, back, None, f"up to date again: {_named_or_counted(back)}"))
    earlier = sources.view_at(pd.Timestamp(before["decided_at"]))
    for kind, series in _read(sources):
        was, now = _newest(earlier, kind, series), _newest(sources.view, kind, series)
        if was is None or now is None or now <= was or (sources.session - now).days <= _DAILY:
            continue
        name = series if kind == "observations" else f"{kind.replace('_', ' ')} of {series}"
        days = [str(each.date()) for each in (was, now)]
        found.append(Change(DATA, days[0], days[1], f"{name} of {short_date(days[1])} has arrived"))
    return found


def _named_or_counted(series: list[str]) -> str:
    """Of more than a few the summary names the first."""
    return listed(series) if len(series) <= FEW else f"{len(series)} series"


def _read(sources: Sources) -> Iterable[tuple[str, str]]:
    """(stored kind, series) of what the champion of `up` and the policy read, but for bars, which come daily."""
    try:
        bundle = sources.champion("up")
        read = series_read(bundle, bundle.rule.own)
    except BullbearError:
        return []
    return sorted({(input_kind(kind).stored, series) for kind, series in read} - {("bars", s) for _, s in read})


def _newest(view: View, kind: str, series: str) -> pd.Timestamp | None:
    versions = view.arrays(kind, series)
    return pd.Timestamp(int(versions.event_date.max()), unit="us") if len(versions) else None


def _model(before: Entry, entry: Entry) -> list[Change]:
    was, now = before["model"], entry["model"]
    if was["run_id"] != now["run_id"]:
        run = f"{now['name']} (run {str(now['run_id'])[:8]})"
        sentence = f"the direction is forecast by {run}, no longer by {was['name']}"
        return [Change(MODEL, was["run_id"], now["run_id"], sentence)]
    if was["trained_through"] != now["trained_through"]:
        days = was["trained_through"], now["trained_through"]
        return [Change(MODEL, *days, f"the model of P(up), {now['name']}, was refitted through {short_date(days[1])}")]
    return []
