"""Today's card says what its document says, in words, and leaves out what the document lacks."""

from __future__ import annotations

from typing import Any

from bullbear.report.section import Block, Bullets, Details, Facts, Grid, Panel, Section, Text, Tiles
from bullbear.report.sections.today import today_section
from bullbear.report.tables import Table


def words(blocks: Any) -> str:
    """All text of blocks, in order."""
    found: list[str] = []
    block: Block
    for block in blocks:
        if isinstance(block, Text):
            found.append(block.text)
        elif isinstance(block, Bullets):
            found += block.lines
        elif isinstance(block, Tiles):
            found += [f"{tile.label}: {tile.value} ({tile.note})" for tile in block.tiles]
        elif isinstance(block, Facts):
            found += [f"{name}: {value}" for name, value in block.rows]
        elif isinstance(block, Table):
            found += [block.caption, *(" | ".join(row) for row in block.rows)]
        elif isinstance(block, Panel | Grid | Details):
            found.append(words(block.blocks))
        else:
            found.append(getattr(block, "text", ""))
    return "\n".join(found)


def _card(forecast: dict[str, Any], **keys: Any) -> Section:
    return today_section(forecast | keys)


def test_the_ledger_entry_alone_is_told(forecast: dict[str, Any]) -> None:
    text = words(_card(forecast).blocks)
    for expected in (
        "Higher on 31 Jan 2020: 61 % (usually 58 %)",
        "Bull: 88 % (of the account in IWM)",
        "Bear: out (holds nothing)",
        "P(up over 21 sessions, to 31 Jan 2020): 61.2 %, usually 58.0 %; 90 % interval 54.1 % to 67.9 %.",
        "That is 3.2 points above the base rate; the interval holds the base rate, so the difference may be chance.",
        "IWM is sold at a close below 159.37.",
        "rsi_14 | 61.25 | +0.041",
        "run " + forecast["model"]["run_id"],
        "entry 7, " + "ab" * 32,
    ):
        assert expected in text, expected
    assert "unknown" not in text
    assert "replay" not in text.lower()


def test_a_base_rate_outside_the_interval_is_said_and_a_missing_interval_too(forecast: dict[str, Any]) -> None:
    outside = "the base rate, which lies outside the interval"
    assert f"That is 11.2 points above {outside}" in words(_card(forecast, climatology=0.5).blocks)
    assert f"That is 8.8 points below {outside}" in words(_card(forecast, climatology=0.7).blocks)
    assert "usually 58.0 %; no interval." in words(_card(forecast, p_low=None, p_high=None).blocks)


def test_everything_that_the_card_adds_is_shown(forecast: dict[str, Any]) -> None:
    then = {"return": -0.0312, "low": -0.071, "volatility": 0.24, "up": False}
    document = {
        "kind": "replay",
        "regime": "distribution",
        "issued_at": "2020-01-01T02:00:00Z",
        "summary": "hold IWM; the month should be quiet",
        "price": {"close": 165.67, "previous": 165.44, "change": 0.23, "day": 0.0014, "high_52w": 167.12,
                  "low_52w": 131.54, "from_high": -0.0087},
        "trend": {"since": "2019-12-18", "reason": "a new high", "name": "uptrend", "changed": False},
        "distribution": {"volatility": 0.1316, "volatility_climatology": 0.187, "quantiles": {}},
        "changes": {"since": {"decided_at": "2019-12-30T21:00:00Z", "sentence": "since the forecast of 2019-12-30"},
                    "lines": [{"what": "probability", "sentence": "the chance of a dip fell", "why": [
                        {"family": "volatility", "factor": None, "sentence": "volatility did most of it"},
                        {"family": "volatility", "factor": "vix", "sentence": "VIX fell"}]}]},
        "triggers": [{"sentence": "Bull sells on a close of IWM below 149.53"}],
        "account": {"kind": "advised", "trades": [
            {"ticker": "IWM", "change": -0.4, "weight_before": 0.875, "weight_after": 0.475}]},
        "active_odds": [{"statement": "RSI left 70: 3 of 4 fell."}],
        "situations": {"nearest": [{"date": "2017-05-03", "then": then}], "note": "by five factors"},
        "ages": {"data": {"sentence": "the data are of today"}, "model": {"sentence": "the model is a month old"}},
    }  # fmt: skip
    text = words(_card(forecast, **document).blocks)
    for expected in (
        "Hold IWM; the month should be quiet.",
        "A replay: computed in hindsight",
        "Close: 165.67 (up 0.1 % on the day; 0.9 % below the 52-week high of 167.12 (low 131.54))",
        "Volatility ahead: 13 % (a year; usually 19 %)",
        "Regime: distribution (the close is below a 200-session average that still rises)",
        "Trend of the agents: uptrend (since 18 Dec 2019)",
        "What changed since the forecast of 2019-12-30",
        "The chance of a dip fell. Volatility did most of it: VIX fell.",
        "Trend of the agents: uptrend since 18 Dec 2019: a new high.",
        "Bull sells on a close of IWM below 149.53.",
        "Sell IWM from 87.5 % down to 47.5 % of equity: P(up) 0.612 is in the bull band [0.60, 1].",
        "Positions follow the paper account of live advice.",
        "RSI left 70: 3 of 4 fell.",
        "3 May 2017 | -3.1 % | -7.1 % | 24 % | lower",
        "By five factors.",
        "The model is a month old. The data are of today.",
        "2020-01-01 02:00 UTC (replay)",
    ):
        assert expected in text, expected
    quiet = _card(forecast, active_odds=[], odds_note="no active event has odds beyond luck", drivers=[], changes=None)
    assert "no earlier forecast to compare with" in words(quiet.blocks)
    assert "No active event has odds beyond luck." in words(quiet.blocks)
    assert "rsi_14" not in words(quiet.blocks)


def test_the_high_of_the_year_is_said(forecast: dict[str, Any]) -> None:
    now = {"close": 10.0, "change": None, "day": None, "from_high": 0.0, "high_52w": 10.0, "low_52w": 8.0}
    assert "Close: 10.00 (at the 52-week high of 10.00 (low 8.00))" in words(_card(forecast, price=now).blocks)
