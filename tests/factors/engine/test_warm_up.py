from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.errors import InputError
from bullbear.factors.engine import warm_up


def test_windows_must_grow() -> None:
    assert warm_up.in_order(short=1, medium=2, long=3) == 3
    with pytest.raises(InputError, match=r"medium: got 1; allowed: more than short = 1; swap or widen them"):
        warm_up.in_order(short=1, medium=1, long=3)


@pytest.mark.parametrize(
    ("kept", "rows"), [(1 - 2 / 27, warm_up.ema_settles(26)), (13 / 14, warm_up.wilder_settles(14))]
)
def test_settled_starts_weigh_less_than_promised(kept: float, rows: int) -> None:
    assert kept**rows < warm_up.FORGOTTEN < kept ** (rows - 60)


def start_weight(ratios: tuple[float, ...], rows: int) -> float:
    """What a cascade still says of its start: all stages begin at 1, the first is fed zeros, each feeds the next."""
    stages = np.ones(len(ratios))
    for _ in range(rows):
        below = 0.0
        for place, ratio in enumerate(ratios):
            stages[place] = ratio * stages[place] + (1 - ratio) * below
            below = stages[place]
    return float(stages[-1])


@settings(deadline=None, max_examples=30)
@given(ratio=st.floats(0.05, 0.97), count=st.integers(1, 3))
def test_a_cascade_has_forgotten_its_start_when_it_settles(ratio: float, count: int) -> None:
    ratios = (ratio,) * count
    rows = warm_up.settles(*ratios)
    assert start_weight(ratios, rows) < 1.0001e-12 + 1e-15
    assert start_weight(ratios, max(rows - 3 * count - 2, 0)) > 1e-13


def test_the_slowest_stage_rules() -> None:
    assert warm_up.settles(0.9, 0.5) <= warm_up.settles(0.9, 0.9)
    assert start_weight((0.9, 0.5), warm_up.settles(0.9, 0.5)) < 1e-12
    assert warm_up.settles(0.5, tolerance=0.25) == 3
