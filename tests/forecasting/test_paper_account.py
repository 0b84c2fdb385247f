"""The paper account from the ledger: every evening follows from the one before, or says why it does not."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from bullbear.errors import NoDataError
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.forecasting.paper_account import paper_account
from bullbear.home import Home

DAYS = ("2007-12-26", "2007-12-27", "2007-12-28")


def entry(number: int, day: str, equity: float, **account: Any) -> dict[str, Any]:
    return {
        "ticker": "IWM",
        "kind": "live",
        "decided_at": f"{day}T21:00:00Z",
        "positions": {"IWM": 0.6, "CASH": 0.4},
        "data": {"simulated": False},
        "ledger": {"index": number},
        "account": {
            "kind": "advised",
            "trades": [],
            "book": {"equity": equity, "orders": [{"ticker": "IWM", "sleeve": "bull", "agent": "bull", "weight": 0.6}]},
            "since": None,
            **account,
        },
    }


def statement(session: str, equity: float, **profit: float) -> dict[str, Any]:
    order = {"ticker": "IWM", "sleeve": "bull", "agent": "bull", "wanted": 0.6, "reached": 0.6, "note": "as advised"}
    total = sum(profit.values())
    return {
        "session": session, "equity": equity, "return": total / equity, "profit": {**profit, "total": total},
        "orders": [order], "fills": [],
    }  # fmt: skip


def evenings(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    return paper_account(entries, simulated=False)["evenings"]


FIRST = entry(0, DAYS[0], 1.0)
SECOND = entry(1, DAYS[1], 1.01, since=statement(DAYS[0], 1.0, bull=0.012, costs=-0.002))


def test_an_evening_is_reconciled_by_its_statement():
    account = paper_account([FIRST, SECOND], simulated=False)
    assert (account["ticker"], account["start"], account["equity"]) == ("IWM", DAYS[0], 1.01)
    assert account["return"] == pytest.approx(0.01)
    assert [row["reconciled"] for row in account["evenings"]] == [True, True]
    assert [row["note"] for row in account["evenings"]] == ["starts in cash", ""]
    assert [row["return"] for row in account["evenings"]] == [None, pytest.approx(0.01)]
    assert account["evenings"][1]["orders"][0]["note"] == "as advised"


def test_the_last_advice_of_an_evening_counts():
    again = entry(2, DAYS[1], 1.01, since=statement(DAYS[0], 1.0, bull=0.01), replaces=1)
    assert [row["entry"] for row in evenings(FIRST, SECOND, again)] == [0, 2]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"since": statement(DAYS[0], 1.1, bull=-0.09)}, f"the equity after the advice of {DAYS[0]} is 1.100000000 by"),
        ({"since": statement(DAYS[0], 1.0, bull=0.02)}, "the equity is 1.020000000 by the statement, 1.010000000 by"),
        ({"since": statement("2007-12-24", 1.0, bull=0.01)}, "continues the advice of 2007-12-24, not that of"),
        ({"since": None}, f"does not continue the advice of {DAYS[0]}: the account began anew"),
        ({"since": statement(DAYS[0], 1.0, bull=0.01) | {"orders": []}}, "the orders are not those advised on"),
    ],
)
def test_what_does_not_follow_says_why(change, note):
    row = evenings(FIRST, entry(1, DAYS[1], 1.01, **change))[1]
    assert not row["reconciled"]
    assert row["note"].startswith(note)


def test_profit_by_source_must_sum_to_the_whole():
    since = statement(DAYS[0], 1.0, bull=0.01)
    since["profit"]["costs"] = -0.001
    assert evenings(FIRST, entry(1, DAYS[1], 1.01, since=since))[1]["note"].startswith("the profit by source is 0.009")


def test_entries_of_an_earlier_version_kept_no_statement():
    old = copy.deepcopy(SECOND)
    del old["account"]["since"]
    (_, row) = evenings(FIRST, old)
    assert (row["note"], row["return"]) == ("of an earlier version, which kept no statement", pytest.approx(0.01))
    alone = evenings(SECOND)[0]
    assert alone["note"] == f"continues the advice of {DAYS[0]}, which the ledger does not hold"


def test_without_live_advice_there_is_no_account():
    with pytest.raises(NoDataError, match=r"ledger\.jsonl: no live advice; allowed: a ledger with a forecast issued"):
        paper_account([FIRST | {"kind": "replay"}], simulated=False)
    with pytest.raises(NoDataError, match="no live advice on QQQ"):
        paper_account([FIRST], "QQQ", simulated=False)
    with pytest.raises(NoDataError, match=r"no live advice.*a simulated market has no next open: `bullbear fetch`"):
        paper_account([FIRST], simulated=True)


def test_evenings_of_live_advice_are_reconciled_and_shown(home: Home, bullbear: Callable[..., Any]) -> None:
    for day in DAYS:
        issue(home, day, now=pd.Timestamp(f"{day}T22:00", tz="UTC"))
    entries = of_question(Ledger(home.forecasts / "ledger.jsonl").entries())
    account = paper_account(entries, simulated=True)
    assert [row["decided_on"] for row in account["evenings"]] == list(DAYS)
    assert [row["reconciled"] for row in account["evenings"]] == [True] * 3
    assert [row["issued_at"] for row in account["evenings"]] == [f"{day}T22:00:00Z" for day in DAYS]
    first = account["evenings"][1]
    assert first["orders"][0]["ticker"] == "IWM"
    assert first["orders"][0]["price"] == home.store().as_of().bars("IWM")["open"][DAYS[1]]
    document = bullbear("account", "--home", home.root, "--json").json
    assert document["evenings"] == account["evenings"]
    told = bullbear("account", "--home", home.root, "--last", 2)
    assert (told.code, told.err) == (0, "")
    assert "3 of 3 evenings are reconciled" in told.out
    assert DAYS[0] not in told.out.split("Advised")[0]
    assert re.search(rf"{DAYS[2]} +22:00 UTC ", told.out)
    (home.forecasts / "ledger.jsonl").unlink()
    (home.forecasts / "ledger.head").unlink()
    none = bullbear("account", "--home", home.root)
    assert (none.code, none.err.count("\n")) == (2, 1)
