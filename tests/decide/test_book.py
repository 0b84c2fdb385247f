from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from bullbear.decide.book import Book, Mark
from bullbear.decide.policy import Level, Tier
from bullbear.errors import InputError

DAY = pd.Timestamp("2019-12-30").as_unit("us")
BOOK = Book(
    session=DAY,
    cash=0.1 + 0.2,
    values={"IWM": 2 / 3, "TWM": 0.1},
    marks={"IWM": Mark(DAY, 165.123456789012345), "TWM": Mark(DAY, 1 / 3)},
    orders={"TWM": 0.0, "IWM": 0.6},
    decided_on=DAY,
    levels={"IWM": Level("exit", 150.1), "TWM": Level("reentry", 0.4, 0.1 + 0.2)},
    tier=Tier.HALF,
    bull="IWM",
    bear="TWM",
)


def test_a_book_survives_json_to_the_last_bit():
    again = Book.from_json(json.loads(json.dumps(BOOK.to_json())))
    assert again == BOOK
    assert again.tier is Tier.HALF
    assert again.equity == BOOK.equity == 0.1 + 0.2 + (2 / 3 + 0.1)
    start = Book(session=DAY)
    assert Book.from_json(start.to_json()) == start


def test_weights_are_fractions_of_equity():
    assert Book(session=DAY, cash=0.5, values={"IWM": 1.5}).weights == {"IWM": 0.75}


def test_orders_replace_those_that_wait_and_sell_what_has_no_target():
    book = Book(session=DAY, cash=0.5, values={"IWM": 0.25, "TWM": 0.25}, orders={"UWM": 1.0})
    assert book.ordered({"IWM": 0.25, "CASH": 0.75}).orders == {"TWM": 0.0}
    assert book.ordered({"UWM": 0.5}).orders == {"IWM": 0.0, "TWM": 0.0, "UWM": 0.5}
    assert book.ordered({}).decided_on == DAY


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cash": math.nan}, r"book\.cash: got nan"),
        ({"cash": -0.1}, r"book\.cash: got -0\.1"),
        ({"cash": "much"}, "book: got .ValueError"),
        ({"session": None}, "book: got .TypeError: None is no day"),
        ({"values": {"XYZ": 1.0}}, "instrument: got 'XYZ'"),
        ({"values": {"IWM": math.inf}}, r"book\.values\[IWM\]: got inf"),
        ({"values": {"IWM": 0.5, "UWM": 0.5}}, "UWM without a mark"),
        ({"values": {}, "cash": 0.0}, r"equity 0\.0"),
        ({"levels": {"IWM": {"side": "exit", "level": math.nan, "sold_below": None}}}, r"book\.levels\[IWM\]: got nan"),
        (
            {"levels": {"IWM": {"side": "reentry", "level": 1, "sold_below": math.inf}}},
            r"levels\[IWM\]\.sold_below: got",
        ),
        ({"levels": {"IWM": {"side": "up", "level": 1.0}}}, "book: got .ValueError: 'up' is neither exit nor reentry"),
        ({"tier": 7}, "book: got .ValueError"),
        ({"orders": None}, "book: got .AttributeError"),
    ],
)
def test_a_document_without_sense_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Book.from_json(BOOK.to_json() | change)


def test_a_document_without_a_key_is_refused():
    with pytest.raises(InputError, match=r"book: got .KeyError: .*marks"):
        Book.from_json({key: value for key, value in BOOK.to_json().items() if key != "marks"})
