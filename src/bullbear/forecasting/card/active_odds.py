"""The odds statements that are active at the close and beyond what luck explains; usually there are none.

They are those of `bullbear odds` at the same close. Some forty events are counted, so that a few look unusual on any
evening: only those count whose q-value keeps the share of false findings at the rate that the odds accept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from bullbear.code_version import running_code
from bullbear.errors import BullbearError
from bullbear.factors import registered
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.kept_documents import KeptDocuments
from bullbear.odds.current import YEARS, odds_at
from bullbear.odds.definitions import EventSpec
from bullbear.odds.statements import FALSE_DISCOVERY_RATE, EventOdds
from bullbear.user_code import digests

_READ = ("bars", "raw_bars", "splits", "dividends", "short_interest", "short_volume")
"""Kinds that belong to a ticker: events read no others."""
_CODE = ("bullbear.odds", "bullbear.factors", "bullbear.statistics", "bullbear.data")


def active_odds_of(sources: Sources) -> dict[str, Any]:
    """The keys `active_odds`, documents of the statements, and `odds_note`, one sentence where there are none.

    Events that cannot be read or counted yield no odds; the note then says why. A forecast is issued without them.
    What was counted at a close is kept in the home by all that it follows from, since the levels take their time.
    """
    try:
        events = sources.home.events().event
        kept, digest = KeptDocuments(sources.home.forecasts / ".odds"), _digest(sources, events)
        found = kept.read(digest)
        if found is None:
            found = _counted(sources, events)
            kept.write(digest, found)
    except BullbearError as bad:
        return {"active_odds": [], "odds_note": f"No odds of indicators: {bad}."}
    return dict(found)


def _counted(sources: Sources, events: Sequence[EventSpec]) -> dict[str, Any]:
    found = odds_at(sources.view, sources.entry["ticker"], events, horizon=sources.entry["horizon_sessions"])
    active = [each for each in found if each.active]
    beyond = [each for each in active if each.q_value <= FALSE_DISCOVERY_RATE]
    return {"active_odds": [each.as_dict() for each in beyond], "odds_note": None if beyond else _none(found, active)}


def _digest(sources: Sources, events: Sequence[EventSpec]) -> str:
    """Of every row of the ticker that the view serves, the events, the horizon, and the code that counts."""
    ticker = sources.entry["ticker"]
    own = digests([registered()[each.function].function for each in events])
    asked = [ticker, sources.entry["horizon_sessions"], sources.decided_at.isoformat(), FALSE_DISCOVERY_RATE]
    plain = [asked, own, [each.model_dump(mode="json") for each in events], running_code(*_CODE)]
    seal = sha256(json.dumps(plain, sort_keys=True).encode())
    for kind in _READ:
        rows = sources.view.arrays(kind, ticker)
        seal.update(f"{kind} {len(rows)} {' '.join(rows.numbers)}\n".encode())
        for column in (rows.event_date, rows.known_at, *rows.numbers.values()):
            seal.update(np.ascontiguousarray(column).tobytes())
    return seal.hexdigest()


def _none(found: list[EventOdds], active: list[EventOdds]) -> str:
    if not active:
        return "None of the events that indicators are read by is active now."
    noun, verb = ("event", "is") if len(active) == 1 else ("events", "are")
    return (
        f"{len(active)} {noun} of indicators {verb} active, and none of them differs from its base rate beyond what "
        f"luck explains ({found[0].tested} events counted over {YEARS} years)."
    )
