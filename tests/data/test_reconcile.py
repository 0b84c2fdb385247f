"""A restated history is recognised as such; a genuine revision is a new row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.data.reconcile import ANCHOR_TOLERANCE, additions, reanchored

DAYS = pd.bdate_range("2019-12-02", periods=6).as_unit("us")
NOW = pd.Timestamp("2020-06-01", tz="UTC").as_unit("us")
PRICES = ["open", "high", "low", "close", "adj_close", "volume"]


def bars(closes: list[float], adjusted: list[float] | None = None, first: int = 0) -> pd.DataFrame:
    days = DAYS[first : first + len(closes)]
    frame = pd.DataFrame({name: closes for name in PRICES}).assign(event_date=days)
    frame["adj_close"] = closes if adjusted is None else adjusted
    frame["volume"] = 1000.0
    return frame.assign(known_at=(days + pd.Timedelta(hours=21)).tz_localize("UTC"))


def stored(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("event_date")


def test_a_split_rescales_prices_and_volume() -> None:
    old = stored(bars([100.0, 102.0, 104.0]))
    new = bars([50.0, 51.0, 52.0, 53.0]).assign(volume=2000.0)
    back, price, adjusted = reanchored(old, new)
    assert (price, adjusted) == (0.5, 0.5)
    assert back["close"].tolist() == [100, 102, 104, 106]
    assert back["volume"].tolist() == [1000.0] * 4
    rows, revised = additions(old.reset_index(), back, PRICES, NOW, ANCHOR_TOLERANCE)
    assert rows["close"].tolist() == [106.0]
    assert revised == 0


def test_volume_that_the_provider_did_not_restate_stays() -> None:
    back, _, _ = reanchored(stored(bars([100.0, 102.0])), bars([50.0, 51.0, 52.0]))
    assert back["volume"].tolist() == [1000.0] * 3


def test_a_dividend_moves_adj_close_alone() -> None:
    old = stored(bars([100.0, 102.0, 104.0]))
    new = bars([100.0, 102.0, 104.0, 103.0], adjusted=[99.0, 100.98, 102.96, 103.0])
    back, price, adjusted = reanchored(old, new)
    assert price == 1.0
    assert adjusted == pytest.approx(0.99, rel=1e-12)
    assert back["close"].tolist() == [100.0, 102.0, 104.0, 103.0]
    # The return over the seam is the new file's: 103 over 102.96.
    assert back["adj_close"].iloc[3] / old["adj_close"].iloc[2] == pytest.approx(103 / 102.96, rel=1e-12)


def test_a_dividend_restated_in_the_past_is_a_revision_of_the_rows_before_it() -> None:
    old = stored(bars([100.0] * 5))
    new = bars([100.0] * 6, adjusted=[98.0, 98.0, 100.0, 100.0, 100.0, 100.0])
    back, _, adjusted = reanchored(old, new)
    rows, revised = additions(old.reset_index(), back, PRICES, NOW, ANCHOR_TOLERANCE)
    assert (adjusted, revised) == (1.0, 2)
    assert rows["adj_close"].tolist() == [100.0, 98.0, 98.0]
    assert rows["known_at"].tolist() == [new["known_at"].iloc[5], NOW, NOW]


def test_an_empty_cell_is_no_revision_and_a_filled_one_is() -> None:
    old = stored(bars([100.0, 101.0, 102.0]))
    old.loc[DAYS[2], "volume"] = np.nan
    new = bars([100.0, 101.0, 102.0])
    new.loc[0, "volume"] = np.nan
    new.loc[1, ["close", "volume"]] = [101.5, np.nan]
    rows, revised = additions(old.reset_index(), new, PRICES, NOW, ANCHOR_TOLERANCE)
    assert revised == 2
    assert rows["event_date"].tolist() == [DAYS[1], DAYS[2]]
    assert rows["close"].tolist() == [101.5, 102.0]
    assert rows["volume"].tolist() == [1000.0, 1000.0]


def test_a_correction_is_never_known_before_what_it_corrects() -> None:
    old = stored(bars([100.0]))
    early = pd.Timestamp("2019-01-01", tz="UTC").as_unit("us")
    rows, _ = additions(old.reset_index(), bars([101.0]), PRICES, early, ANCHOR_TOLERANCE)
    assert rows["known_at"].iloc[0] == old["known_at"].iloc[0] + pd.Timedelta(1, "us")


def test_without_overlap_nothing_is_rescaled() -> None:
    back, price, adjusted = reanchored(stored(bars([100.0, 101.0])), bars([50.0, 51.0], first=2))
    assert (price, adjusted) == (1.0, 1.0)
    assert back["close"].tolist() == [50.0, 51.0]


@given(
    ratio=st.sampled_from([0.5, 1 / 3, 4.0, 10.0, 0.9871, 1.0]),
    closes=st.lists(st.floats(1.0, 1e5), min_size=3, max_size=6),
    kept=st.integers(1, 5),
)
def test_returns_never_break_at_the_seam(ratio: float, closes: list[float], kept: int) -> None:
    kept = min(kept, len(closes) - 1)
    old = stored(bars(closes[:kept]))
    restated = bars([round(value * ratio, 9) for value in closes]).assign(volume=1000.0 / ratio)
    back, _, _ = reanchored(old, restated)
    rows, revised = additions(old.reset_index(), back, PRICES, NOW, ANCHOR_TOLERANCE)
    series = np.array([*old["close"], *rows["close"]])
    assert revised == 0
    np.testing.assert_allclose(series, closes, rtol=1e-7)
