"""Live advice of ledger version 2 is continued as if today's version had given it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear.decide import Book
from bullbear.decide.book import Mark
from bullbear.decide.instruments import packaged_instruments
from bullbear.decide.policies.band import BandMemory, BandPolicy, Level, Tier
from bullbear.decide.policy import Slot
from bullbear.errors import InputError
from bullbear.forecasting.advised import advised
from bullbear.forecasting.earlier_account import present_book
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.ledger import Ledger
from bullbear.home import Home

EARLIER = {
    "session": "2019-12-30",
    "equity": 1.25,
    "cash": 0.25,
    "values": {"IWM": 0.75, "TZA": 0.25},
    "marks": {
        "IWM": {"session": "2019-12-30", "price": 164.5},
        "TZA": {"session": "2019-12-27", "price": 40.0},
        "TWM": {"session": "2019-12-30", "price": 14.5},
    },
    "orders": {"IWM": 0.5, "TWM": 0.15, "TZA": 0.0},
    "decided_on": "2019-12-30",
    "levels": {
        "IWM": {"side": "exit", "level": 160.25, "sold_below": None},
        "TWM": {"side": "reentry", "level": 15.0, "sold_below": 14.0},
    },
    "tier": 1,
    "bull": "IWM",
    "bear": "TWM",
}


def test_every_number_of_the_earlier_book_is_carried_over() -> None:
    book = Book.from_json(present_book(EARLIER, packaged_instruments()))
    day, iwm = pd.Timestamp("2019-12-30"), Slot("IWM", "bull", "bull")
    twm, tza = Slot("TWM", "bear", "bear"), Slot("TZA", "bear", "bear")
    assert book == Book(
        session=day,
        cash=0.25,
        values={iwm: 0.75, tza: 0.25},
        marks={"IWM": Mark(day, 164.5), "TZA": Mark(pd.Timestamp("2019-12-27"), 40.0), "TWM": Mark(day, 14.5)},
        orders={iwm: 0.5, twm: 0.15, tza: 0.0},
        decided_on=day,
        instruments={ticker: packaged_instruments()[ticker] for ticker in ("IWM", "TWM", "TZA")},
        slots=(iwm, twm),
        kind="band",
        memory={"levels": EARLIER["levels"], "tier": 1},
    )
    assert book.equity == EARLIER["equity"]
    levels = {"IWM": Level("exit", 160.25), "TWM": Level("reentry", 15.0, 14.0)}
    assert book.recalled(BandPolicy()) == BandMemory(levels, Tier.HALF)


def test_a_fund_that_a_home_no_longer_defines_is_named() -> None:
    known = {t: each for t, each in packaged_instruments().items() if t != "TZA"}
    with pytest.raises(InputError, match=r"an account that holds TZA'; allowed: the instruments IWM, .*define it in"):
        present_book(EARLIER, known)


def test_a_book_of_neither_form_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"ledger\.jsonl: got \"KeyError: 'levels'\"; allowed: the account of an entry"
    ):
        present_book({key: value for key, value in EARLIER.items() if key != "levels"}, packaged_instruments())


def test_entries_of_that_version_in_the_present_form_are_read_as_they_are() -> None:
    document = Book.from_json(present_book(EARLIER, packaged_instruments())).to_json()
    entry: dict[str, Any] = {"ticker": "IWM", "decided_at": "2019-12-30T21:00:00Z", "kind": "live", "data": {}}
    for book in (EARLIER, document):
        said = entry | {"account": {"kind": "advised", "book": book}, "schema_version": 2}
        before = advised([said], "IWM", simulated=False, decided_at="2019-12-31T21:00:00Z").before
        assert before == Book.from_json(document)


def test_the_evening_after_an_entry_of_version_2_advises_as_after_one_of_today(home: Home) -> None:
    for day in ("2007-12-24", "2007-12-26", "2007-12-27"):
        last = issue(home, day, now=pd.Timestamp(f"{day} 22:00", tz="UTC"))
    assert last["account"]["book"]["values"]
    assert last["account"]["book"]["memory"]["levels"]
    earlier = Home(Path(shutil.copytree(home.root, home.root.parent / "earlier", symlinks=True)))
    for path in earlier.forecasts.glob("ledger.*"):
        path.unlink()
    _write_as_version_2(Ledger(earlier.forecasts / "ledger.jsonl"), last)

    now = pd.Timestamp("2007-12-28 22:00", tz="UTC")
    expected, found = (issue(place, "2007-12-28", now=now) for place in (home, earlier))
    for key in ("account", "positions", "stops", "agents"):
        assert found[key] == expected[key]


LATER = {"ledger", "batch", "question", "asks", "outlook", "distribution"}
"""Keys that an entry of version 2 has not."""


def _write_as_version_2(ledger: Ledger, entry: dict[str, Any]) -> None:
    book = entry["account"]["book"]
    fund = {slot["agent"]: slot["ticker"] for slot in book["slots"]}
    kept = {key: book[key] for key in ("session", "equity", "cash", "marks", "decided_on")}
    earlier = {
        **kept,
        "values": {each["ticker"]: each["value"] for each in book["values"]},
        "orders": {each["ticker"]: each["weight"] for each in book["orders"]},
        **book["memory"],
        **fund,
    }
    content = json.loads(json.dumps({key: value for key, value in entry.items() if key not in LATER}))
    content |= {"schema_version": 2, "account": {**entry["account"], "book": earlier}}
    ledger.append(content, identity=("decided_at",))
