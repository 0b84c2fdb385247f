"""The panel equals one view after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.panel import panel
from bullbear.errors import InputError


@pytest.mark.parametrize("with_vintages", [False, True])
def test_it_equals_the_views(tmp_path: Path, with_vintages: bool) -> None:
    rng = np.random.default_rng(3)
    store = Store(tmp_path)
    events = pd.date_range("2015-01-01", periods=40, freq="MS").as_unit("us")
    parts = []
    for name in ("A", "B"):
        chosen = events[rng.integers(0, 40, 120)]
        lags = pd.to_timedelta(rng.integers(20, 400, 120), unit="D")
        rows = pd.DataFrame({"series": name, "event_date": chosen, "known_at": (chosen + lags).tz_localize("UTC")})
        if with_vintages:
            known = rows["known_at"].dt.tz_localize(None).dt.to_period("Q").dt.start_time.dt.as_unit("us")
            rows = rows.assign(vintage=known.where(rng.random(120) < 0.8))
        parts.append(rows.assign(value=rng.normal(size=120)))
    frame = pd.concat(parts).drop_duplicates(["series", "event_date", "known_at"])
    store.append("observations", frame)
    instants = pd.date_range("2015-01-15", "2019-06-01", freq="9D", tz="UTC").as_unit("us")
    found = panel(store, "observations", ["A", "B", "C"], instants, "value")
    for instant in instants:
        view = store.as_of(instant)
        for name in ("A", "B", "C"):
            expected = view.observations(name)["value"].iloc[-1] if view.has("observations", name) else np.nan
            assert found.loc[instant, name] == pytest.approx(expected, nan_ok=True, abs=0)


def test_wrong_questions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column: got 'close'; allowed: value; name a value of the kind"):
        panel(Store(tmp_path), "observations", ["A"], pd.DatetimeIndex([], tz="UTC"), "close")
    with pytest.raises(InputError, match="instants: got 'naive times'"):
        panel(Store(tmp_path), "observations", ["A"], pd.DatetimeIndex(["2020-01-01"]), "value")
