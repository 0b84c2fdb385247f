"""What a dollar became overnight and within the session, and when is decided."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions as exchange
from bullbear.data.companies import Panel, panel_from
from bullbear.group.returns import total_return
from bullbear.picking.cross_section import decisions, funds_panel, of_panel

NAN = float("nan")


def test_a_split_and_a_dividend_are_nobodys_loss() -> None:
    # 10 -> a split of 2:1, opens at 5.5, closes at 5; then a dividend of 0.5, opens at 4.5, closes at 4.5.
    panel = panel_from([10.0, 5.0, 4.5], open=[10.0, 5.5, 4.5], split=[1.0, 2.0, 1.0], dividend=[0.0, 0.0, 0.5])
    section = of_panel(panel)
    assert section.overnight[:, 0].tolist() == pytest.approx([1.0, 1.1, 1.0])
    assert section.intraday[:, 0].tolist() == pytest.approx([1.0, 5.0 / 5.5, 1.0])


def test_growth_over_a_gap_belongs_to_the_night_before_the_next_bar() -> None:
    panel = panel_from([10.0, NAN, NAN, 30.0], open=[10.0, NAN, NAN, 24.0], split=[1, 1, 0.5, 1], dividend=[0, 1, 0, 0])
    section = of_panel(panel)
    # The dividend of the second session is reinvested at the last close: 1.1 old shares, 0.55 new ones.
    assert section.overnight[:, 0].tolist() == pytest.approx([1.0, 1.0, 1.0, 24.0 * 0.55 / 10.0])
    assert section.growth[1:3, 0].tolist() == [1.0, 1.0]


def test_growth_is_the_groups_total_return(panel: Panel) -> None:
    expected = total_return(panel, 1, gap=0)
    # The group reinvests a dividend at the close, an account at the open: the same without a dividend that day.
    usual = np.isfinite(expected) & (panel.dividend == 0.0)
    assert of_panel(panel).growth[usual] - 1.0 == pytest.approx(expected[usual])


def test_later_bars_change_nothing_before_them(panel: Panel) -> None:
    whole, cut = of_panel(panel), of_panel(panel.until(panel.sessions[250]))
    for name in ("overnight", "intraday", "traded", "dollars", "level"):
        np.testing.assert_array_equal(getattr(whole, name)[:251], getattr(cut, name))


def test_funds_begin_together_and_keep_their_returns() -> None:
    days = exchange.between("2019-12-23", "2019-12-31")
    frame = pd.DataFrame(
        {"open": 10.0, "close": 11.0, "adj_close": np.linspace(5.0, 6.0, len(days)), "volume": 100.0}, index=days
    )
    panel = funds_panel({"B": frame, "A": frame.iloc[2:]})
    assert panel.companies == ("A", "B")
    assert panel.sessions[0] == days[2]
    section = of_panel(panel)
    assert section.growth[1:, 1] == pytest.approx(np.diff(frame["adj_close"][2:]) / frame["adj_close"][2:-1] + 1.0)
    assert section.intraday == pytest.approx(1.1)
    assert section.dollars == pytest.approx(1100.0)


def test_a_period_ends_by_the_calendar_of_the_exchange() -> None:
    days = exchange.between("2019-11-25", "2019-12-31")
    assert [str(days[row].date()) for row in decisions(days, "month")] == ["2019-11-29", "2019-12-31"]
    weeks = [str(days[row].date()) for row in decisions(days, "week")]
    # 29 November is a short Friday; the last week goes on in January.
    assert weeks == ["2019-11-29", "2019-12-06", "2019-12-13", "2019-12-20", "2019-12-27"]
    assert not len(decisions(days[:0], "month"))


@pytest.mark.parametrize("cut", [2, 5, 20, 25])
def test_a_decision_stays_one_when_time_goes_on(cut: int) -> None:
    days = exchange.between("2019-11-25", "2019-12-31")
    whole = decisions(days, "week")
    assert decisions(days[:cut], "week").tolist() == whole[whole < cut].tolist()
