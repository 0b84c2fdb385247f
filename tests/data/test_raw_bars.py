"""What a provider's answer adds: crashes, splits that are listed before or after prices are divided, odd actions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data import Store
from bullbear.data.snapshot import IngestReport, ingest_frames
from bullbear.errors import InputError

DAYS = sessions.between("2025-03-03", "2025-04-30")
WAVE = 1 + 0.012 * np.sin(np.arange(len(DAYS)) * 2.1)
BEFORE, AFTER = 14, 30  # the split's row, and the last row of an answer


def evening(row: int) -> pd.Timestamp:
    return sessions.closes(DAYS[[row]])[0] + pd.Timedelta(hours=2)


def answer(close: np.ndarray, volume: np.ndarray | float = 3e6, first: int = 0, **split: float) -> pd.DataFrame:
    """Rows from `first` on; `split` is written as r14=2.0."""
    rows = slice(first, first + len(close))
    frame = pd.DataFrame({"date": DAYS[rows], "open": close, "high": close * 1.02, "low": close * 0.98, "close": close})
    frame = frame.assign(
        volume=volume * (1 + 0.01 * (np.arange(first, first + len(close)) % 7)), dividend=0.0, split=1.0
    )
    for name, ratio in split.items():
        frame.loc[int(name[1:]) - first, "split"] = ratio
    return frame


def traded(ratio: float, split: int = BEFORE, end: int = AFTER) -> tuple[np.ndarray, np.ndarray]:
    """Closes as traded and volumes, with a split on row `split`."""
    shares = np.where(np.arange(end + 1) < split, 1.0, ratio)
    return 120 * WAVE[: end + 1] / shares, 3e6 * shares


def undone(close: np.ndarray, factor: float, split: int = BEFORE) -> np.ndarray:
    """Closes whose rows before the split are off by `factor`."""
    return np.where(np.arange(len(close)) < split, close * factor, close)


def put(store: Store, frame: pd.DataFrame, row: int, ticker: str = "IWM") -> IngestReport:
    return ingest_frames({("raw_bars", ticker): frame}, store, evening(row))


def assert_whole(store: Store, ratio: float, split: int = BEFORE, end: int = AFTER) -> None:
    bars = store.as_of().bars("IWM")
    close, _ = traded(ratio, split, end)
    assert list(bars.index) == list(DAYS[: end + 1])
    np.testing.assert_allclose(bars["close"], undone(close, 1 / ratio, split), rtol=1e-9)
    np.testing.assert_allclose(bars["adj_close"] / bars["adj_close"].iloc[0], WAVE[: end + 1] / WAVE[0], rtol=1e-9)


def paid(close: np.ndarray, **amounts: float) -> pd.DataFrame:
    """An answer with dividends, written as d7=0.5."""
    frame = answer(close)
    for name, amount in amounts.items():
        frame.loc[int(name[1:]), "dividend"] = amount
    return frame


def with_action(frame: pd.DataFrame, day: str, **action: float) -> pd.DataFrame:
    """`frame` with a row for an action alone."""
    row = pd.DataFrame({"date": [pd.Timestamp(day)], "dividend": 0.0, "split": 1.0}).assign(**action)
    whole = pd.concat([frame, row], ignore_index=True).astype({"date": "datetime64[us]"})
    return whole.sort_values("date", ignore_index=True)


RATIOS = pytest.mark.parametrize("ratio", [2.0, 3.0, 1.5, 1 / 4, 1 / 10])
TWICE_OR_NEVER = pytest.mark.parametrize("power", [1, -1])


@RATIOS
@TWICE_OR_NEVER
def test_a_first_answer_whose_old_prices_do_not_fit_its_split(tmp_path: Path, ratio: float, power: int) -> None:
    store = Store(tmp_path / "data")
    close, volume = traded(ratio)
    report = put(store, answer(undone(close, ratio**power), volume, r14=ratio), AFTER)
    assert report.quarantined == BEFORE
    assert list(store.as_of().bars("IWM").index) == list(DAYS[BEFORE : AFTER + 1])
    assert store.as_of().bars("IWM")["close"].tolist() == close[BEFORE:].tolist()
    assert set(store.as_of().quarantine()["reason"]) == {"a listed split and the prices before it do not fit"}
    put(store, answer(close, volume, r14=ratio), AFTER + 1)
    assert_whole(store, ratio)
    assert put(store, answer(close, volume, r14=ratio), AFTER + 2).rows_added == 0


@RATIOS
def test_stored_prices_stay_when_an_answer_does_not_fit_its_split(tmp_path: Path, ratio: float) -> None:
    store = Store(tmp_path / "data")
    close, volume = traded(ratio)
    put(store, answer(close[:BEFORE], volume[:BEFORE]), BEFORE - 1)
    put(store, answer(undone(close, ratio), volume, r14=ratio), AFTER)
    assert_whole(store, ratio)
    put(store, answer(close, volume, r14=ratio), AFTER + 1)
    assert_whole(store, ratio)


@RATIOS
@TWICE_OR_NEVER
def test_a_store_that_was_wrong_heals(tmp_path: Path, ratio: float, power: int) -> None:
    store = Store(tmp_path / "data")
    close, volume = traded(ratio)
    wrong = undone(close, ratio**power)
    # As stored by an earlier version: the prices before the split off by its ratio, those after it set aside.
    put(store, answer(wrong[:BEFORE], volume[:BEFORE] / ratio**power), BEFORE - 1)
    before = store.as_of(evening(BEFORE - 1)).bars("IWM")
    report = put(store, answer(close[8:], volume[8:], first=8, r14=ratio), AFTER)
    assert report.revised == BEFORE  # also the bars before the answer's first
    assert_whole(store, ratio)
    pd.testing.assert_frame_equal(store.as_of(evening(BEFORE - 1)).bars("IWM"), before)
    adjusted = store.as_of().bars("IWM")["adj_close"].iloc[:BEFORE]
    np.testing.assert_allclose(adjusted, before["adj_close"], rtol=1e-14)
    assert put(store, answer(close, volume, r14=ratio), AFTER + 1).rows_added == 0


@RATIOS
def test_prices_divided_before_their_split_is_listed(tmp_path: Path, ratio: float) -> None:
    store = Store(tmp_path / "data")
    close, volume = traded(ratio)
    put(store, answer(close[:BEFORE], volume[:BEFORE]), BEFORE - 1)
    divided = undone(close, 1 / ratio)
    with pytest.raises(InputError, match=r"prices of IWM: got '.* times the stored ones on 14 sessions'"):
        put(store, answer(divided), AFTER)
    assert store.as_of().bars("IWM")["close"].tolist() == close[:BEFORE].tolist()
    put(store, answer(close, volume, r14=ratio), AFTER + 1)
    assert_whole(store, ratio)


@RATIOS
def test_a_first_answer_of_divided_prices_is_restated_when_the_split_is_listed(tmp_path: Path, ratio: float) -> None:
    store = Store(tmp_path / "data")
    close, volume = traded(ratio)
    put(store, answer(undone(close, 1 / ratio), volume[-1]), AFTER)
    adjusted = store.as_of().bars("IWM")["adj_close"]
    put(store, answer(close[8:], volume[8:], first=8, r14=ratio), AFTER + 1)
    assert_whole(store, ratio)
    np.testing.assert_allclose(store.as_of().bars("IWM")["adj_close"], adjusted, rtol=1e-14)
    assert put(store, answer(close, volume, r14=ratio), AFTER + 2).rows_added == 0


@pytest.mark.parametrize("ratio", [2.0, 0.25])
def test_a_store_that_continues_a_snapshot_heals_like_any_other(tmp_path: Path, ratio: float) -> None:
    store = Store(tmp_path / "data")
    close, volume = traded(ratio)
    snapshot = answer(close[:6], volume[:6]).drop(columns=["dividend", "split"])
    ingest_frames({("prices", "IWM"): snapshot.assign(adj_close=snapshot["close"])}, store, evening(5))
    divided = undone(close, 1 / ratio)[: AFTER - 4]
    put(store, answer(divided[2:], volume[-1], first=2), AFTER - 5)
    adjusted = store.as_of().bars("IWM")["adj_close"]
    put(store, answer(close[16:], volume[16:], first=16, r16=1.0), AFTER - 4)
    put(store, answer(close[8:], volume[8:], first=8, r14=ratio), AFTER)
    assert_whole(store, ratio)
    np.testing.assert_allclose(store.as_of().bars("IWM")["adj_close"].iloc[: len(adjusted)], adjusted, rtol=1e-12)


def test_prices_as_traded_whose_split_is_listed_late(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    close, volume = traded(2.0)
    for row in range(BEFORE - 1, AFTER):
        put(store, answer(close[: row + 1], volume[: row + 1]), row)
    # Volume doubled with the price's halving: the bars wait for the split.
    assert store.as_of().bars("IWM").index[-1] == DAYS[BEFORE - 1]
    put(store, answer(close, volume, r14=2.0), AFTER)
    assert_whole(store, 2.0)
    assert store.as_of().bars("IWM").loc[DAYS[BEFORE], "known_at"] == evening(AFTER)


def test_a_split_that_neither_side_shows_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    close = 120 * WAVE[:AFTER]
    put(store, answer(close[:BEFORE]), BEFORE - 1)
    with pytest.raises(InputError, match=r"splits of IWM: got '2 new shares for an old one on 2025-03-21'"):
        put(store, answer(close, r14=2.0), AFTER)
    put(store, answer(close), AFTER)
    assert store.as_of().bars("IWM")["close"].tolist() == close.tolist()


def test_a_split_that_is_no_longer_listed_is_withdrawn(tmp_path: Path) -> None:
    # Listed, and the prices before it multiplied; they were never divided, and the split is taken back.
    store = Store(tmp_path / "data")
    close = 120 * WAVE[: AFTER + 1]
    put(store, answer(undone(close, 2.0), r14=2.0), AFTER)
    report = put(store, answer(close), AFTER + 1)
    assert "IWM: split of 2025-03-21 withdrawn" in report.notes
    bars = store.as_of().bars("IWM")
    assert bars["close"].tolist() == pytest.approx(close.tolist())
    np.testing.assert_allclose(bars["adj_close"] / bars["adj_close"].iloc[0], WAVE[: AFTER + 1] / WAVE[0], rtol=1e-9)


@pytest.mark.parametrize("fall", [0.5, pytest.param(0.333, marks=pytest.mark.slow)])
def test_a_crash_is_served_from_the_next_evening_on(tmp_path: Path, fall: float) -> None:
    store = Store(tmp_path / "data")
    close = 120 * WAVE[: AFTER + 1] * np.where(np.arange(AFTER + 1) < 20, 1.0, fall)
    volume = np.full(AFTER + 1, 3e6)
    volume[20:24] = [6e7, 2.5e7, 1.4e7, 8e6]
    for row in range(18, AFTER + 1):
        first = max(row - 10, 0)
        put(store, answer(close[first : row + 1], volume[first : row + 1], first=first), row)
        last = store.as_of(evening(row)).bars("IWM").index[-1]
        assert last == DAYS[row if row != 20 else 19]
    bars = store.as_of().bars("IWM")
    assert bars["close"].tolist() == close[8:].tolist()
    assert bars.loc[DAYS[20], "known_at"] == evening(21)
    assert DAYS[20] not in store.as_of(evening(20)).bars("IWM").index


def test_a_crash_in_a_history_that_arrives_at_once(tmp_path: Path) -> None:
    close = 120 * WAVE[: AFTER + 1] * np.where(np.arange(AFTER + 1) < 20, 1.0, 0.5)
    volume = np.where(np.arange(AFTER + 1) == 20, 6e7, 3e6)
    frame = answer(close, volume)
    for folder, rows in (("raw_bars", frame), ("prices", frame.drop(columns=["dividend", "split"]))):
        store = Store(tmp_path / folder)
        rows = rows if folder == "raw_bars" else rows.assign(adj_close=rows["close"])
        assert ingest_frames({(folder, "NVAX"): rows}, store, evening(AFTER)).quarantined == 0
        bars = store.as_of().bars("NVAX")
        assert bars["close"].tolist() == close.tolist()
        closes = sessions.closes(DAYS[[20, 21, 22]])
        assert bars["known_at"].iloc[20:23].tolist() == [closes[1], closes[1], closes[2]]


def test_a_crash_at_the_seam_of_two_snapshots(tmp_path: Path) -> None:
    close = 120 * WAVE[: AFTER + 1] * np.where(np.arange(AFTER + 1) < 20, 1.0, 0.5)
    frame = answer(close, np.where(np.arange(AFTER + 1) == 20, 6e7, 3e6)).drop(columns=["dividend", "split"])
    frame = frame.assign(adj_close=frame["close"])
    store = Store(tmp_path / "data")
    assert ingest_frames({("prices", "NVAX"): frame[:21]}, store, evening(20)).quarantined == 1
    assert store.as_of().bars("NVAX").index[-1] == DAYS[19]
    ingest_frames({("prices", "NVAX"): frame[18:].reset_index(drop=True)}, store, evening(AFTER))
    assert store.as_of().bars("NVAX")["close"].tolist() == close.tolist()


def test_a_crash_of_the_market_needs_no_second_day(tmp_path: Path) -> None:
    fall = np.where(np.arange(21) < 20, 1.0, 0.5)
    frames = {}
    for name, depth in (("AAA", 0.85), ("BBB", 0.8), ("CCC", 0.88), ("ZZZ", 0.5)):
        close = 50 * WAVE[:21] * np.where(fall < 1, depth, 1.0)
        rows = answer(close).drop(columns=["dividend", "split"])
        frames["prices", name] = rows.assign(adj_close=rows["close"])
    store = Store(tmp_path / "data")
    assert ingest_frames(frames, store, evening(20)).quarantined == 0
    alone = Store(tmp_path / "alone")
    assert ingest_frames({("prices", "ZZZ"): frames["prices", "ZZZ"]}, alone, evening(20)).quarantined == 1


@pytest.mark.parametrize(
    ("column", "value", "note"),
    [
        ("dividend", -0.4, "IWM: dividend -0.4 of 2025-03-12 left out, a dividend is a positive number"),
        ("dividend", 0.0, ""),
        ("split", 1.0, ""),
        ("split", 0.0, "IWM: split 0 of 2025-03-12 left out, a split is a positive number"),
        ("split", -2.0, "IWM: split -2 of 2025-03-12 left out, a split is a positive number"),
        ("split", np.inf, "IWM: split inf of 2025-03-12 left out, a split is a positive number"),
    ],
)
def test_what_is_no_action_moves_nothing(tmp_path: Path, column: str, value: float, note: str) -> None:
    plain, store = Store(tmp_path / "plain"), Store(tmp_path / "data")
    close = 120 * WAVE[: AFTER + 1]
    put(plain, answer(close), AFTER)
    frame = answer(close)
    frame.loc[7, column] = value
    report = put(store, frame, AFTER)
    assert report.notes == ((note,) if note else ())
    pd.testing.assert_frame_equal(store.as_of().bars("IWM"), plain.as_of().bars("IWM"))
    assert not store.as_of().has("splits", "IWM")
    assert not store.as_of().has("dividends", "IWM")


def test_a_dividend_of_a_day_without_a_session_is_booked_on_the_next(tmp_path: Path) -> None:
    # 2025-03-15 is a Saturday; the Monday after, row 10, pays 0.25 of its own.
    store = Store(tmp_path / "data")
    close = 120 * WAVE[: AFTER + 1]
    frame = with_action(paid(close, d10=0.25), "2025-03-15", dividend=0.5)
    report = put(store, frame, AFTER)
    assert report.notes == ("IWM: dividend 0.5 of 2025-03-15, no session, is booked on 2025-03-17",)
    dividends = store.as_of().dividends("IWM")
    assert dividends["amount"].to_dict() == {pd.Timestamp("2025-03-17"): 0.75}
    adjusted = store.as_of().bars("IWM")["adj_close"]
    assert adjusted.iloc[10] / adjusted.iloc[9] == pytest.approx(close[10] / (close[9] - 0.75), rel=1e-12)
    assert put(store, frame, AFTER + 1).rows_added == 0


def test_a_dividend_booked_over_a_split_is_counted_on_the_new_shares(tmp_path: Path) -> None:
    # Paid on Saturday 2025-03-22 for an old share; Monday, row 15, splits two for one.
    store = Store(tmp_path / "data")
    close, volume = traded(2.0, split=15)
    put(store, with_action(answer(close, volume, r15=2.0), "2025-03-22", dividend=3.0), AFTER)
    assert store.as_of().dividends("IWM")["amount"].tolist() == [1.5]
    adjusted = store.as_of().bars("IWM")["adj_close"]
    assert adjusted.iloc[15] / adjusted.iloc[14] == pytest.approx(2 * close[15] / (close[14] - 3.0), rel=1e-12)


def test_a_split_of_a_day_without_a_session_takes_effect_on_the_next(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    close, volume = traded(2.0, split=15)
    report = put(store, with_action(answer(close, volume), "2025-03-22", split=2.0), AFTER)
    assert report.notes == ("IWM: split 2 of 2025-03-22, no session, is booked on 2025-03-24",)
    assert_whole(store, 2.0, split=15)


def test_a_dividend_above_the_price_is_set_aside(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    close = 120 * WAVE[: AFTER + 1]
    assert put(store, paid(close, d7=500.0, d20=1.0), AFTER).quarantined == 1
    aside = store.as_of().quarantine()
    assert aside[["kind", "reason"]].to_numpy().tolist() == [["dividends", "dividend not below the price before it"]]
    assert store.as_of().dividends("IWM")["amount"].tolist() == [1.0]
    adjusted = store.as_of().bars("IWM")["adj_close"]
    assert adjusted.iloc[7] / adjusted.iloc[6] == pytest.approx(close[7] / close[6], rel=1e-12)


@pytest.mark.parametrize(("fall", "kept"), [(0.0, False), (0.15, False), (0.25, True), (0.4, True)])
def test_a_large_dividend_must_show_in_the_price_of_its_ex_date(tmp_path: Path, fall: float, kept: bool) -> None:
    # 48 dollars of some 120: two fifths of the price, of which the ex-date must show half at the least.
    store = Store(tmp_path / "data")
    close = 120 * WAVE[: AFTER + 1]
    close[7:] *= 1 - fall
    put(store, paid(close, d7=48.0, d20=1.0), AFTER)
    assert store.as_of().dividends("IWM")["amount"].tolist() == ([48.0, 1.0] if kept else [1.0])
    aside = store.as_of().quarantine()
    reasons = [] if kept else [["dividends", "large dividend after which the price did not fall"]]
    assert aside.loc[aside["kind"] == "dividends", ["kind", "reason"]].to_numpy().tolist() == reasons


def test_odd_dividends_of_a_snapshot(tmp_path: Path) -> None:
    days = ["2025-03-05", "2025-03-11", "2025-03-15", "2025-03-17", "2025-03-20", "2025-04-02"]
    rows = pd.DataFrame({"date": days, "amount": [0.4, 0.0, 0.5, 0.25, -0.1, 700.0]}).astype({"date": "datetime64[us]"})
    prices = answer(120 * WAVE[: AFTER + 1]).drop(columns=["dividend", "split"])
    frames = {("dividends", "IWM"): rows, ("prices", "IWM"): prices.assign(adj_close=prices["close"])}
    store = Store(tmp_path / "data")
    report = ingest_frames(frames, store, evening(AFTER))
    assert report.notes == ("dividends/IWM.csv: amount 0.5 of 2025-03-15, no session, is booked on 2025-03-17",)
    assert store.as_of().dividends("IWM")["amount"].tolist() == [0.4, 0.75]
    reasons = store.as_of().quarantine().sort_values("event_date")["reason"].tolist()
    assert reasons == ["negative amount", "dividend not below the price before it"]
    assert ingest_frames(frames, store, evening(AFTER)).rows_added == 0
