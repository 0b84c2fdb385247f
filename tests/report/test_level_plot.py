"""The picture of the levels: what is drawn where, in the same bytes whatever the store came to know later."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from bullbear.data import Store
from bullbear.report import level_plot as module
from bullbear.report.level_chart import DrawnLevel, LevelChart, level_chart
from bullbear.report.level_plot import labelled, level_plot, spread
from bullbear.sessions import between, closes

DAYS = between("2014-01-02", "2017-12-29")


def rows(count: int, *, seed: int = 3) -> pd.DataFrame:
    """A market that turns often enough for levels, breaks, a channel, double tops and bottoms."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.012, len(DAYS))))[:count]
    wide = close * np.exp(np.abs(np.random.default_rng(seed + 1).normal(0.0, 0.006, len(DAYS))[:count]))
    return pd.DataFrame(
        {
            "series": "IWM",
            "event_date": DAYS[:count],
            "known_at": closes(DAYS[:count]),
            "open": np.append(close[0], close[:-1]).clip(close * close / wide, wide),
            "high": wide,
            "low": close * close / wide,
            "close": close,
            "adj_close": close * 0.7,
            "volume": np.round(1e6 * wide / close),
        }
    )


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("ended") / "data")
    store.append("bars", rows(800))
    return store


@pytest.fixture(scope="module")
def chart(ended: Store) -> LevelChart:
    return level_chart(ended, "IWM")


@pytest.fixture
def figure(monkeypatch: pytest.MonkeyPatch) -> Callable[[LevelChart], Figure]:
    """The figure that a chart is drawn on, before it becomes bytes."""

    def of(drawn: LevelChart) -> Figure:
        kept: list[Figure] = []

        def keep(draw: Callable[[Figure], None], size: tuple[float, float], simulated: bool) -> bytes:
            kept.append(Figure(figsize=size, layout="constrained"))
            draw(kept[0])
            return b""

        with monkeypatch.context() as patch:
            patch.setattr(module, "png", keep)
            level_plot(drawn)
        return kept[0]

    return of


def test_a_store_that_goes_on_gives_the_same_bytes(ended: Store, chart: LevelChart, tmp_path: Path) -> None:
    whole = Store(tmp_path / "data")
    whole.append("bars", rows(900))
    asked = level_chart(whole, "IWM", as_of=str(DAYS[799].date()))
    assert level_plot(asked) == level_plot(chart)
    assert level_plot(level_chart(whole, "IWM", as_of=str(DAYS[800].date()))) != level_plot(chart)


def test_the_users_own_settings_change_nothing_and_nothing_is_warned_of(chart: LevelChart) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = level_plot(chart)
    with matplotlib.rc_context({"font.size": 20.0, "axes.facecolor": "yellow"}):
        assert level_plot(chart) == plain
    assert plain.startswith(b"\x89PNG")
    assert b"SIMULATED" not in plain
    assert b"SIMULATED" in level_plot(replace(chart, simulated=True))


def test_a_line_starts_where_the_level_became_known_and_is_thicker_where_it_is_stronger(
    chart: LevelChart, figure: Callable[[LevelChart], Figure]
) -> None:
    prices = figure(chart).axes[0]
    drawn = {}
    for lines in prices.collections:
        segments = [np.asarray(path.vertices) for path in lines.get_paths()]
        if len(segments) == 1 and segments[0].shape == (2, 2) and segments[0][0, 1] == segments[0][1, 1]:
            drawn[float(segments[0][0, 1])] = (segments[0][:, 0].tolist(), float(lines.get_linewidth()[0]))
    assert len(chart.levels) > 10
    for level in chart.levels:
        (start, stop), _ = drawn[level.price]
        assert chart.sessions[int(start)] == level.known_from
        assert stop == len(chart.sessions)
    by_strength = sorted(chart.levels, key=lambda level: level.strength)
    widths = [drawn[level.price][1] for level in by_strength]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_touches_and_breaks_stand_at_their_own_sessions(
    chart: LevelChart, figure: Callable[[LevelChart], Figure]
) -> None:
    marks = {
        (chart.sessions[int(x)], round(float(y), 6))
        for line in figure(chart).axes[0].lines
        if line.get_marker() in ("o", "v", "^")
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    }
    touches = {(touch.session, round(touch.price, 6)) for level in chart.levels for touch in level.touched}
    breaks = {(each.session, round(each.price, 6)) for each in chart.breaks}
    assert marks == touches | breaks
    assert touches
    assert breaks


def test_the_title_says_ticker_close_and_whether_it_is_simulated(
    chart: LevelChart, figure: Callable[[LevelChart], Figure]
) -> None:
    said = figure(replace(chart, simulated=True)).axes[0].get_title(loc="left")
    assert said.startswith(f"IWM: levels known at the close of {DAYS[799].date()}, {chart.close:,.2f}")
    assert said.endswith("(SIMULATED)")
    assert "SIMULATED" not in figure(chart).axes[0].get_title(loc="left")


def test_the_months_below_name_every_new_year(chart: LevelChart, figure: Callable[[LevelChart], Figure]) -> None:
    assert (str(chart.sessions[0].date()), str(chart.session.date())) == ("2015-03-09", "2017-03-07")
    volume = figure(chart).axes[1]
    names = [label.get_text() for label in volume.get_xticklabels()]
    assert names == ["Apr 2015", "Jun", "Aug", "Oct", "Dec", "Feb 2016", "Apr", "Jun", "Aug", "Oct", "Dec", "Feb 2017"]
    assert [str(chart.sessions[int(tick)].date()) for tick in volume.get_xticks()][:2] == ["2015-04-01", "2015-06-01"]


def test_no_two_labels_overlap_and_none_leaves_the_picture(
    ended: Store, figure: Callable[[LevelChart], Figure]
) -> None:
    crowded = 0
    for row in range(549, 800, 125):
        drawn = figure(level_chart(ended, "IWM", as_of=str(DAYS[row].date())))
        drawn.draw_without_rendering()
        labels = [text for text in drawn.axes[0].texts if isinstance(text, Annotation)]
        boxes = [super(Annotation, text).get_window_extent() for text in labels]
        boxes.sort(key=lambda box: box.y0)
        crowded = max(crowded, len(boxes))
        # Half a pixel is the rounding of the text's own box.
        assert all(lower.y1 <= upper.y0 + 0.5 for lower, upper in pairwise(boxes))
        assert all(box.x1 <= drawn.bbox.x1 and box.y0 >= 0 and box.y1 <= drawn.bbox.y1 for box in boxes)
    assert crowded > 15


def test_a_chart_without_anything_to_draw_is_still_a_picture(chart: LevelChart) -> None:
    bare = replace(chart, levels=(), channel=None, patterns=(), breaks=(), volumes=np.full(504, np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert level_plot(bare).startswith(b"\x89PNG")


def level(distance: float, strength: float) -> DrawnLevel:
    day = DAYS[0]
    return DrawnLevel(100 + distance, 1, "support", distance, 1, 0, strength, day, day, day, None, ())


def test_labels_go_to_the_nearest_levels_first_and_then_to_the_strongest() -> None:
    levels = [level(distance, strength) for distance, strength in [
        (9, 5), (8, 0.1), (4, 0.2), (3, 0.1), (1, 0.1), (-1, 0.1), (-2, 0.1), (-3, 0.1), (-7, 9), (-8, 0.3),
    ]]  # fmt: skip
    assert [each.distance for each in labelled(levels, 8)] == [-1, -2, -3, 1, 3, 4, -7, 9]
    assert labelled(levels, 3) == labelled(levels, 8)[:3]


@given(
    st.lists(st.floats(0.0, 100.0), min_size=1, max_size=30).map(sorted),
    st.floats(0.1, 20.0),
)
def test_spread_keeps_order_distance_and_bounds_and_moves_nothing_that_has_room(
    wanted: list[float], gap: float
) -> None:
    places = spread(wanted, gap, 0.0, 100.0)
    least = min(gap, 100.0 / max(len(wanted) - 1, 1))
    assert (np.diff(places) >= least - 1e-9).all()
    assert places.min() >= -1e-9
    assert places.max() <= 100.0 + 1e-9
    if (np.diff(wanted) >= gap + 1e-9).all():
        assert places == pytest.approx(wanted)
