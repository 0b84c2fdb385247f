"""Planted misprints are where the truth says, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.data.companies.simulated.conftest import Drawn

from bullbear.data.companies.simulated.bars import Bars, bars_of
from bullbear.data.companies.simulated.generator import Block
from bullbear.data.companies.simulated.misprints import PRICES, plant

FIELDS = (*PRICES, "volume")


@pytest.fixture(scope="module")
def drawn(block_of: Callable[[int, float, int, int], Drawn]) -> Drawn:
    return block_of(3, 1.0, 0, 4)


@pytest.fixture(scope="module")
def true(drawn: Drawn) -> Bars:
    return bars_of(drawn.market, drawn.lives, drawn.traits, drawn.returns, 0)


def test_the_table_names_every_changed_bar_and_no_other(drawn: Drawn, true: Bars) -> None:
    shown, table = plant(drawn.market, drawn.lives, true, 0, rate=0.2, of_splits=0.9)
    changed = np.zeros(true.close.shape, dtype=bool)
    for name in FIELDS:
        one, other = getattr(true, name), getattr(shown, name)
        changed |= (one != other) & ~(np.isnan(one) & np.isnan(other))
    named = np.zeros_like(changed)
    named[table["row"], table["place"]] = True
    assert not (changed & ~named).any()
    # A stale bar may be equal to the true one by chance, the others never are.
    assert (changed | ~named).mean() > 0.999
    assert set(table["kind"]) == {"x10", "x100", "split", "stale", "zero"}
    assert true.traded[table["row"], table["place"]].all()


def test_each_kind_is_what_its_name_says(drawn: Drawn, true: Bars) -> None:
    shown, table = plant(drawn.market, drawn.lives, true, 0, rate=0.2, of_splits=0.9)
    row, place = table["row"].to_numpy(), table["place"].to_numpy()
    ratio = np.exp(np.abs(np.log(np.maximum(table["shown"], 1e-9) / table["true"])))
    kinds = table["kind"].to_numpy()
    np.testing.assert_allclose(ratio[kinds == "x10"], 10.0, rtol=1e-3)
    np.testing.assert_allclose(ratio[kinds == "x100"], 100.0, rtol=1e-2)
    assert (table["shown"][kinds == "zero"] == 0.0).all()
    for each in np.flatnonzero(kinds == "stale"):
        for name in FIELDS:
            assert getattr(shown, name)[row[each], place[each]] == getattr(shown, name)[row[each] - 1, place[each]]
    for each in np.flatnonzero(kinds == "split"):
        recent = true.split[row[each] - 2 : row[each] + 1, place[each]].prod()
        assert table["shown"][each] == pytest.approx(table["true"][each] * recent, rel=1e-3)


def test_about_half_are_corrected_some_sessions_later(drawn: Drawn, true: Bars) -> None:
    _, table = plant(drawn.market, drawn.lives, true, 0, rate=0.5, of_splits=0.9)
    fixed = table[table["corrected"] >= 0]
    assert 0.35 < len(fixed) / len(table) < 0.65
    assert (fixed["corrected"] - fixed["row"]).between(2, 16).all()


def test_none_is_planted_at_rate_zero(drawn: Drawn, true: Bars) -> None:
    shown, table = plant(drawn.market, drawn.lives, true, 0, rate=0.0, of_splits=0.0)
    assert table.empty
    np.testing.assert_array_equal(shown.close, true.close)


def test_the_rows_show_the_misprint_first_and_its_correction_later(block: Block) -> None:
    bars = block.frames["bars"].set_index(["series", "event_date"])
    assert len(block.truth.misprints) > 0
    for wrong in block.truth.misprints.itertuples():
        versions = bars.loc[(wrong.company, wrong.session)]
        closes = np.atleast_1d(versions["close"])
        assert closes[0] == wrong.shown
        if wrong.corrected_at == wrong.corrected_at:
            assert closes[-1] == wrong.true
            assert np.atleast_1d(versions["known_at"])[-1] == wrong.corrected_at
        else:
            assert len(closes) == 1
