"""The account of ledger entries of `schema_version` 2, in the form of today's `Book`, so that live advice continues.

That version knew one fund for each of two agents and one policy, the bands: values and orders stand by ticker, and the
policy's memory lies open as `levels`, `tier`, `bull` and `bear`. The last entries of the version had today's form
already. Nothing is estimated: each number is carried over as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bullbear.decide.instruments import Instrument
from bullbear.errors import InputError

EARLIER_VERSION = 2


def present_book(document: Mapping[str, Any], instruments: Mapping[str, Instrument]) -> dict[str, Any]:
    """The document that `Book.from_json` reads, from the `account.book` of an entry of either version.

    Parameters
    ----------
    instruments
        Those that the home knows, by ticker: the earlier book did not carry them.

    Raises
    ------
    InputError
        The book is of neither form, or holds a ticker that is no instrument.
    """
    if "memory" in document:
        return dict(document)
    try:
        values, orders, bear = dict(document["values"]), dict(document["orders"]), document["bear"]
        funds = [fund for fund in (document["bull"], bear) if fund]
        memory = {"levels": document["levels"], "tier": document["tier"]}
        kept = {key: document[key] for key in ("session", "cash", "marks", "decided_on")}
    except (KeyError, TypeError, ValueError) as bad:
        allowed = f"the account of an entry of schema_version {EARLIER_VERSION} or later"
        raise InputError("ledger.jsonl", f"{type(bad).__name__}: {bad}", allowed, "restore it from a copy") from bad
    traded = sorted({*values, *orders})
    if unknown := [ticker for ticker in traded if ticker not in instruments]:
        raise InputError(
            "ledger.jsonl",
            f"an account that holds {', '.join(unknown)}",
            f"the instruments {', '.join(instruments)}",
            "define it in models/instruments.toml",
        )

    def slot(ticker: str) -> dict[str, Any]:
        agent = "bear" if ticker == bear or (ticker in traded and instruments[ticker].multiple < 0) else "bull"
        return {"ticker": ticker, "sleeve": agent, "agent": agent}

    return {
        **kept,
        "values": [{**slot(ticker), "value": value} for ticker, value in values.items()],
        "orders": [{**slot(ticker), "weight": weight} for ticker, weight in orders.items()],
        "instruments": [instruments[ticker].model_dump(mode="json") for ticker in traded],
        "slots": [slot(ticker) for ticker in funds],
        "policy": "band",
        "memory": memory,
    }
