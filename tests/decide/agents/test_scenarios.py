"""The two agents day by day on hand-made closes: the state, the tier, the size and the stop of each day written out.

ATR of the fund 2, of the only inverse fund (-2x) 1; forecasts as usual, so that sizes follow from the break alone: with
the first broken level B and the lowest close since L, the depth is d = (B - L) / 2 and the index exposure
0.6 * (0.5 + 0.5 * min(1, d / 3)) * share, with shares 0.4, 0.7 and 1 in tiers 1, 2 and 3. Half of it is the weight of
the inverse fund, whose stop trails 4 below its highest close. A break needs two closes 1 below a level.

Columns: close of the fund, nearest support, close of the inverse fund, RSI and volume where they matter; then expected
state, tier, weight of the inverse fund, its stop, weight of the overlay. A `-` is unknown, or none.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from bullbear.decide.agents.inputs import Inputs
from bullbear.decide.agents.kernel import Decision, decide, first_memory
from bullbear.decide.agents.rules import Rules
from bullbear.decide.agents.trend import STATES

BREAKDOWN_AND_COLLAPSE = """
close  support fund  rsi volume  state            tier weight stop   overlay
106    100     47.0  55  1.0     uptrend          0    0      -      0
102    100     49.0  50  1.0     testing_support  0    0      -      0
98.5   90      50.8  45  1.0     testing_support  0    0      -      0
98     90      51.0  44  1.2     breakdown        1    0.0800 47.0   0
95     90      52.5  38  1.2     breakdown        1    0.1100 48.5   0
93     90      53.5  35  1.3     downtrend        1    0.1200 49.5   0
88     80      56.0  28  1.5     downtrend        1    0.1200 52.0   0.06
86     80      57.0  26  1.8     downtrend        1    0.1200 53.0   0.06
82     80      59.0  22  2.6     capitulation     1    0.1200 55.0   0.06
83     80      58.5  27  1.2     capitulation     1    0.1200 55.0   0.06
84     80      58.0  32  1.0     capitulation     1    0.1200 55.0   0.06
85     80      57.5  37  0.9     stabilising      1    0.1200 55.0   0
87     80      56.5  45  0.9     stabilising      1    0.1200 55.0   0
89     80      55.5  52  0.9     reversal         1    0.0900 55.0   0
90     80      55.4  54  0.9     reversal         1    0.0600 55.0   0
91     80      55.3  55  0.9     reversal         1    0.0300 55.0   0
92     80      55.2  56  0.9     reversal         0    0      -      0
93     80      55.1  57  0.9     uptrend          0    0      -      0
"""


def played(table: str, rules: Rules, close: Callable[..., Inputs]) -> list[tuple[dict[str, str], Decision]]:
    """The rows of a table and the decisions on them; what is decided is held at the next close, until it is stopped."""
    head, *lines = [line.split() for line in table.strip().splitlines()]
    memory, found, weight, stop = first_memory(), [], 0.0, math.nan
    base = overlay = 0.0
    for line in lines:
        row = dict(zip(head, line, strict=True))
        seen = {name: number(row[name]) for name in ("support", "rsi", "volume", "channel", "sma") if name in row}
        fund = number(row["fund"])
        stopped = weight > 0.0 and number(row.get("low", row["fund"])) <= stop
        held = 0.0 if stopped else weight
        x = close(
            number(row["close"]), fund=fund, held=held, stopped=stopped, base_held=base, overlay_held=overlay, **seen
        )
        decision = decide(x, memory, rules)
        found.append((row, decision))
        memory, weight, stop = decision.memory, decision.weights.first, decision.memory.bear.stop
        base, overlay = decision.weights.base, decision.weights.overlay
    return found


def number(text: str) -> float:
    return math.nan if text == "-" else float(text)


@pytest.mark.parametrize("table", [BREAKDOWN_AND_COLLAPSE])
def test_days_as_written(table: str, rules: Callable[..., Rules], close: Callable[..., Inputs]) -> None:
    for day, (row, decision) in enumerate(played(table, rules(), close), start=1):
        trend, bear, _ = decision.memory
        where = f"day {day}, close {row['close']}"
        assert STATES[trend.state].replace(" ", "_") == row["state"], where
        assert bear.tier == int(row["tier"]), where
        assert decision.weights.first == pytest.approx(number(row["weight"]), abs=5e-5), where
        assert bear.stop == pytest.approx(number(row["stop"]), nan_ok=True), where
        assert decision.weights.overlay == pytest.approx(number(row["overlay"])), where
