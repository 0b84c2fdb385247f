"""What to do, in sentences: the trades to be made at the next open, why, and the levels that stand.

A level is a stop only where its sleeve holds something, and a re-entry level only where it holds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullbear.decide.instruments import CASH
from bullbear.wording import listed, percent, price, short_date

Entry = Mapping[str, Any]
AGENTS = ("bull", "bear")
ENDED = {"stop": "stopped out", "expiry": "paid out"}
"""What ended a position without an order of the evening before."""
_KINDS = ("stop_order", "stop_close", "reentry")


@dataclass(frozen=True)
class Order:
    """A trade to be made at the next open; weights are fractions of equity, `why` the agent's first reason."""

    ticker: str
    before: float
    after: float
    why: str

    @property
    def sentence(self) -> str:
        """What to do.

        Example
        -------
        >>> Order("IWM", 0.99, 0.61, "").sentence, Order("TWM", 0.2, 0.0, "").sentence
        ('sell IWM from 99.0 % down to 61.0 % of equity', 'sell all TWM (20.0 %)')
        """
        if self.after <= 0.0:
            return f"sell all {self.ticker} ({percent(self.before)})"
        if self.before <= 0.0:
            return f"buy {self.ticker} for {percent(self.after)} of equity"
        verb, way = ("sell", "down") if self.after < self.before else ("buy", "up")
        return f"{verb} {self.ticker} from {percent(self.before)} {way} to {percent(self.after)} of equity"


@dataclass(frozen=True)
class Holding:
    """What a sleeve of an agent wants from the next open on; levels in prices of the day, None where none stands.

    `stop_order` rests in the market, `stop_close` is judged at closes; `reentry` is bought back at a close there or
    beyond.
    """

    agent: str
    sleeve: str
    ticker: str
    weight: float
    tier: int
    stop_order: float | None = None
    stop_close: float | None = None
    reentry: float | None = None

    @property
    def name(self) -> str:
        """The fund, with the sleeve where it is not the agent's only one."""
        return self.ticker if self.sleeve == self.agent else f"{self.ticker} ({self.sleeve})"


def orders_of(entry: Entry) -> list[Order]:
    """The trades of an entry, sales first; none for an entry of the versions without an account."""
    trades = entry.get("account", {}).get("trades", ())
    made = [
        Order(each["ticker"], each["weight_before"], each["weight_after"], _why(entry, each["ticker"]))
        for each in trades
    ]
    return sorted(made, key=lambda each: each.after - each.before)


def holdings_of(entry: Entry) -> list[Holding]:
    """Every sleeve that holds something or waits at a level, the Bull's first."""
    standing = [*entry["stops"], *entry.get("reentries", ())]  # an entry of an earlier version lists both under `stops`
    found = []
    for agent, stated in _agents(entry):
        for sleeve in _sleeves(agent, stated):
            own = [
                each
                for each in standing
                if each["ticker"] == sleeve["ticker"] and each.get("sleeve", sleeve["name"]) == sleeve["name"]
            ]
            level = {_kind(each): float(each["level"]) for each in own}
            allowed = ("stop_order", "stop_close") if sleeve["weight"] else ("reentry",)
            levels = [level.get(kind) if kind in allowed else None for kind in _KINDS]
            if sleeve["weight"] or any(each is not None for each in levels):
                name, ticker, weight, tier = (sleeve[key] for key in ("name", "ticker", "weight", "tier"))
                found.append(Holding(agent, name, ticker, weight, tier, *levels))
    return found


def kept(entry: Entry) -> str:
    """What is held, in a phrase: "68.2 % in IWM and 31.8 % in cash"."""
    weights = {ticker: weight for ticker, weight in entry["positions"].items() if weight and ticker != CASH}
    parts = [f"{percent(weight)} in {ticker}" for ticker, weight in weights.items()]
    if not parts:
        return "all in cash"
    cash = entry["positions"].get(CASH, 0.0)
    return listed([*parts, f"{percent(cash)} in cash"] if cash >= 0.0005 else parts)


def reasons_of(entry: Entry) -> list[tuple[str, str]]:
    """(agent, reason) for all that an entry gives."""
    return [(agent, reason) for agent, stated in _agents(entry) for reason in stated["reasons"]]


def trend_of(entry: Entry) -> str:
    """The trend, since when, and why; "" where the policy sees none."""
    if not (trend := entry.get("trend")):
        return ""
    if trend["changed"]:
        return f"{trend['name']}, new at this close: {trend['reason']}."
    return f"{trend['name']} since {short_date(trend['since'])}: {trend['reason']}."


def account_of(entry: Entry) -> str:
    """Whose positions these are; "" for an entry of the versions without an account."""
    if "account" not in entry:
        return ""
    if entry["account"]["kind"] == "advised":
        return "Positions follow the paper account of live advice."
    return "Positions are those of the champion's own backtest: this is a replay, not live advice."


def next_of(entry: Entry) -> list[str]:
    """What would come next at which price, a sentence each."""
    return [f"{str(each['sentence']).removesuffix('.')}." for each in entry.get("triggers", ())]


def stopped_out(entry: Entry) -> list[str]:
    """What stops have sold since the last decision, a sentence each."""
    since = entry.get("account", {}).get("since") or {}
    sold = [fill for fill in since.get("fills", ()) if fill["why"] == "stop"]
    return [
        f"{_name(fill)} was stopped out at {price(fill['price'])} on {short_date(fill['session'])}" for fill in sold
    ]


def _why(entry: Entry, ticker: str) -> str:
    """The first reason of the sleeve that trades the ticker; that of a hedge with the trend that it rests on."""
    ordered = {
        (slot["agent"], slot["sleeve"])
        for slot in entry.get("account", {}).get("book", {}).get("orders", ())
        if slot["ticker"] == ticker
    }
    for agent, stated in _agents(entry):
        for sleeve in _sleeves(agent, stated):
            is_own = sleeve["ticker"] == ticker and (not ordered or (agent, sleeve["name"]) in ordered)
            reasons = sleeve.get("reasons") or stated["reasons"]
            if is_own and reasons:
                why, trend = str(reasons[0]), entry.get("trend")
                return f"{why} ({trend['reason']})" if agent == "bear" and trend and not trend["changed"] else why
    return f"{ticker} is not wanted any more"


def _name(fill: Mapping[str, Any]) -> str:
    sleeve = fill.get("sleeve", "")
    return str(fill["ticker"]) if sleeve in ("", *AGENTS) else f"{fill['ticker']} ({sleeve})"


def _agents(entry: Entry) -> list[tuple[str, Mapping[str, Any]]]:
    agents = entry["agents"]
    return [(name, agents[name]) for name in dict.fromkeys((*AGENTS, *agents)) if name in agents]


def _sleeves(agent: str, stated: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    # An entry of an earlier version has one fund an agent and no sleeves.
    alone = {"name": agent, "ticker": stated["instrument"], "weight": stated["weight"], "tier": stated.get("tier", 0)}
    found: Sequence[Mapping[str, Any]] = stated.get("sleeves", [alone])
    return found


def _kind(level: Mapping[str, Any]) -> str:
    if level.get("side", "exit") == "reentry":
        return "reentry"
    return "stop_order" if level.get("resting") else "stop_close"
