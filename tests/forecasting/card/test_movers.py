"""What moves P(up) is told in words, with a value as people write it."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from bullbear.definitions import FactorSpec
from bullbear.forecasting.card.movers import movers_of

SPECS = [
    FactorSpec(name="log_vix", function="log_implied_volatility", inputs={"implied": "VIXCLS"}),
    FactorSpec(name="gap_200", function="sma_gap", inputs={"bars": "IWM"}, params={}),
]


@pytest.mark.parametrize(
    ("run_id", "words"), [("r1", ("the VIX", "12.6")), ("other", ("log vix", f"{math.log(0.126):.3g}"))]
)
def test_a_factor_has_its_words_where_its_champion_is_still_there(run_id: str, words: tuple[str, str]) -> None:
    drivers = [
        {"factor": "log_vix", "value": math.log(0.126), "contribution": 0.4},
        {"factor": "gap_200", "value": None, "contribution": -0.2},
    ]
    champion = SimpleNamespace(meta={"run_id": run_id}, factors=lambda: SPECS)
    entry = {"ticker": "IWM", "p_up": 0.5, "drivers": drivers, "model": {"run_id": "r1"}}
    sources: Any = SimpleNamespace(entry=entry, champion=lambda question: champion)
    first, second = movers_of(sources)
    assert (first["label"], first["value"]) == words
    assert (second["label"], second["value"]) == ("gap 200", "unknown")
    assert (first["points"], second["points"]) == (pytest.approx(10.0), pytest.approx(-5.0))
