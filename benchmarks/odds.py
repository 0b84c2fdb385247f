"""Event odds at every past close: all events, all three horizons, intervals and q-values included.

The second figure is against a fixed ten seconds, the limit that a history of 40 events over 25 years is held to.
"""

from __future__ import annotations

from benchmarks.market import home
from benchmarks.ratio import Ratio, interleaved
from bullbear.dataset import resolve
from bullbear.definitions import Target
from bullbear.odds import HORIZONS
from bullbear.odds.event_series import read_event_series
from bullbear.odds.past_odds import past_odds_of, pooled

LIMIT = 10.0


def measure() -> list[Ratio]:
    view = home().store().as_of()
    events = home().events().event
    view.bars("IWM")  # the store is warm: reading Parquet is no part of the comparison

    def found() -> object:
        return read_event_series(view, "IWM", events)

    def odds_of_all() -> None:
        series = read_event_series(view, "IWM", events)
        for horizon in HORIZONS:
            pooled(past_odds_of(series, resolve(view, Target(horizon=horizon)), horizon=horizon))

    years = f"{len(read_event_series(view, 'IWM', events).sessions) / 252:.0f} years"
    name = f"{len(events)} events, {years}, 3 horizons, every close"
    compared = interleaved(f"odds of {name} / finding the events", odds_of_all, found, rounds=3, aim=None)
    return [compared, Ratio(f"the same / {LIMIT:.0f} s", compared.ours, LIMIT, 1.0)]
