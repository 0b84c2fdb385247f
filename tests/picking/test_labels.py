"""Labels by hand: members, deaths, and what is known when."""

from __future__ import annotations

import numpy as np
import pytest

from bullbear.data.companies import Panel, panel_from
from bullbear.errors import HistoryError, InputError
from bullbear.picking.cross_section import of_panel
from bullbear.picking.labels import labels, quantile_of, require_labels

NAN = float("nan")


def everyone(decided: np.ndarray, count: int) -> np.ndarray:
    return np.ones((len(decided), count), dtype=bool)


def test_relative_to_the_mean_of_the_members() -> None:
    closes = [[10.0, 10.0, 10.0], [11.0, 9.0, 50.0], [12.0, 9.0, 50.0]]
    decided = np.array([0])
    found = labels(of_panel(panel_from(closes)), decided, 2, np.array([[True, True, False]]))
    # +20 % and -10 %: a mean of +5 %; the third was no member, whatever it did.
    assert found.total[0].tolist() == pytest.approx([0.2, -0.1, NAN], nan_ok=True)
    assert found.relative[0].tolist() == pytest.approx([0.15, -0.15, NAN], nan_ok=True)


def test_the_dead_count_with_their_last_price_and_are_cash_then() -> None:
    closes = [[10.0, 10.0], [4.0, 10.0], [NAN, 10.0], [NAN, 12.0]]
    found = labels(of_panel(panel_from(closes)), np.array([0, 2]), 1, everyone(np.array([0, 2]), 2))
    assert found.total[0].tolist() == pytest.approx([-0.6, 0.0])
    assert found.total[1].tolist() == pytest.approx([NAN, 0.2], nan_ok=True)  # no bar at the decision: no label
    longer = labels(of_panel(panel_from(closes)), np.array([0]), 3, everyone(np.array([0]), 2))
    assert longer.total[0].tolist() == pytest.approx([-0.6, 0.2])


def test_what_has_not_resolved_has_no_label(panel: Panel) -> None:
    section = of_panel(panel)
    decided = np.array([300, len(panel.sessions) - 21, len(panel.sessions) - 22])
    found = labels(section, decided, 21, everyone(decided, 12))
    assert np.isfinite(found.total[0]).any()
    assert np.isfinite(found.total[2]).any()
    assert not np.isfinite(found.total[1]).any()


def test_bars_after_the_label_resolved_do_not_change_it(panel: Panel) -> None:
    decided = np.array([280, 300])
    cut = panel.until(panel.sessions[321])
    whole, early = (labels(of_panel(each), decided, 21, everyone(decided, 12)) for each in (panel, cut))
    np.testing.assert_array_equal(whole.relative, early.relative)


def test_quantiles_are_as_equal_as_can_be() -> None:
    found = quantile_of(np.array([5.0, 1.0, NAN, 3.0, 2.0, 4.0, 0.0]), 3)
    assert found.tolist() == pytest.approx([2.0, 0.0, NAN, 1.0, 1.0, 2.0, 0.0], nan_ok=True)
    assert np.isnan(quantile_of(np.array([NAN, NAN]), 3)).all()


def test_refusals(panel: Panel) -> None:
    section, decided = of_panel(panel), np.array([300])
    with pytest.raises(InputError, match=r"member: got 'shape \(1, 3\)'"):
        labels(section, decided, 21, np.ones((1, 3), dtype=bool))
    with pytest.raises(HistoryError, match=r"1 with a resolved label.*at least 2"):
        require_labels(labels(section, decided, 21, everyone(decided, 12)), 2)
