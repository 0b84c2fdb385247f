"""The paper account evening by evening: what was advised, what became of it, and whether the books agree.

It is the account of the live advice in the ledger. Each entry holds the book after its decision and the statement since
the decision before; an evening is reconciled where that statement leads from the book of the evening before to its own,
with every order that was advised. Where it does not, the reason is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bullbear.errors import Found, NoDataError
from bullbear.forecasting.advised import Entry, live_advice

_ALIKE = 1e-9  # of equity: what sums of floats may miss


def paper_account(entries: Sequence[Entry], ticker: str | None = None, *, simulated: bool) -> dict[str, Any]:
    """The account of the live advice on a ticker, JSON-ready.

    Parameters
    ----------
    entries
        Those of the ledger, in its order.
    ticker
        None for that of the last live advice.
    simulated
        Whether that on the simulated market is meant.

    Returns
    -------
    `ticker`, `simulated`, `start` (the first evening), `equity` (in units of that at the start), `return`, and
    `evenings`: `decided_on`, `issued_at`, `entry` (its index in the ledger), `equity`, `return` (since the evening
    before; None for the first), `profit` by source, `orders` (those of the evening before against their fills),
    `fills`, `advised` (weights from the next open on), `trades`, `reconciled` and `note`.

    Raises
    ------
    NoDataError
        Nothing was advised live.
    """
    asked = ticker or next((each["ticker"] for each in reversed(live_advice(entries, None, simulated=simulated))), None)
    found = {each["decided_at"]: each for each in live_advice(entries, asked, simulated=simulated)}
    evenings: list[Entry] = [found[at] for at in sorted(found)]  # the last advice of an evening counts
    if not evenings:
        raise NoDataError(
            "ledger.jsonl",
            Found("no live advice" if ticker is None else f"no live advice on {ticker}"),
            "a ledger with a forecast issued before the next open",
            "a simulated market has no next open: `bullbear fetch` into another --home, then forecast there"
            if simulated
            else "run `bullbear fetch`, then `bullbear forecast` after the close: of older data it is a replay",
        )
    rows = [_evening(entry, before) for entry, before in zip(evenings, [None, *evenings[:-1]], strict=True)]
    return {
        "ticker": asked,
        "simulated": simulated,
        "start": rows[0]["decided_on"],
        "equity": rows[-1]["equity"],
        "return": rows[-1]["equity"] / rows[0]["equity"] - 1.0,
        "evenings": rows,
    }


def _evening(entry: Entry, before: Entry | None) -> dict[str, Any]:
    account = entry["account"]
    since, equity = account.get("since"), float(account["book"]["equity"])
    note = _difference(account, before)
    last = None if before is None else float(before["account"]["book"]["equity"])
    return {
        "decided_on": entry["decided_at"][:10],
        "issued_at": entry.get("issued_at"),
        "entry": entry["ledger"]["index"],
        "equity": equity,
        "return": None if last is None else equity / last - 1.0,
        "profit": since["profit"] if since else None,
        "orders": since["orders"] if since else [],
        "fills": since["fills"] if since else [],
        "advised": entry["positions"],
        "trades": account["trades"],
        "reconciled": note is None,
        "note": note or ("starts in cash" if before is None else ""),
    }


def _difference(account: dict[str, Any], before: Entry | None) -> str | None:
    """What keeps an evening's statement from leading from the evening before; None where it does."""
    since, book = account.get("since"), account["book"]
    if before is None:
        return None if since is None else f"continues the advice of {since['session']}, which the ledger does not hold"
    day, old = before["decided_at"][:10], before["account"]["book"]
    if since is None:
        if "since" in account:
            return f"does not continue the advice of {day}: the account began anew"
        return "of an earlier version, which kept no statement"
    if since["session"] != day:
        return f"continues the advice of {since['session']}, not that of {day}"
    profit = {name: amount for name, amount in since["profit"].items() if name != "total"}
    for what, one, other in (
        (f"the equity after the advice of {day}", since["equity"], old["equity"]),
        ("the equity", since["equity"] + since["profit"]["total"], book["equity"]),
        ("the profit by source", sum(profit.values()), since["profit"]["total"]),
    ):
        if not abs(one - other) <= _ALIKE * max(1.0, abs(other)):
            return f"{what} is {one:.9f} by the statement, {other:.9f} by the books"
    if _wanted(since["orders"], "wanted") != _wanted(old["orders"], "weight"):
        return f"the orders are not those advised on {day}"
    return None


def _wanted(orders: Sequence[dict[str, Any]], key: str) -> dict[tuple[str, ...], float]:
    return {(each["ticker"], each["sleeve"], each["agent"]): each[key] for each in orders}
