from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
import pytest

from bullbear.definitions import FactorSpec, Source
from bullbear.errors import DefinitionError
from bullbear.factors.engine.feature_sets import check
from bullbear.factors.engine.registry import Bars
from bullbear.factors.technical.event_lift import event_lift, event_state


def plain(close: np.ndarray, row: int, horizon: int, window: int, prior: float) -> float:
    """The value of one row for the three-day advance, counted in a loop."""
    up = np.concatenate([[False], close[1:] > close[:-1]])

    def happened(j: int) -> bool:
        return bool(up[j] and up[j - 1] and up[j - 2] and not up[j - 3])

    known = range(row - window + 1, row - horizon + 1)
    rose = {j: close[j + horizon] > close[j] for j in known}
    share = (sum(rose.values()) + 1) / (len(rose) + 2)
    cases = [j for j in known if happened(j)]
    if not cases or not any(happened(j) for j in range(row - horizon + 1, row + 1)):
        return 0.0
    told = (sum(rose[j] for j in cases) + prior * share) / (len(cases) + prior)
    return log(told / (1 - told)) - log(share / (1 - share))


def test_equals_a_count_in_a_loop(tape: Callable[..., Bars]) -> None:
    bars = tape(900)
    values = event_lift(
        bars, of="roc", span=1, rule="stays_above", level=0.0, sessions=3, horizon=5, window=300, prior=7.0
    )
    assert np.isnan(values[:303]).all()
    expected = [plain(bars.close, row, 5, 300, 7.0) for row in range(303, 900)]
    np.testing.assert_allclose(values[303:], expected, atol=1e-12)
    assert (values[303:] == 0.0).any()
    assert (values[303:] > 0.0).any()
    assert (values[303:] < 0.0).any()


def test_an_event_stands_for_as_long_as_it_is_remembered(tape: Callable[..., Bars]) -> None:
    bars = tape(200)
    up = np.concatenate([[False], bars.close[1:] > bars.close[:-1]])
    fresh = [row for row in range(4, 200) if up[row] and up[row - 1] and up[row - 2] and not up[row - 3]]
    values = event_state(bars, of="roc", span=1, rule="stays_above", level=0.0, sessions=3, memory=4)
    assert np.isnan(values[:7]).all()
    expected = [float(any(row - 4 < event <= row for event in fresh)) for row in range(7, 200)]
    np.testing.assert_array_equal(values[7:], expected)
    assert {0.0, 1.0} == set(values[7:])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"of": "rocket"}, "of: got 'rocket'; allowed: a registered factor of one ticker's bars"),
        ({"of": "event_lift"}, "of: got 'event_lift'"),
        ({"of": "implied_volatility"}, "of: got 'implied_volatility'"),
        ({"of": "macd_histogram", "span": 12}, "span: got 12; allowed: 0, as macd_histogram has no window"),
        ({"rule": "jumps"}, "rule: got 'jumps'; allowed: rises_through"),
        ({"window": 63, "horizon": 63}, "window: got 63; allowed: at least 189, three horizons"),
    ],
)
def test_what_cannot_be_computed_is_refused_when_the_file_is_loaded(params: dict[str, object], message: str) -> None:
    spec = FactorSpec.model_validate(
        {"name": "lift", "function": "event_lift", "inputs": {"bars": "IWM"}, "params": params}
    )
    with pytest.raises(DefinitionError, match=message):
        check(spec, Source.nowhere("lift"), 0)
    if "window" not in params:
        with pytest.raises(DefinitionError, match=message):
            check(spec.model_copy(update={"function": "event_state"}), Source.nowhere("lift"), 0)
