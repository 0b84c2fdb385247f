"""The summary of a card: another model, one that was forced, and many series that are missing."""

from __future__ import annotations

from typing import Any

import pytest

from bullbear.forecasting.card.age_lines import age_lines
from bullbear.forecasting.card.outlook import outlook_says
from bullbear.forecasting.card.summary import summary_of


def entry(**keys: Any) -> dict[str, Any]:
    row = {"question": "dip5", "statement": "A dip.", "p": 0.27, "p_low": 0.2, "p_high": 0.33, "climatology": 0.27,
           "model": "outlook", "run_id": "ab12"}  # fmt: skip
    agent = {"weight": 0.6, "instrument": "IWM", "reasons": ["why"], "sleeves": []}
    return {
        "p_low": 0.39, "p_high": 0.52, "climatology": 0.508, "p_up": 0.434, "horizon_sessions": 21, "regime": "x",
        "resolves_on": "2020-01-31", "outlook": [row], "trend": None, "agents": {"bull": agent},
        "positions": {"IWM": 0.6, "CASH": 0.4}, "model": {"run_id": "38c76cc0"}, "data": {"stale": []},
        "account": {"trades": [], "since": None}, **keys,
    }  # fmt: skip


def test_a_new_model_and_one_that_was_forced_stand_in_the_summary() -> None:
    sentence = "the direction is forecast by logistic (run 38c76cc0), no longer by climatology"
    line = {"what": "model", "before": "0a", "after": "38c76cc0", "sentence": sentence, "why": []}
    forced = [{"question": "up", "model": "logistic"}]
    said = summary_of(entry(), {"lines": [line]}, forced=forced)
    assert "The direction is forecast by logistic (run 38c76cc0), no longer by climatology." in said
    assert "Logistic, which answers up, was promoted against the gate." in said
    assert "against the gate" in summary_of(entry(), {"lines": []}, forced=forced)
    refit = {**line, "before": "2019-10-31", "after": "2019-11-29", "sentence": "the model was refitted"}
    assert "refitted" not in summary_of(entry(), {"lines": [refit]})


def test_of_many_missing_series_three_are_named_once() -> None:
    names = [f"S{number}" for number in range(14)]
    said = summary_of(entry(data={"stale": names}), None)
    assert "S0, S1, S2 and 11 more are absent or stale." in said
    ages = {
        "model": {"sentence": "m."},
        "data": {"sentence": "d."},
        "series": [{"sentence": f"{n}: x."} for n in names],
    }
    assert age_lines({"ages": ages})[-1].startswith("Absent or stale: 14 series;")


@pytest.mark.parametrize(
    ("statement", "horizon", "usual", "unusual"),
    [
        ("A dip.", 21, "As usual: dip5 27 %.", "A dip: 27 %, usually 40 %"),
        ("A dip.", 63, "As usual: dip5 over 63 sessions 27 %.", "A dip over 63 sessions: 27 %, usually 40 %"),
        (
            "A dip in 63 sessions.",
            63,
            "As usual: dip5 over 63 sessions 27 %.",
            "A dip in 63 sessions: 27 %, usually 40 %",
        ),
    ],
)
def test_another_horizon_than_that_of_up_is_said_once(statement: str, horizon: int, usual: str, unusual: str) -> None:
    row = entry()["outlook"][0] | {"statement": statement, "horizon_sessions": horizon}
    assert outlook_says(entry(outlook=[row])).usual == usual
    assert outlook_says(entry(outlook=[row | {"climatology": 0.4}])).unusual == (unusual,)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, "7.4 points below the base rate; the interval holds the base rate, so the difference may be chance."),
        ({"p_low": None, "p_high": None}, "7.4 points below the base rate; there is no interval to judge that by."),
        ({"p_up": 0.508}, "No evidence against the base rate: nothing is known about the direction."),
    ],
)
def test_a_direction_that_differs_from_the_base_rate_is_not_called_nothing(keys: dict[str, Any], told: str) -> None:
    assert outlook_says(entry(**keys)).direction[-1].removeprefix("That is ") == told
