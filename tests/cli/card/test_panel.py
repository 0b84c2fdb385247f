"""The panel of a forecast: one level per thing, each under its name; what it says of the time of issue."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from bullbear.cli.card.panel import forecast_panel
from bullbear.forecasting.ledger import Ledger, of_question, with_provenance
from bullbear.home import Home

STOP = {"ticker": "IWM", "level": 159.37, "atr": 1.83, "multiple": 7.0, "side": "exit"}
REENTRY = {"ticker": "IWM", "level": 161.25, "atr": 1.83, "multiple": 3.0, "side": "reentry"}
OUT = {
    "agents": {
        "bull": {"weight": 0.0, "instrument": "IWM", "reasons": []},
        "bear": {"weight": 0.0, "instrument": "TWM", "tier": 0, "reasons": []},
    },
    "positions": {"IWM": 0.0, "CASH": 1.0},
}


def shown(**changes: Any) -> list[str]:
    entry = {
        "ticker": "IWM",
        "decided_at": "2019-12-31T21:00:00Z",
        "resolves_on": "2020-01-31",
        "horizon_sessions": 21,
        "p_up": 0.61,
        "p_low": 0.54,
        "p_high": 0.67,
        "climatology": 0.58,
        "regime": "calm",
        "agents": {
            "bull": {"weight": 0.875, "instrument": "IWM", "reasons": []},
            "bear": {"weight": 0.0, "instrument": "TWM", "tier": 0, "reasons": []},
        },
        "positions": {"IWM": 0.875, "TWM": 0.0, "CASH": 0.125},
        "stops": [],
        "drivers": [],
        "model": {"name": "base", "run_id": "0e1f", "trained_through": "2019-11-29"},
        "data": {"fingerprint": "f1e2", "last_known_at": "2019-12-31T21:00:00Z", "stale": [], "simulated": False},
        "ledger": {"index": 7, "hash": "ab"},
        **changes,
    }
    console = Console(width=160, record=True)
    with console.capture() as capture:
        console.print(forecast_panel(entry))
    return [line.strip("│ ").rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"stops": [STOP], "reentries": []}, {"sold at a close below": "159.37"}),
        ({"stops": [], "reentries": [REENTRY], **OUT}, {"bought back at a close above": "161.25"}),
        ({"stops": [REENTRY], **OUT}, {"bought back at a close above": "161.25"}),  # an entry of an earlier version
        ({"stops": [STOP | {"resting": True}], "reentries": []}, {"stop order": "159.37"}),
    ],
)
def test_a_re_entry_level_is_never_called_a_stop(changes: dict[str, Any], row: dict[str, str]) -> None:
    lines = shown(**changes)
    (title, level), head = *row.items(), next(line for line in lines if line.startswith("agent"))
    line = next(line for line in lines if line.startswith("bull"))
    weight = "0.0 %" if "bought" in title else "87.5 %"
    assert head.split(maxsplit=3) == ["agent", "fund", "weight", title]
    assert line.split(maxsplit=2) == ["bull", "IWM", f"{weight}{' ' * (len(title) + 2 - len(level))}{level}"]
    if "bought" in title:
        assert not any("stop" in each or "sold" in each for each in lines)


def test_a_stop_without_a_position_and_a_re_entry_beside_one_are_not_shown() -> None:
    for changes in ({"stops": [STOP], **OUT}, {"stops": [], "reentries": [REENTRY]}):
        head = next(line for line in shown(**changes) if line.startswith("agent"))
        assert head.split() == ["agent", "fund", "weight"]


def test_without_levels_there_are_no_columns_for_them_and_an_idle_agent_says_so() -> None:
    lines = shown()
    assert next(line for line in lines if line.startswith("agent")).split() == ["agent", "fund", "weight"]
    assert next(line for line in lines if line.startswith("bear")).split() == ["bear", "no", "position"]
    assert any(line.split() == ["CASH", "12.5", "%"] for line in lines)


BOTH = {
    "bull": {"weight": 0.5, "instrument": "IWM", "reasons": [], "sleeves": [
        {"name": "bull", "ticker": "IWM", "weight": 0.4, "tier": 0},
        {"name": "overlay", "ticker": "IWM", "weight": 0.1, "tier": 0}]},
    "bear": {"weight": 0.2, "instrument": "TWM", "tier": 2, "reasons": ["tier 2 on the rebound"], "sleeves": [
        {"name": "bear", "ticker": "RWM", "weight": 0.0, "tier": 2},
        {"name": "bear", "ticker": "TWM", "weight": 0.2, "tier": 2}]},
}  # fmt: skip


def test_each_sleeve_has_its_line_its_tier_and_its_own_stop() -> None:
    stop = STOP | {"level": 151.5, "resting": True, "sleeve": "overlay", "agent": "bull"}
    lines = shown(agents=BOTH, stops=[stop], reentries=[])
    start = next(number for number, line in enumerate(lines) if line.startswith("agent"))
    assert [line.split() for line in lines[start : start + 6]] == [
        ["agent", "fund", "weight", "tier", "stop", "order"],
        ["bull", "IWM", "40.0", "%"],
        ["bull", "IWM", "(overlay)", "10.0", "%", "151.50"],
        ["bear", "TWM", "20.0", "%", "2"],
        ["CASH", "12.5", "%"],
        [],
    ]
    assert "Bear: tier 2 on the rebound." in lines


def test_the_trend_and_what_comes_next_are_said() -> None:
    trend = {"name": "breakdown", "since": "2019-08-05", "reason": "a close 1.2 ATRs below 148.00", "changed": False}
    triggers = [{"sentence": "The Bear sells on a close of IWM above 193.40"}]
    lines = shown(trend=trend, triggers=triggers)
    start = next(number for number, line in enumerate(lines) if line.startswith("Trend"))
    assert lines[start : start + 2] == [
        "Trend of the agents: breakdown since 5 Aug 2019: a close 1.2 ATRs below 148.00.",
        "Next: The Bear sells on a close of IWM above 193.40.",
    ]
    new = "Trend of the agents: breakdown, new at this close: a close 1.2 ATRs below 148.00."
    assert new in shown(trend=trend | {"changed": True})
    assert not any(line.startswith(("Trend", "Next")) for line in shown(trend=None, triggers=[]))


SINCE = {
    "session": "2019-12-30",
    "equity": 1.25,
    "return": 0.004,
    "profit": {"bull": 0.0075, "bear": 0.0, "interest": 0.0, "costs": -0.0025, "total": 0.005},
    "orders": [
        {"ticker": "IWM", "sleeve": "bull", "agent": "bull", "held": 0.5, "wanted": 0.6, "reached": 0.6, "close": 160.0,
         "price": 161.5, "session": "2019-12-31", "note": "a gap of +0.9%"},
        {"ticker": "TWM", "sleeve": "bear", "agent": "bear", "held": 0.1, "wanted": 0.2, "reached": 0.1, "close": 12.0,
         "price": None, "session": None, "note": "not filled: no cash"},
    ],
    "fills": [
        {"ticker": "IWM", "sleeve": "bull", "why": "order", "price": 161.5, "session": "2019-12-31",
         "weight_before": 0.5, "weight_after": 0.6},
        {"ticker": "IWM", "sleeve": "overlay", "why": "stop", "price": 158.0, "session": "2019-12-31",
         "weight_before": 0.05, "weight_after": 0.0},
    ],
}  # fmt: skip


def test_the_paper_account_tells_its_profit_its_fills_and_what_differed_from_the_advice() -> None:
    account = {"kind": "advised", "trades": [], "book": {"equity": 1.254}, "since": SINCE}
    lines = shown(account=account)
    start = next(number for number, line in enumerate(lines) if line.startswith("Positions follow"))
    assert lines[start : start + 5] == [
        "Positions follow the paper account of live advice.",
        "Equity 1.25 (start 1.00), +0.40 % since 30 Dec 2019 (bull +0.60 %, costs -0.20 %).",
        "IWM (bull): 60.0 % advised, 60.0 % reached at 161.50 on 31 Dec 2019; a gap of +0.9%",
        "TWM (bear): 20.0 % advised, 10.0 % reached; not filled: no cash",
        "IWM (overlay): stopped out at 158.00 on 31 Dec 2019, 5.0 % sold",
    ]
    assert "No trade at the next open." in lines


def test_orders_come_in_whole_shares_with_what_they_leave() -> None:
    orders = [
        {"type": "open", "action": "sell", "ticker": "TWM", "shares": 1200, "price": 12.5, "value": 15000.0,
         "shares_before": 1200.0, "shares_after": 0.0, "weight": 0.0},
        {"type": "stop", "action": "sell", "ticker": "IWM", "shares": 40, "price": 151.5, "value": 6060.0,
         "shares_before": 40.0, "shares_after": 0.0, "weight": 0.0},
    ]  # fmt: skip
    portfolio = {"equity": 25000.0, "cash_after": 18600.4, "cost": 4.5, "notes": ["UWM: 12 USD to buy is less"]}
    lines = shown(orders=orders, portfolio=portfolio)
    start = next(number for number, line in enumerate(lines) if line.startswith("Orders for 25,000 USD, at the closes"))
    assert [line.split() for line in lines[start + 2 : start + 5]] == [
        ["sell", "1,200", "TWM", "12.50", "15,000", "0"],
        ["sell", "stop", "40", "IWM", "151.50", "6,060", "0"],
        ["CASH", "18,600", "costs", "of", "about", "4.50"],
    ]
    assert "UWM: 12 USD to buy is less" in lines
    assert "none" in shown(orders=[], portfolio=portfolio)


ROW = {"question": "dip8", "statement": "A close 8 % or more below today's within the month.", "p": 0.191,
       "p_low": 0.142, "p_high": 0.252, "climatology": 0.123, "lift": 1.55, "skill": 0.104,
       "skill_low": 0.041, "skill_high": 0.162,
       "model": "wild", "run_id": "ab12"}  # fmt: skip
USUAL = ROW | {"question": "dip5", "p": 0.26, "p_low": 0.2, "p_high": 0.3, "climatology": 0.25}
ALONE = ROW | {"question": "rally5", "p": 0.31, "climatology": 0.31, "model": None, "run_id": None, "skill": 0.0}
UP = USUAL | {"question": "up"}


def test_what_is_unusual_comes_in_a_table_before_the_rest() -> None:
    lines = shown(outlook=[UP, ALONE, USUAL, ROW])
    start = next(number for number, line in enumerate(lines) if line.startswith("Unusual within the month"))
    assert lines[start + 1].split("  ")[0] == "A close 8 % or more below today's within the month"
    assert lines[start + 1].split("  ")[-1].strip() == "+10 % (+4 % to +16 %)"
    assert lines[start + 3 : start + 6] == [
        "As usual: dip5 26 % (usually 25 %).",
        "Base rates alone, for want of a champion: rally5 31 %.",
        "P(up over 21 sessions, to 31 Jan 2020): 61.0 %, usually 58.0 %; 90 % interval 54.0 % to 67.0 %.",
    ]


def test_a_skill_that_no_row_knows_has_no_column() -> None:
    assert not any("skill" in line for line in shown(outlook=[UP, ROW | {"skill_low": None}]))


def text_of(entry: dict[str, Any]) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(forecast_panel(entry))
    return capture.get()


@pytest.mark.parametrize(
    ("issued_at", "expected"),
    [
        ("2007-12-31T21:30Z", "; live, issued at 2007-12-31T21:30:00Z, "),
        ("2026-11-26T00:00Z", "; replay, issued at 2026-11-26T00:00:00Z, "),
    ],
)
def test_a_panel_says_whether_the_forecast_is_live(trained_home: Home, issued_at: str, expected: str) -> None:
    entry = of_question(Ledger(trained_home.forecasts / "ledger.jsonl").entries())[1]
    assert entry["decided_at"] == "2007-12-31T21:00:00Z"
    assert expected in text_of(with_provenance(entry, pd.Timestamp(issued_at)))


def test_a_panel_of_an_entry_of_the_old_schema_says_nothing_of_it(trained_home: Home) -> None:
    entry = of_question(Ledger(trained_home.forecasts / "ledger.jsonl").entries())[1]
    old = {key: value for key, value in entry.items() if key not in ("schema_version", "issued_at", "kind")}
    assert "issued at" not in text_of(old)


def test_a_panel_counts_the_sessions_from_the_close_to_the_issue(trained_home: Home) -> None:
    entry = of_question(Ledger(trained_home.forecasts / "ledger.jsonl").entries())[1]
    for behind, expected in ((1, ", 1 session after its close."), (4756, ", 4,756 sessions after its close.")):
        entry["data"]["sessions_behind"] = behind
        assert expected in text_of(entry)


def test_what_must_be_known_first_is_in_the_first_lines() -> None:
    ages = {"notice": ["The data are old.", "It says nothing of today."], "series": [],
            "model": {"sentence": "The model is new."}, "data": {"sentence": "The data are old."}}  # fmt: skip
    lines = shown(ages=ages)
    assert lines[1:3] == ["The data are old.", "It says nothing of today."]
    assert sum("The data are old." in line for line in lines) == 1
