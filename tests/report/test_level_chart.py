"""What a chart reader sees at one close: a hand-made tape whose every number is known, and no hindsight."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.snapshot import ingest
from bullbear.errors import HistoryError, NoDataError
from bullbear.factors import compute, load
from bullbear.factors.engine.inputs import joint_bars
from bullbear.factors.levels.horizontal_levels import levels_at
from bullbear.report.level_chart import LEAST_SESSIONS, RULES, LevelChart, level_chart
from bullbear.sessions import between, closes

FEATURES = Path(__file__).resolve().parents[2] / "features"
SESSIONS = between("2014-01-02", "2017-12-29")
RANGE = 0.25
"""Half of every session's range: with half a dollar from close to close the true range is 0.75 throughout."""


def zigzag(*turns: tuple[int, float]) -> np.ndarray:
    """Closes that go straight from turn to turn; a turn is (row, close)."""
    rows, prices = zip(*turns, strict=True)
    return np.interp(np.arange(rows[-1] + 1), rows, prices)


SWINGS = [(0, 100.0)] + [(20 * k, 110.0 if k % 2 else 100.0) for k in range(1, 29)]
"""Lows at 100 on rows 40, 80, ... 560, highs at 110 on rows 20, 60, ... 540."""
RISEN = zigzag(*SWINGS, (590, 115.0))
"""From row 560 half a dollar a session: 110.5 on row 581, 111 on row 582, 115 on the last."""


def bars(
    close: np.ndarray, *, series: str = "IWM", paid: np.ndarray | float = 1.0, screen: float = 1.0
) -> pd.DataFrame:
    """Stored rows, known at their closes; `paid` is adj_close / close, `screen` the scale of all prices."""
    days = SESSIONS[: len(close)]
    prices = {"open": close, "high": close + RANGE, "low": close - RANGE, "close": close, "adj_close": close * paid}
    return pd.DataFrame(
        {
            "series": series,
            "event_date": days,
            "known_at": closes(days),
            **{name: column * screen for name, column in prices.items()},
            "volume": 1e6,
        }
    )


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., Store]:
    def store(*frames: pd.DataFrame, name: str = "data") -> Store:
        filled = Store(tmp_path / name)
        for frame in frames:
            filled.append("bars", frame)
        return filled

    return store


def date(row: int) -> str:
    return str(SESSIONS[row].date())


def test_the_levels_of_the_hand_made_tape(stored: Callable[..., Store]) -> None:
    chart = level_chart(stored(bars(RISEN)), "IWM")
    assert (chart.ticker, str(chart.session.date()), chart.close, chart.simulated) == ("IWM", date(590), 115.0, False)
    assert chart.atr == pytest.approx(0.75)
    top, bottom = chart.levels  # from the highest to the lowest
    # The window of 504 sessions begins at row 87: twelve highs from row 100 to 540, twelve lows from 120 to 560.
    assert top.price == pytest.approx(110.25)
    assert top.band == pytest.approx(0.5 * 0.75)
    assert (top.kind, top.touches, top.high_touches) == ("support", 12, 12)
    assert [str(day.date()) for day in (top.first_touch, top.known_from, top.last_touch)] == [
        date(100), date(105), date(540),
    ]  # fmt: skip
    # 110.625 is the upper end of the band; the close of row 582 is the first above it.
    assert top.turned_on is not None
    assert str(top.turned_on.date()) == date(582)
    assert top.distance == pytest.approx((110.25 - 115.0) / 0.75)
    assert top.strength == pytest.approx(sum(2.0 ** (-(590 - row) / 126) for row in range(100, 541, 40)))
    assert bottom.price == pytest.approx(99.75)
    assert (bottom.kind, bottom.touches, bottom.high_touches, bottom.turned_on) == ("support", 12, 0, None)
    assert str(bottom.last_touch.date()) == date(560)


def test_every_touch_stands_at_its_own_session(stored: Callable[..., Store]) -> None:
    top, bottom = level_chart(stored(bars(RISEN)), "IWM").levels
    assert [str(touch.session.date()) for touch in top.touched] == [date(row) for row in range(100, 541, 40)]
    assert {(touch.price, touch.extreme) for touch in top.touched} == {(110.25, "high")}
    assert [str(touch.session.date()) for touch in bottom.touched] == [date(row) for row in range(120, 561, 40)]
    assert {(touch.price, touch.extreme) for touch in bottom.touched} == {(99.75, "low")}


def test_the_channel_and_the_position_in_it(stored: Callable[..., Store]) -> None:
    found = level_chart(stored(bars(RISEN)), "IWM").channel
    assert found is not None
    # Highs of rows 500 and 540, lows of 480, 520 and 560: level lines, and the close has left them above.
    assert (found.lower, found.upper, found.slope) == pytest.approx((99.75, 110.25, 0.0))
    assert found.position == pytest.approx((115.0 - 99.75) / 10.5)
    assert found.width == pytest.approx(10.5 / 0.75)
    assert str(found.since.date()) == date(480)


def test_a_double_bottom_that_stands_with_neckline_and_measured_target(stored: Callable[..., Store]) -> None:
    patterns = level_chart(stored(bars(RISEN)), "IWM").patterns
    (open_one,) = [each for each in patterns if each.outcome == "open"]
    assert (open_one.kind, open_one.first_price, open_one.second_price) == ("double bottom", 99.75, 99.75)
    days = [open_one.first, open_one.second, open_one.known_from, open_one.completed_on]
    assert [str(pd.Timestamp(day).date()) for day in days] == [date(520), date(560), date(565), date(581)]
    assert (open_one.neckline, open_one.target) == pytest.approx((110.25, 120.75))
    (failed,) = [each for each in patterns if each.kind == "double top" and each.known_from == SESSIONS[545]]
    assert (failed.outcome, str(pd.Timestamp(failed.over_on).date())) == ("failed", date(581))


@pytest.mark.parametrize(
    ("later", "stage", "since"),
    [
        ([(590, 115.0)], "broken", 582),
        ([(590, 115.0), (599, 110.5)], "retested", 599),  # a low of 110.25 is back in the band
        ([(590, 115.0), (599, 110.5), (600, 111.0)], "held", 600),
        ([(590, 115.0), (601, 109.5)], "undone", 601),  # below 109.875, the lower end of the band
    ],
)
def test_a_break_and_how_far_its_story_has_gone(
    stored: Callable[..., Store], later: list[tuple[int, float]], stage: str, since: int
) -> None:
    newest = level_chart(stored(bars(zigzag(*SWINGS, *later))), "IWM").breaks
    (up,) = [each for each in newest if each.side == "resistance"]
    assert (up.price, up.touches, str(up.session.date())) == (pytest.approx(110.25), 12, date(582))
    assert (up.stage, str(up.stage_since.date())) == (stage, date(since))


def test_prices_are_those_on_a_screen_whatever_the_level_of_the_adjusted_ones(stored: Callable[..., Store]) -> None:
    plain = level_chart(stored(bars(RISEN)), "IWM").as_dict()
    same = level_chart(stored(bars(RISEN, paid=0.5), name="adjusted"), "IWM").as_dict()
    assert same == plain  # a power of two, so to the last bit
    double = level_chart(stored(bars(RISEN, screen=2.0), name="double"), "IWM")
    assert [level.price for level in double.levels] == pytest.approx([220.5, 199.5])
    assert double.levels[0].distance == pytest.approx((110.25 - 115.0) / 0.75)


def test_what_has_been_paid_since_lowers_an_old_level(stored: Callable[..., Store]) -> None:
    paid = np.where(np.arange(len(RISEN)) < 310, 0.98, 1.0)  # two per cent went ex at row 310
    chart = level_chart(stored(bars(RISEN, paid=paid)), "IWM")
    assert [(round(each.price, 4), each.touches) for each in chart.levels] == [
        (110.25, 6), (round(110.25 * 0.98, 4), 6), (99.75, 7), (round(99.75 * 0.98, 4), 5),
    ]  # fmt: skip
    assert chart.closes[-1] == 115.0


def numbers(chart: LevelChart) -> list[object]:
    drawn = [chart.sessions.asi8, chart.opens, chart.highs, chart.lows, chart.closes, chart.volumes]
    return [chart.as_dict(), *(each.tolist() for each in drawn)]


@pytest.mark.parametrize("last", [545, 564, 581, 582, 590])
def test_a_store_that_goes_on_tells_the_same(stored: Callable[..., Store], last: int) -> None:
    longer = zigzag(*SWINGS, (590, 115.0), (620, 90.0), (700, 140.0))
    corrected = (
        bars(longer).iloc[[300, 500, 540]].assign(high=500.0, close=400.0, known_at=closes(SESSIONS[690:691])[0])
    )
    whole = stored(bars(longer), corrected)
    ended = stored(bars(longer).iloc[: last + 1], name="ended")
    asked = level_chart(whole, "IWM", as_of=date(last))
    assert asked.session == SESSIONS[last]
    assert numbers(asked) == numbers(level_chart(ended, "IWM"))
    assert max(asked.sessions) == SESSIONS[last]
    assert numbers(asked) != numbers(level_chart(whole, "IWM", as_of=date(last + 1)))  # the comparison can fail


def test_nothing_is_known_before_its_day_or_after_the_close(stored: Callable[..., Store]) -> None:
    chart = level_chart(stored(bars(RISEN)), "IWM", as_of=date(581))
    told = json.dumps(chart.as_dict())
    assert len(chart.sessions) == RULES.window
    assert all(level.first_touch < level.known_from <= chart.session for level in chart.levels)
    assert all(str(day.date()) not in told for day in SESSIONS[582:700])
    assert chart.levels[0].kind == "resistance"


def test_a_day_without_a_session_is_answered_from_the_close_before(stored: Callable[..., Store]) -> None:
    store = stored(bars(RISEN))
    assert level_chart(store, "IWM", as_of="2016-05-01").session == pd.Timestamp("2016-04-29")  # a Sunday
    assert level_chart(store, "IWM", as_of="2016-03-25").session == pd.Timestamp("2016-03-24")  # Good Friday


def test_a_bar_that_was_published_after_the_close_is_not_drawn(stored: Callable[..., Store]) -> None:
    late = bars(RISEN)
    late["known_at"] += pd.Timedelta(minutes=15)  # as those of an index that is quoted until a quarter past four
    chart = level_chart(stored(late), "IWM", as_of=date(582))
    told = chart.as_dict()
    assert (told["as_of"], told["last_bar"], told["close"]) == (date(582), date(581), 110.5)
    assert chart.levels[0].kind == "resistance"


@pytest.mark.parametrize(
    ("ticker", "as_of", "mistake", "message"),
    [
        ("ZZZ", None, NoDataError, r"--ticker: got 'ZZZ'; allowed: a ticker listed by `bullbear status`"),
        (
            "IWM",
            "2018-06-01",
            NoDataError,
            r"--as-of: got '2018-06-01'; allowed: 2014-01-02 to 2016-05-06, the bars of IWM",
        ),
        ("IWM", "2013-12-31", NoDataError, r"--as-of: got '2013-12-31'"),
        ("IWM", "2015-12-31", HistoryError, r"history of IWM by 2015-12-31: got '504 sessions'; allowed: at least 523"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    stored: Callable[..., Store], ticker: str, as_of: str | None, mistake: type[Exception], message: str
) -> None:
    with pytest.raises(mistake, match=message):
        level_chart(stored(bars(RISEN)), ticker, as_of=as_of)


def test_the_shortest_history_that_the_factors_accept_is_drawn(stored: Callable[..., Store]) -> None:
    assert LEAST_SESSIONS == 523
    assert level_chart(stored(bars(RISEN[:523])), "IWM").levels
    with pytest.raises(HistoryError, match="got '522 sessions'"):
        level_chart(stored(bars(RISEN[:522]), name="shorter"), "IWM")


def test_prices_that_stood_still_have_no_levels(stored: Callable[..., Store]) -> None:
    still = bars(np.full(600, 10.0)).assign(high=10.0, low=10.0)
    with pytest.raises(HistoryError, match="prices did not move"):
        level_chart(stored(still), "IWM")


def test_a_bar_of_unknown_volume_or_price_is_left_out_of_nothing_else(stored: Callable[..., Store]) -> None:
    holes = bars(RISEN)
    holes["volume"] = np.nan
    holes.loc[590, "open"] = np.nan
    chart = level_chart(stored(holes), "IWM")
    assert (chart.session, chart.sessions[-1]) == (SESSIONS[590], SESSIONS[589])
    assert np.isnan(chart.volumes).all()
    assert json.dumps(chart.as_dict(), allow_nan=False)


def test_touches_and_levels_are_those_of_the_factors_on_real_bars(iwm_store: Store) -> None:
    seen: Counter[int] = Counter()
    for as_of in pd.date_range("2002-08-01", "2019-12-31", freq="18MS").strftime("%Y-%m-%d"):
        chart = level_chart(iwm_store, "IWM", as_of=as_of)
        view = iwm_store.as_of(closes(pd.DatetimeIndex([chart.session]))[0])
        (adjusted,), _ = joint_bars([view.bars("IWM")])
        scale = float(view.bars("IWM")["close"].iloc[-1]) / adjusted.close[-1]
        expected = levels_at(adjusted, -1)[::-1]
        assert [level.price for level in chart.levels] == pytest.approx([each.price * scale for each in expected])
        for drawn, level in zip(chart.levels, expected, strict=True):
            assert len(drawn.touched) == level.touches
            assert sum(touch.extreme == "high" for touch in drawn.touched) == level.high_touches
            assert (drawn.touched[0].session, drawn.touched[-1].session) == (drawn.first_touch, drawn.last_touch)
            assert np.mean([touch.price for touch in drawn.touched]) == pytest.approx(drawn.price, rel=1e-12)
            seen[level.touches] += 1
    assert len(seen) >= 5
    assert max(seen) >= 5


STAGES = {"broken": 1.0, "retested": 2.0, "held": 3.0, "undone": -1.0}


def test_the_chart_shows_what_the_shipped_factors_say(iwm_store: Store) -> None:
    (shipped,) = load([FEATURES / "levels.toml"])
    seen: Counter[str] = Counter()
    for as_of in pd.date_range("2002-10-01", "2019-12-31", freq="9MS").strftime("%Y-%m-%d"):
        chart = level_chart(iwm_store, "IWM", as_of=as_of)
        view = iwm_store.as_of(closes(pd.DatetimeIndex([chart.session]))[0])
        said = compute(view, shipped.factor, pd.DatetimeIndex([chart.session]), "IWM").iloc[0]
        for side, sign in (("support", -1.0), ("resistance", 1.0)):
            own = [level for level in chart.levels if level.kind == side]
            nearest = min(own, key=lambda level: sign * level.price, default=None)
            away = 10.0 if nearest is None else min(sign * nearest.distance, 10.0)
            assert said[f"{side}_distance_1"] == pytest.approx(away, abs=1e-9)
            assert said[f"{side}_strength"] == pytest.approx(nearest.strength if nearest else 0.0)
            stage = next((STAGES[each.stage] for each in chart.breaks if each.side == side), 0.0)
            assert said[f"{side}_break_stage_63"] == stage
            seen[f"{side} {stage}"] += 1
        if chart.channel is None:
            assert np.isnan(said["channel_position_126"])
        elif chart.channel.position is not None:
            assert said["channel_position_126"] == pytest.approx(np.clip(chart.channel.position, -2.0, 3.0))
            assert said["channel_width_126"] == pytest.approx(chart.channel.width)
            assert said["channel_slope_126"] == pytest.approx(chart.channel.slope / chart.atr)
        for kind, name in (("double top", "double_top_stage"), ("double bottom", "double_bottom_stage")):
            pattern = next((each for each in chart.patterns if (each.kind, each.outcome) == (kind, "open")), None)
            stage = 0.0 if pattern is None else 1.0 + (pattern.completed_on is not None)
            assert said[name] == stage
            seen[f"{kind} {stage}"] += 1
    assert len(seen) >= 9


@pytest.fixture(scope="module")
def iwm_store(snapshot_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    place = tmp_path_factory.mktemp("snapshot")
    (place / "prices").mkdir()
    shutil.copy(snapshot_dir / "prices" / "IWM.csv", place / "prices")
    store = Store(tmp_path_factory.mktemp("iwm") / "data")
    ingest(place, store, pd.Timestamp("2026-01-02", tz="UTC"))
    return store
