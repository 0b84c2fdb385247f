"""A card never contradicts itself: rules that hold whatever the entry, over entries built from drawn parts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from tests.forecasting.card.built import STATEMENTS, entry

from bullbear.cli.card.panel import forecast_panel
from bullbear.forecasting.card.decision import holdings_of, kept
from bullbear.forecasting.card.summary import NOTHING, summary_of
from bullbear.wording import percent

CHANGES = {"since": {"decided_at": "2018-12-21T21:00:00Z", "index": 0, "sentence": "since the forecast of 2018-12-21"},
           "lines": []}  # fmt: skip
LINE = {"what": "regime", "before": "uptrend", "after": "downtrend", "sentence": "regime: downtrend, after uptrend",
        "why": []}  # fmt: skip
SINCE = st.sampled_from([None, CHANGES, CHANGES | {"lines": [LINE]}])
NOTICE = st.sampled_from([[], [], ["The data are old."]])


def text_of(shown: dict[str, Any], width: int = 80) -> list[str]:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(forecast_panel(shown))
    return capture.get().splitlines()


def unusual(shown: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        each
        for each in shown["outlook"]
        if each["model"] and not each["p_low"] <= each["climatology"] <= each["p_high"]
    ]


def direction_is_unusual(shown: dict[str, Any]) -> bool:
    return not shown["p_low"] <= shown["climatology"] <= shown["p_high"]


@settings(max_examples=150, deadline=None)
@given(entry(), SINCE, NOTICE)
def test_the_summary_names_every_trade_with_its_reason_and_says_so_if_there_is_none(
    shown: dict[str, Any], changes: dict[str, Any] | None, notice: list[str]
) -> None:
    said = summary_of(shown, changes, notice)
    for trade in shown["account"]["trades"]:
        verb = "buy" if trade["change"] > 0.0 else "sell"
        agent = "bull" if trade["ticker"] == "IWM" else "bear"
        found = re.search(rf"{verb} (all )?{trade['ticker']} [^.]*?[\d.]+ %.*?Why: ([^.]*)", said, re.IGNORECASE)
        assert found is not None
        assert shown["agents"][agent]["reasons"][0].split(".")[0] in said
        for weight in (trade["weight_before"], trade["weight_after"]):
            assert weight == 0.0 or percent(weight) in said
    assert bool(shown["account"]["trades"]) == ("No trade" not in said and NOTHING not in said)
    assert bool(shown["account"]["trades"]) != (kept(shown) in said)


@settings(max_examples=150, deadline=None)
@given(entry(), SINCE, NOTICE)
def test_nothing_is_said_only_where_nothing_is(
    shown: dict[str, Any], changes: dict[str, Any] | None, notice: list[str]
) -> None:
    said = summary_of(shown, changes, notice)
    something = (
        shown["account"]["trades"]
        or shown["account"]["since"]["fills"]
        or unusual(shown)
        or direction_is_unusual(shown)
        or not shown["outlook"]
        or any(each["model"] is None for each in shown["outlook"])
        or (shown["trend"] and shown["trend"]["changed"])
        or (changes and changes["lines"])
        or shown["data"]["stale"]
        or shown["model"]["refit_overdue_sessions"]
        or notice
    )
    assert said.startswith(NOTHING) == (not something)


@settings(max_examples=50, deadline=None)
@given(entry())
def test_what_is_unusual_is_called_so_and_nothing_else(shown: dict[str, Any]) -> None:
    text, said = " ".join(line.strip("│ ") for line in text_of(shown)), summary_of(shown, None)
    rows = unusual(shown)
    assert ("Unusual" in text) == (bool(rows) or direction_is_unusual(shown))
    if rows or direction_is_unusual(shown):
        assert "normal month" not in text
        assert "Unusual: " in said or "The month is expected to be" in said
    for row in shown["outlook"]:
        usual = re.search(r"As usual: (.*?)(Base rates|P\(up)", text)
        assert bool(usual and row["question"] in usual.group(1)) == (row["model"] is not None and row not in rows)
    found = shown["distribution"]
    if "to be calm" in said:
        assert found["volatility"] < found["volatility_climatology"]
    if "to be wild" in said:
        assert found["volatility"] > found["volatility_climatology"]
    if "calm" in said or "wild" in said:
        (row,) = [each for each in rows if each["statement"] == STATEMENTS["vol20"]]
        assert (row["p"] < row["climatology"]) == ("calm" in said)


@settings(max_examples=50, deadline=None)
@given(entry())
def test_a_stop_stands_only_under_what_is_held_and_a_re_entry_only_where_nothing_is(shown: dict[str, Any]) -> None:
    for holding in holdings_of(shown):
        if holding.weight:
            assert holding.reentry is None
        else:
            assert (holding.stop_order, holding.stop_close) == (None, None)
    held = {each["ticker"] for agent in shown["agents"].values() for each in agent["sleeves"] if each["weight"]}
    stops = [each for each in shown["stops"] if each["ticker"] in held]
    text = "\n".join(text_of(shown, 160))
    assert ("stop order" in text) == any(each["resting"] for each in stops)
    assert ("sold at a close below" in text) == any(not each["resting"] for each in stops)
    assert ("bought back" in text) == any(each["ticker"] not in held for each in shown["reentries"])


@settings(max_examples=50, deadline=None)
@given(entry())
def test_weights_on_a_card_are_those_of_the_entry_and_numbers_are_as_people_write_them(shown: dict[str, Any]) -> None:
    lines = text_of(shown)
    assert all(len(line) <= 80 for line in lines)
    shares = [line for line in (each.strip("│ ") for each in lines) if line.startswith(("bull ", "bear ", "CASH "))]
    weights = [float(found.group(1)) for each in shares if (found := re.search(r"([\d.]+) %", each))]
    assert sum(weights) == pytest.approx(100.0, abs=0.2)
    text = "\n".join(line for line in lines if "hash" not in line)
    assert not re.search(r"(?<![\d.])[01]\.\d{3}|tier 0|wanted|\bnan\b|None|climatology(?! \(run)", text)


def test_a_position_that_is_cut_on_a_normal_evening_is_explained() -> None:
    """The two sentences met beside each other: a normal month, and a cut from 99 % to 61 %."""
    row = {"question": "dip5", "statement": STATEMENTS["dip5"], "p": 0.27, "p_low": 0.2, "p_high": 0.33,
           "climatology": 0.27, "model": "outlook", "run_id": "ab12"}  # fmt: skip
    why = "a volatility of 24.6 % a year against a target of 15 % makes 61.0 % of equity"
    sleeve = {"name": "bull", "ticker": "IWM", "weight": 0.61, "tier": 0}
    shown = {
        "p_low": 0.5, "p_high": 0.7, "climatology": 0.6, "p_up": 0.6, "horizon_sessions": 21,
        "resolves_on": "2020-01-31", "outlook": [row], "trend": None,
        "agents": {"bull": {"weight": 0.61, "instrument": "IWM", "reasons": [why], "sleeves": [sleeve]}},
        "positions": {"IWM": 0.61, "CASH": 0.39}, "model": {}, "data": {"stale": []},
        "account": {"trades": [{"ticker": "IWM", "weight_before": 0.99, "weight_after": 0.61}], "since": None},
    }  # fmt: skip
    assert summary_of(shown, None) == (
        f"Sell IWM from 99.0 % down to 61.0 % of equity. Why: {why}. "
        "Nothing differs from usual: the outlook is that of a normal month."
    )
