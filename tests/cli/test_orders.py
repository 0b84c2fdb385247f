"""`forecast --positions FILE --equity USD`: orders beside the forecast, and refusals before one is issued."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear.decide.book import Book
from bullbear.decide.policy import NoMemory, Sleeve, Slot, Stance
from bullbear.forecasting.ledger import Ledger
from bullbear.forecasting.order_list import orders_for
from bullbear.home import Home

Run = Callable[..., Any]
DAY = "2007-12-28"


def asked(bullbear: Run, home: Home, text: str | None, *more: object) -> Any:
    arguments = ["forecast", "--home", home.root, "--as-of", DAY]
    if text is not None:
        path = home.root / "mine.csv"
        path.write_text(text)
        arguments += ["--positions", path]
    return bullbear(*arguments, *more)


def test_orders_lead_to_the_positions_of_the_forecast(bullbear: Run, home: Home) -> None:
    answer = asked(bullbear, home, "ticker,shares,cost\nIWM,10,70\nTWM,4,\n", "--equity", 25_000, "--json")
    assert (answer.code, answer.err) == (0, "")
    entry = answer.json
    closes = {t: float(home.store().as_of().bars(t)["close"][DAY]) for t in ("IWM", "TWM")}
    after = {"IWM": 10.0, "TWM": 4.0}
    for order in entry["orders"]:
        assert isinstance(order["shares"], int)
        assert (order["price"], order["shares_before"]) == (closes[order["ticker"]], after[order["ticker"]])
        after[order["ticker"]] = order["shares_after"]
    for t, close in closes.items():
        reached, wanted = after[t] * close / 25_000, entry["positions"][t]
        assert wanted - 2 * close / 25_000 <= reached <= wanted
    portfolio = entry["portfolio"]
    assert portfolio["positions"][0]["profit"] == pytest.approx(10 * (closes["IWM"] - 70))
    assert portfolio["cash_after"] >= 0.0
    written = Ledger(home.forecasts / "ledger.jsonl").entries()
    assert not any({"orders", "portfolio"} & set(each) for each in written)
    assert entry["summary"].startswith("Your orders at the next open: ")
    printed = asked(bullbear, home, None, "--equity", 25_000).out
    assert "Orders for 25,000 USD, at the closes of 28 Dec 2007" in printed
    assert "Your orders at the next open: " in printed
    assert "The policy's own account. " in printed
    assert "keep " not in printed.split("Close ")[0]


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("ticker,shares\nIWM,-3\n", ("--equity", 25_000), "mine.csv:2 (shares): got '-3'"),
        ("ticker,shares\nXYZ,3\n", ("--equity", 25_000), "mine.csv:2 (ticker): got 'XYZ'; allowed: BIL,"),
        ("shares\n3\n", ("--equity", 25_000), "mine.csv:1: got 'shares'"),
        ("ticker,shares\nIWM,3\n", (), "--equity: not given; allowed: --equity USD beside --positions"),
        (None, ("--least-trade", 5), "--equity: not given"),
        (None, ("--equity", -5), "--equity: got -5.0"),
        (None, ("--equity", "nan"), "--equity: got nan"),
    ],
)
def test_nothing_is_issued_on_what_makes_no_sense(
    bullbear: Run, home: Home, text: str | None, more: tuple[object, ...], message: str
) -> None:
    before = (home.forecasts / "ledger.jsonl").read_bytes()
    answer = asked(bullbear, home, text, *more)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert answer.err.count("\n") == 1
    assert (home.forecasts / "ledger.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "equity", "message"),
    [
        ("ticker,shares\nIWM,3000\n", 25_000, "--equity: got 25000.0; allowed: at least what the positions are worth"),
        ("ticker,shares\nURTY,3\n", 25_000, "price of URTY: no close on 2007-12-28; allowed: tickers with a close"),
    ],
)
def test_positions_that_the_day_cannot_price_or_pay_are_refused(
    bullbear: Run, home: Home, text: str, equity: float, message: str
) -> None:
    answer = asked(bullbear, home, text, "--equity", equity)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_stops_that_rest_are_orders_in_prices_of_the_day_and_what_a_model_prices_is_left_to_the_hand(
    home: Home,
) -> None:
    entry = next(each for each in Ledger(home.forecasts / "ledger.jsonl").entries() if each["question"] == "up")
    bars = home.store().as_of().bars("IWM").loc[entry["decided_at"][:10]]
    slot = {"ticker": "IWM", "sleeve": "bull", "agent": "bull"}
    book = entry["account"]["book"]
    instrument = next(each for each in book["instruments"] if each["ticker"] == "IWM")
    book |= {
        "values": [], "marks": {"IWM": {"session": DAY, "price": float(bars["adj_close"])}}, "cash": 1.0,
        "orders": [{**slot, "weight": 0.5}], "instruments": [instrument],
        "stops": [{**slot, "price": 0.9 * float(bars["adj_close"])}],
    }  # fmt: skip
    assert Book.from_json(book).stops
    made = orders_for(home, entry | {"positions": {"IWM": 0.5, "IWM 70/75": 0.1, "CASH": 0.4}}, {}, equity=10_000.0)
    bought, stop = made.orders
    assert (stop.type, stop.shares, stop.shares_after) == ("stop", bought.shares, 0.0)
    assert stop.price == pytest.approx(0.9 * float(bars["close"]))
    assert made.notes == ("IWM 70/75: 10.0 % of equity, priced by a model alone: order it by hand",)


def test_a_stop_of_a_fund_with_a_model_has_a_price_of_the_day_too(home: Home) -> None:
    """Its total-return prices continue those of the model, so they stand at another level than the store's."""
    entry = next(each for each in Ledger(home.forecasts / "ledger.jsonl").entries() if each["question"] == "up")
    bar, session = home.store().as_of().bars("TWM").loc[entry["decided_at"][:10]], entry["decided_at"][:10]
    fund, close = home.instruments()["TWM"], 3.0 * float(bar["adj_close"])
    slot = Slot("TWM", "bear", "bear")
    sleeve = Sleeve(slot.sleeve, slot.agent, fund, 0.3, stop=0.9 * close)
    stance = Stance(pd.Timestamp(entry["decided_at"]), (sleeve,))
    book = Book(session=pd.Timestamp(session)).followed(stance, NoMemory(), "mine", {"TWM": close})
    entry["account"]["book"] = book.to_json()
    stop = orders_for(home, entry | {"positions": {"TWM": 0.3, "CASH": 0.7}}, {}, equity=10_000.0).orders[-1]
    assert stop.type == "stop"
    assert stop.price == pytest.approx(0.9 * float(bar["close"]))


def test_the_file_of_positions_is_named_in_the_help(bullbear: Run) -> None:
    assert "ticker,shares[,cost]" in bullbear("forecast", "--help").out.replace("\n", " ")


def test_a_missing_file_is_one_line(bullbear: Run, home: Home, tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    answer = bullbear("forecast", "--home", home.root, "--positions", path, "--equity", 1000)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert f"{path}: no such file" in answer.err
