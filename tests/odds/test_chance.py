"""Where there is nothing to find: intervals cover, and little is called significant."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, sqrt

import numpy as np
import pandas as pd
import pytest

from bullbear.factors.engine.registry import Bars, registered
from bullbear.factors.technical.occurrences import occurs
from bullbear.odds import EventSet, EventSpec
from bullbear.odds.counting import Counts, count
from bullbear.odds.event_series import EventSeries

DRIFT, NOISE = 0.0003, 0.013
LOOK_BACK, WARM_UP, LOOK_BACKS = 1260, 700, 4
"""Each random walk serves four look-backs of five years that share no session."""


def random_walk(random: np.random.Generator) -> Bars:
    rows = WARM_UP + LOOK_BACKS * LOOK_BACK
    move = random.normal(DRIFT, NOISE, rows)
    close = 100.0 * np.exp(np.cumsum(move))
    open_ = close * np.exp(-move * random.uniform(0.0, 1.0, rows))
    high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0.0, 0.004, rows)))
    low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0.0, 0.004, rows)))
    days = np.datetime64("2000-01-03", "us") + np.arange(rows) * np.timedelta64(1, "D")
    return Bars(days, open_, high, low, close, np.exp(random.normal(0.0, 0.4, rows)))


def tape_of(bars: Bars, events: list[EventSpec]) -> EventSeries:
    flags = np.zeros((len(bars.close), len(events)), dtype=bool)
    known: dict[tuple[object, ...], np.ndarray] = {}
    for column, event in enumerate(events):
        key = (event.function, *sorted(event.params.items()))
        if key not in known:
            factor = registered()[event.function]
            known[key] = np.array(factor.function(bars, **factor.complete(event.params)))
            known[key][: factor.rows_needed(event.params) - 1] = np.nan
        flags[:, column] = occurs(known[key], event.rule, event.level, event.sessions or 1)
    return EventSeries("WALK", pd.DatetimeIndex(bars.sessions), bars.close, tuple(events), flags)


@dataclass
class Tally:
    """What was called over a number of look-backs."""

    called: int = 0
    known_cases: int = 0
    runs: int = 0
    runs_with_a_call: int = 0
    covered: int = 0
    tail: int = 0

    def add(self, counts: Counts, truth: np.ndarray) -> None:
        known = ~np.isnan(counts.q_value)
        called = counts.q_value <= 0.1
        self.called += int(called.sum())
        self.known_cases += int(known.sum())
        self.runs += len(called)
        self.runs_with_a_call += int(called.any(axis=1).sum())
        self.covered += int((known & (counts.low <= truth) & (truth <= counts.high)).sum())
        self.tail += int((counts.p_value <= 0.1).sum())


def tally(events: EventSet, walks: int, horizon: int, *, without: str = "") -> Tally:
    random = np.random.default_rng(11)
    own = [event for event in events.event if set(registered()[event.function].inputs.values()) == {"bars"}]
    own = [event for event in own if event.function != without]
    up = 0.5 * (1.0 + erf(DRIFT * horizon / (NOISE * sqrt(2.0 * horizon))))
    truth = np.array([up if event.direction == "bullish" else 1.0 - up for event in own])
    at = WARM_UP + LOOK_BACK * np.arange(1, LOOK_BACKS + 1) - 1
    result = Tally()
    for _ in range(walks):
        result.add(count(tape_of(random_walk(random), own), horizon, at, at - LOOK_BACK + 1), truth)
    return result


def check(found: Tally) -> None:
    # Over r independent runs the share with a false call strays from its mean by at most this much in 999 of 1000.
    stray = 3.1 * sqrt(0.1 * 0.9 / found.runs)
    assert found.called / found.known_cases <= 0.10
    assert found.runs_with_a_call / found.runs <= 0.10 + stray
    # The promise of each interval and of each test on its own; events of a run are dependent, hence the room.
    assert found.covered / found.known_cases == pytest.approx(0.90, abs=0.025)
    assert 0.04 <= found.tail / found.known_cases <= 0.10 + stray


def test_three_hundred_random_walks_give_little_to_talk_about(events: EventSet) -> None:
    # Levels cost ten times as much as all other events together; the ten thousand below include them.
    check(tally(events, 75, 21, without="level_signal"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("horizon", [5, 21, 63])
def test_ten_thousand_random_walks_give_little_to_talk_about(events: EventSet, horizon: int) -> None:
    found = tally(events, 2_500, horizon)
    print(f"horizon {horizon}: {found}")  # noqa: T201
    check(found)
