"""Tickers come and go; companies stay what they are."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from tests.data.companies.simulated.conftest import Drawn

from bullbear.data.companies.simulated.names import Names, _code, names_of


@pytest.fixture(scope="module")
def drawn(block_of: Callable[[int, float, int, int], Drawn]) -> Drawn:
    return block_of(1, 0.0, 2, 8)


@pytest.fixture(scope="module")
def names(drawn: Drawn) -> Names:
    return names_of(drawn.market, drawn.lives, drawn.traits, 2)


def test_identities_are_unique_and_say_which_user_of_a_ticker_it_is(names: Names) -> None:
    assert len(set(names.ids)) == len(names.ids)
    first = {}
    for each in names.listings:
        first.setdefault(each.company, each.ticker)
    for company, identity in enumerate(names.ids):
        assert identity.split(".")[0] == first[company]


def test_a_recycled_ticker_belongs_to_one_company_at_a_time(drawn: Drawn, names: Names) -> None:
    users: dict[str, list[tuple[int, int]]] = {}
    for place, each in enumerate(names.listings):
        if each.status == "delisted":
            continue
        later = [other.row for other in names.listings[place + 1 :] if other.company == each.company]
        end = min([*later, int(drawn.lives.last[each.company]) + 1])
        users.setdefault(each.ticker, []).append((each.row, end))
    recycled = [spans for spans in users.values() if len(spans) > 1]
    assert len(recycled) >= 3
    for spans in recycled:
        spans.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert any(identity.endswith(".2") for identity in names.ids)


def test_some_companies_are_renamed(names: Names) -> None:
    listed = [each for each in names.listings if each.status == "listed"]
    count = np.bincount([each.company for each in listed])
    assert 1 <= (count == 2).sum() < 20
    assert count.max() == 2


def test_codes_do_not_repeat() -> None:
    serials = np.random.default_rng(1).choice(300_000, 20_000, replace=False)
    assert len({_code(int(serial)) for serial in serials}) == 20_000


def test_the_listing_in_force_is_that_of_the_company_in_place(drawn: Drawn, names: Names) -> None:
    rows = np.array([0, 500, 1500])
    found = names.in_force(rows, drawn.lives)
    for row, numbers in zip(rows, found, strict=True):
        for place, number in enumerate(numbers):
            company = drawn.lives.who[row, place]
            assert (company < 0) == (number < 0)
            if number >= 0:
                assert names.listings[number].company == company
