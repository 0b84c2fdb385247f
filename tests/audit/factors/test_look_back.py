"""Declared rows that are too few are found, a start that has not faded too, and the rows that are read are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bullbear.audit.factors.look_back import FADED, look_back, look_backs, rows_read
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.factors.engine.matrix import Rows, compute, rows_of
from bullbear.sessions import between
from bullbear.user_code import use_home

DAYS = between("2018-01-02", "2018-12-31")
SPEC = FactorSpec(name="mine_5", function="mine", inputs={"bars": "$asset"})
HEAD = "import numpy as np\nimport pandas as pd\nfrom bullbear.factors import Array, Bars, factor\n\n"


def rows(store: Store, tmp_path: Path, body: str, options: str) -> Rows:
    (tmp_path / "factors").mkdir()
    declared = f'@factor(unit="ratio", {options})\ndef mine(bars: Bars) -> Array:\n    """A mine."""\n'
    text = f"{HEAD}{declared}    return np.asarray({body}, dtype=float)\n"
    (tmp_path / "factors" / "mine.py").write_text(text)
    use_home(tmp_path)
    found = rows_of(store.as_of(), SPEC, DAYS, "IWM")
    assert found is not None
    return found


RETURN = "bars.close / np.append(np.full(5, np.nan), bars.close[:-5])"
SMOOTHED = "pd.Series(bars.close).ewm(span=9, adjust=False).mean()"  # keeps 0.8 of its past from one row to the next


@pytest.mark.parametrize(("lookback", "too_short"), [(5, True), (6, False), (9, False)])
def test_a_return_over_five_rows_needs_six(store: Store, tmp_path: Path, lookback: int, too_short: bool) -> None:
    found = rows(store, tmp_path, RETURN, f"lookback={lookback}, windowed=True")
    seen = look_back(found, 4)
    assert seen is not None
    assert seen.is_too_short is too_short
    assert [each.factor for each in look_backs(store.as_of(), [SPEC], DAYS, "IWM")] == ["mine_5"] * too_short


@pytest.mark.parametrize("lookback", [6, 7, 40])
def test_the_rows_that_are_read_are_found_by_bisection(store: Store, tmp_path: Path, lookback: int) -> None:
    assert rows_read(rows(store, tmp_path, RETURN, f"lookback={lookback}, windowed=True"), 4) == 6


@pytest.mark.parametrize(("lookback", "too_short"), [(3, True), (80, False)])
def test_a_start_fades_with_the_rows(store: Store, tmp_path: Path, lookback: int, too_short: bool) -> None:
    seen = look_back(rows(store, tmp_path, SMOOTHED, f"lookback={lookback}"), 8)
    assert seen is not None
    assert seen.is_too_short is too_short
    assert (seen.left > FADED) is too_short
    assert seen.left > 0.0 or not too_short


def test_a_history_no_longer_than_the_look_back_says_nothing(store: Store, tmp_path: Path) -> None:
    assert look_back(rows(store, tmp_path, RETURN, f"lookback={len(DAYS)}, windowed=True"), 4) is None


def test_the_rows_give_what_the_engine_gives(store: Store, tmp_path: Path) -> None:
    found = rows(store, tmp_path, RETURN, "lookback=6, windowed=True")
    column = compute(store.as_of(), [SPEC], DAYS, "IWM")["mine_5"].to_numpy()
    assert np.array_equal(found.values(0, found.rows), column, equal_nan=True)
    assert found.complete.all()
    assert len(found.sessions) == len(DAYS)
