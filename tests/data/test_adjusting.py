"""Adjusted prices are derived from facts as of an instant, and never restate what an earlier view was told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data import Store
from bullbear.data.snapshot import ingest_frames
from bullbear.errors import InputError

NOW = pd.Timestamp("2024-06-01", tz="UTC")
DAYS = sessions.between("2024-01-02", "2024-01-09")  # 2, 3, 4, 5, 8, 9


def raw(days: pd.DatetimeIndex, close: list[float], **actions: tuple[str, float]) -> pd.DataFrame:
    values = np.array(close)
    frame = pd.DataFrame({"date": days, "open": values, "high": values * 1.01, "low": values * 0.99, "close": values})
    frame = frame.assign(volume=1000.0 + np.arange(len(days)), dividend=0.0, split=1.0)
    for name, (day, value) in actions.items():
        frame.loc[frame["date"] == day, name] = value
    return frame


def filled(tmp_path: Path, frame: pd.DataFrame, now: pd.Timestamp = NOW) -> Store:
    store = Store(tmp_path / "data")
    ingest_frames({("raw_bars", "IWM"): frame}, store, now)
    return store


def closing(day: str) -> pd.Timestamp:
    return sessions.closes(pd.DatetimeIndex([day]))[0]


def test_by_hand(tmp_path: Path) -> None:
    # 4 dollars on a close of 104, then a split of 2 for 1.
    close = [100.0, 104.0, 102.0, 51.5, 52.0, 53.0]
    store = filled(tmp_path, raw(DAYS, close, dividend=("2024-01-04", 4.0), split=("2024-01-05", 2.0)))
    last = store.as_of().bars("IWM")
    assert last["close"].tolist() == [50.0, 52.0, 51.0, 51.5, 52.0, 53.0]
    assert last["volume"].tolist() == [2000.0, 2002.0, 2004.0, 1003.0, 1004.0, 1005.0]
    returns = last["adj_close"].to_numpy()[1:] / last["adj_close"].to_numpy()[:-1]
    by_hand = [104 / 100, 102 / (104 - 4), 103 / 102, 52 / 51.5, 53 / 52]
    assert returns == pytest.approx(by_hand, rel=1e-14)
    # Before the split the screen showed the old shares.
    before = store.as_of(closing("2024-01-04")).bars("IWM")
    assert before["close"].tolist() == [100.0, 104.0, 102.0]
    assert before["adj_close"].tolist() == last["adj_close"].tolist()[:3]
    assert store.as_of().raw_bars("IWM")["close"].tolist() == close
    assert store.as_of().splits("IWM")["ratio"].tolist() == [2.0]
    assert store.as_of().dividends("IWM")["amount"].tolist() == [4.0]


def test_later_dividends_and_splits_change_no_earlier_adjusted_close_to_the_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    days = sessions.between("2023-01-03", "2023-12-29")
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days))))
    frame = raw(days, close.tolist())
    for place in (40, 100, 160):
        frame.loc[place, "dividend"] = 0.37
    frame.loc[120, "split"] = 3.0
    frame.loc[120:, ["open", "high", "low", "close"]] /= 3.0
    store = filled(tmp_path, frame)
    whole = store.as_of().bars("IWM")["adj_close"]
    for place in (39, 40, 99, 119, 120, 200):
        part = store.as_of(closing(str(days[place].date()))).bars("IWM")["adj_close"]
        assert part.tolist() == whole.iloc[: place + 1].tolist()


def test_a_dividend_told_late_is_known_late(tmp_path: Path) -> None:
    close = [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]
    store = filled(tmp_path, raw(DAYS[:5], close[:5]), pd.Timestamp("2024-01-08 22:00", tz="UTC"))
    told = pd.Timestamp("2024-01-09 22:00", tz="UTC")
    ingest_frames({("raw_bars", "IWM"): raw(DAYS, close, dividend=("2024-01-04", 2.0))}, store, told)
    for instant, expected in ((closing("2024-01-09"), 102 / 101), (told, 102 / 99)):
        adjusted = store.as_of(instant).bars("IWM")["adj_close"]
        assert adjusted["2024-01-04"] / adjusted["2024-01-03"] == pytest.approx(expected, rel=1e-14)
    versions = store.as_of().versions("bars", "IWM")
    restated = versions[versions["known_at"] == told]["event_date"]
    assert restated.tolist() == list(DAYS[2:])
    assert versions["known_at"].is_monotonic_increasing


def test_raw_bars_continue_a_snapshot(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    # The snapshot is split-adjusted by a split of 2024-03, after its end, and for dividends far in the future.
    prices = raw(DAYS[:4], [50.0, 51.0, 52.0, 53.0]).drop(columns=["dividend", "split"])
    ingest_frames({("prices", "IWM"): prices.assign(adj_close=prices["close"] * 0.8)}, store, NOW)
    close = [100.0, 102.0, 104.0, 106.0, 108.0, 110.0]
    live = raw(DAYS, close, dividend=("2024-01-09", 8.0))
    report = ingest_frames({("raw_bars", "IWM"): live}, store, NOW)
    assert "IWM: raw prices x 0.5 continue the stored snapshot" in report.notes
    assert report.added == {"dividends": 1, "raw_bars": 2}
    bars = store.as_of().bars("IWM")
    # On the screen of 2024-01-09 the split of March was still to come.
    assert bars["close"].tolist() == close
    assert bars["volume"].tolist() == [500.0, 500.5, 501.0, 501.5, 1004.0, 1005.0]
    assert store.as_of(closing("2024-01-05")).bars("IWM")["close"].tolist() == [50.0, 51.0, 52.0, 53.0]
    adjusted = bars["adj_close"].to_numpy()
    assert adjusted[:4] == pytest.approx([40.0, 40.8, 41.6, 42.4])
    assert adjusted[4] / adjusted[3] == pytest.approx(108 / 106)
    assert adjusted[5] / adjusted[4] == pytest.approx(110 / (108 - 8))
    # A later snapshot that says the same adds nothing.
    again = bars.drop(columns="known_at").reset_index(names="date")
    assert ingest_frames({("prices", "IWM"): again}, store, NOW).rows_added == 0


def test_a_snapshot_after_a_split_is_stored_on_the_shares_of_the_store(tmp_path: Path) -> None:
    close = [100.0, 101.0, 102.0, 51.5, 52.0]
    store = filled(tmp_path, raw(DAYS[:5], close, split=("2024-01-05", 2.0)))
    before = store.as_of().bars("IWM")
    snapshot = before.drop(columns="known_at").reset_index(names="date")
    older = snapshot.iloc[[0]].assign(date=pd.Timestamp("2023-12-29"), open=49.0, high=49.5, low=48.5, close=49.0)
    older = older.assign(adj_close=98.0)
    frame = pd.concat([older, snapshot], ignore_index=True).astype({"date": "datetime64[us]"})
    assert ingest_frames({("prices", "IWM"): frame}, store, NOW).added == {"bars": 1}
    after = store.as_of().bars("IWM")
    assert after["close"].tolist() == [49.0, *before["close"].tolist()]
    assert store.as_of(closing("2024-01-03")).bars("IWM")["close"].tolist() == [98.0, 100.0, 101.0]


def test_a_rescaled_history_without_a_split_is_refused(tmp_path: Path) -> None:
    close = [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]
    store = filled(tmp_path, raw(DAYS[:5], close[:5]))
    with pytest.raises(InputError, match=r"prices of IWM: got '0\.5 times the stored ones on 5 sessions'; .* a split"):
        ingest_frames({("raw_bars", "IWM"): raw(DAYS, [price / 2 for price in close])}, store, NOW)
    assert store.as_of().bars("IWM")["close"].tolist() == close[:5]


def test_a_single_changed_price_is_a_revision(tmp_path: Path) -> None:
    close = [100.0, 101.0, 102.0, 103.0, 104.0]
    store = filled(tmp_path, raw(DAYS[:5], close), pd.Timestamp("2024-01-08 22:00", tz="UTC"))
    close[2] = 110.0
    frame = raw(DAYS[:5], close)
    assert ingest_frames({("raw_bars", "IWM"): frame}, store, NOW).revised == 1
    assert store.as_of(closing("2024-01-08")).bars("IWM")["close"].iloc[2] == 102.0
    assert store.as_of().bars("IWM")["close"].iloc[2] == 110.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"volume": 0.0}, "no volume on a session"),
        ({"open": 101.0, "high": 102.01, "low": 99.99, "close": 101.0, "volume": 1001.0}, "stale quote"),
        ({"close": 120.0}, "open or close outside"),
        ({"open": 51.0, "high": 52.0, "low": 50.0, "close": 51.0}, "split-like jump"),
        ({"doubt": "another source disagrees"}, "another source disagrees"),
    ],
)
def test_doubtful_bars_are_set_aside(tmp_path: Path, change: dict[str, float], reason: str) -> None:
    close = [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]
    frame = raw(DAYS, close).assign(doubt="")
    for name, value in change.items():
        frame.loc[2, name] = value
    store = Store(tmp_path / "data")
    report = ingest_frames({("raw_bars", "IWM"): frame}, store, NOW)
    assert report.quarantined == 1
    assert store.as_of().quarantine()["reason"].iloc[0].startswith(reason)
    assert DAYS[2] not in store.as_of().bars("IWM").index
    # Once the provider has put it right, the row is served, known from then on.
    later = NOW + pd.Timedelta(days=1)
    ingest_frames({("raw_bars", "IWM"): raw(DAYS, close)}, store, later)
    assert store.as_of().bars("IWM").loc[DAYS[2], "known_at"] == later


def test_a_running_session_is_left_out(tmp_path: Path) -> None:
    store = filled(tmp_path, raw(DAYS, [100.0] * 5 + [101.0]), pd.Timestamp("2024-01-09 20:59", tz="UTC"))
    assert store.as_of().bars("IWM").index[-1] == DAYS[4]
