"""The panel: what is taken, cut and built."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.data.companies import Panel, panel_from
from bullbear.errors import InputError, NoDataError


@pytest.fixture
def panel() -> Panel:
    close = [[10.0, 20.0, 30.0], [11.0, np.nan, 31.0], [12.0, 22.0, 32.0]]
    return panel_from(close, companies=["B", "A", "C"], first="2019-12-24", restated=[True, False, False])


def test_companies_are_sorted_with_their_columns(panel: Panel) -> None:
    assert panel.companies == ("A", "B", "C")
    assert panel.close[0].tolist() == [20.0, 10.0, 30.0]
    assert panel.restated.tolist() == [False, True, False]
    assert np.isnan(panel.volume[1]).tolist() == [True, False, False]
    assert panel.traded[1].tolist() == [False, True, True]
    assert panel.sessions.tolist() == [pd.Timestamp(day) for day in ("2019-12-24", "2019-12-26", "2019-12-27")]


def test_some_companies_and_some_sessions(panel: Panel) -> None:
    some = panel.take(["C", "B"]).since("2019-12-25")
    assert some.companies == ("B", "C")
    assert some.close.tolist() == [[11.0, 31.0], [12.0, 32.0]]
    assert some.restated.tolist() == [True, False]
    assert panel.until("2019-12-26").close[:, 1].tolist() == [10.0, 11.0]
    assert panel.last(1).sessions.tolist() == [pd.Timestamp("2019-12-27")]
    assert panel.last(9).shape == (3, 3)


def test_mistakes_are_named(panel: Panel) -> None:
    with pytest.raises(NoDataError, match="company: got 'X'; allowed: one of the panel's 3"):
        panel.take(["A", "X"])
    with pytest.raises(InputError, match="panel companies"):
        panel_from([[1.0, 2.0]], companies=["A", "A"])
    with pytest.raises(InputError, match=r"panel open: .*shape \(2, 2\)"):
        panel_from([[1.0, 2.0]], sessions=pd.DatetimeIndex(["2019-12-24", "2019-12-26"]))
