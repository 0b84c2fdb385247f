from __future__ import annotations

import json
import math
from dataclasses import replace

import pandas as pd
import pytest

from bullbear.decide.book import Book, Mark
from bullbear.decide.instruments import packaged_instruments
from bullbear.decide.policies.band import BandMemory, BandPolicy, Level, Tier
from bullbear.decide.policies.buy_and_hold import BuyAndHold
from bullbear.decide.policy import NoMemory, Slot
from bullbear.errors import InputError

DAY = pd.Timestamp("2019-12-30").as_unit("us")
IWM, TWM, UWM = Slot("IWM", "bull", "bull"), Slot("TWM", "bear", "bear"), Slot("UWM", "bull", "bull")
OVERLAY = Slot("IWM", "overlay", "bull")
FUNDS = packaged_instruments()
MEMORY = BandMemory({"IWM": Level("exit", 150.1), "TWM": Level("reentry", 0.4, 0.1 + 0.2)}, Tier.HALF)
BOOK = Book(
    session=DAY,
    cash=0.1 + 0.2,
    values={IWM: 2 / 3, TWM: 0.1},
    marks={"IWM": Mark(DAY, 165.123456789012345), "TWM": Mark(DAY, 1 / 3)},
    orders={TWM: 0.0, IWM: 0.6},
    decided_on=DAY,
    instruments={t: FUNDS[t] for t in ("IWM", "TWM")},
    slots=(IWM, TWM),
    kind="band",
    memory=MEMORY.to_json(),
)
VALUE = {"ticker": "IWM", "sleeve": "bull", "agent": "bull"}


def test_a_book_survives_json_to_the_last_bit():
    again = Book.from_json(json.loads(json.dumps(BOOK.to_json())))
    assert again == BOOK
    assert again.recalled(BandPolicy()) == MEMORY
    assert again.equity == BOOK.equity == 0.1 + 0.2 + (2 / 3 + 0.1)
    start = Book(session=DAY)
    assert Book.from_json(start.to_json()) == start


def test_weights_are_fractions_of_equity():
    book = Book(session=DAY, cash=0.5, values={IWM: 1.0, OVERLAY: 0.5})
    assert book.weights == {"IWM": 0.75}
    assert book.held == {IWM: 0.5, OVERLAY: 0.25}


def test_another_kind_of_policy_remembers_nothing_of_it():
    assert BOOK.recalled(BuyAndHold()) == NoMemory()
    assert replace(BOOK, kind="buy_and_hold").recalled(BandPolicy()) == BandMemory()


@pytest.mark.parametrize("memory", [{"levels": {}}, {"levels": {"IWM": {"side": "up", "level": 1.0}}, "tier": 0},
                                    {"levels": {}, "tier": 7}, {"levels": None, "tier": 0}])  # fmt: skip
def test_a_memory_without_sense_is_refused(memory):
    with pytest.raises(InputError, match=r"book\.memory: got"):
        replace(BOOK, memory=memory).recalled(BandPolicy())


def test_orders_replace_those_that_wait_and_sell_what_has_no_target():
    book = Book(session=DAY, cash=0.5, values={IWM: 0.25, TWM: 0.25}, orders={UWM: 1.0}, instruments=FUNDS)
    assert book.ordered({IWM: 0.25}, FUNDS).orders == {TWM: 0.0}
    assert book.ordered({UWM: 0.5}, FUNDS).orders == {IWM: 0.0, TWM: 0.0, UWM: 0.5}
    assert book.ordered({UWM: 0.5}, FUNDS).instruments == {t: FUNDS[t] for t in ("IWM", "TWM", "UWM")}
    assert book.ordered({}, FUNDS).decided_on == DAY


def test_what_orders_lead_to_is_told_by_ticker():
    book = Book(session=DAY, cash=0.5, values={IWM: 0.25, OVERLAY: 0.25}, instruments=FUNDS)
    assert book.ordered({IWM: 0.25, OVERLAY: 0.5}, FUNDS).targets == {"IWM": 0.75}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cash": math.nan}, r"book\.cash: got nan"),
        ({"cash": -0.1}, r"book\.cash: got -0\.1"),
        ({"cash": "much"}, "book: got .ValueError"),
        ({"session": None}, "book: got .TypeError: None is not a day"),
        ({"values": [VALUE | {"ticker": "XYZ", "value": 1.0}]}, "XYZ without an instrument"),
        ({"values": [VALUE | {"value": math.inf}]}, r"book\.values\[IWM\]: got inf"),
        ({"marks": {}}, "IWM, TWM without a mark"),
        ({"values": [], "cash": 0.0}, r"equity 0\.0"),
        ({"instruments": [{"kind": "swap", "ticker": "IWM"}]}, "book: got .DefinitionError"),
        ({"slots": [{"ticker": "IWM"}]}, "book: got .KeyError"),
        ({"orders": None}, "book: got .TypeError"),
    ],
)
def test_a_document_without_sense_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Book.from_json(BOOK.to_json() | change)


def test_a_document_without_a_key_is_refused():
    with pytest.raises(InputError, match=r"book: got .KeyError: .*marks"):
        Book.from_json({key: value for key, value in BOOK.to_json().items() if key != "marks"})
