"""Planted leaks of several kinds are found, each by name; factors that look back only pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bullbear.audit import perturbation, require_causal, truncation
from bullbear.audit.factors.truncation import cuts_of
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.errors import DefinitionError
from bullbear.factors import load
from bullbear.sessions import between
from bullbear.shipped import FEATURES as SHIPPED
from bullbear.user_code import use_home

ROOT = Path(__file__).resolve().parents[3]
DAYS = between("2018-01-02", "2019-06-28")
HEAD = """
import numpy as np
import pandas as pd
from bullbear.factors import Array, Bars, factor

def series(bars):
    return pd.Series(bars.close)

"""
LEAKS = {
    "tomorrow": "series(bars).shift(-1) / series(bars)",
    "centred": "series(bars) / series(bars).rolling(5, center=True, min_periods=1).mean()",
    "normalised": "(series(bars) - series(bars).mean()) / series(bars).std()",
    "ranked": "series(bars).rank(pct=True)",
    "filled_back": "series(bars).pct_change(20).bfill()",
    "rare_event": "series(bars).where(series(bars).pct_change() < -0.025).bfill().fillna(0.0)",
    "reversed": "series(bars)[::-1].ewm(span=10).mean()[::-1]",
    "forward_high": "series(bars)[::-1].rolling(21, min_periods=1).max()[::-1] / series(bars)",
    "interpolated": "series(bars).where(np.arange(len(bars.close)) % 5 == 0).interpolate()",
    "fitted": "bars.close / np.poly1d(np.polyfit(bars.volume + 0.01 * bars.close, bars.close, 1))(bars.volume)",
}
SOUND = {
    "yesterday": "series(bars).shift(1) / series(bars)",
    "trailing": "series(bars) / series(bars).rolling(5, min_periods=1).mean()",
    "expanding": "(series(bars) - series(bars).expanding().mean()) / series(bars).expanding().std()",
    "smoothed": "series(bars).ewm(span=10).mean()",
    "held": "series(bars).where(series(bars).pct_change() < -0.025).ffill()",
}


def use(tmp_path: Path, bodies: dict[str, str]) -> dict[str, FactorSpec]:
    folder = tmp_path / "factors"
    folder.mkdir()
    text = HEAD
    for name, body in bodies.items():
        text += f'@factor(unit="ratio", lookback=1)\ndef {name}(bars: Bars) -> Array:\n    """A {name}."""\n'
        text += f"    return np.asarray({body}, dtype=float)\n\n"
    (folder / "mine.py").write_text(text)
    use_home(tmp_path)
    return {name: FactorSpec(name=f"my_{name}", function=name, inputs={"bars": "$asset"}) for name in bodies}


def test_every_planted_leak_is_found(store: Store, tmp_path: Path) -> None:
    specs = use(tmp_path, LEAKS | SOUND)
    by_truncation = {finding.function for finding in truncation(store, [*specs.values()], DAYS, "IWM")}
    assert by_truncation == set(LEAKS)
    by_perturbation = {finding.function for finding in perturbation(store, [*specs.values()], DAYS, "IWM")}
    assert by_perturbation <= set(LEAKS)
    assert by_perturbation >= {"tomorrow", "normalised", "ranked", "fitted", "forward_high"}


@pytest.mark.parametrize("name", ["tomorrow", "centred", "normalised", "filled_back"])
def test_a_leak_is_refused_with_factor_day_and_values(store: Store, tmp_path: Path, name: str) -> None:
    spec = use(tmp_path, {**SOUND, name: LEAKS[name]})[name]
    told = rf"^factors/mine\.py:\d+ \(my_{name}\): got '\S+ on 201[89]-\d\d-\d\d, but \S+ from what was known that day'"
    with pytest.raises(DefinitionError, match=told):
        require_causal(store, [spec], DAYS, "IWM")


def test_a_value_that_is_later_changed_only_where_there_is_a_later_row(store: Store, tmp_path: Path) -> None:
    # It behaves at the last row, which is all that a truncated history shows of a day.
    body = "np.append(np.where(np.arange(len(bars.close) - 1) < 300, bars.close[1:], bars.close[:-1]), bars.close[-1:])"
    spec = use(tmp_path, {"two_faced": body})["two_faced"]
    (finding,) = perturbation(store, [spec], DAYS, "IWM")
    assert (finding.factor, finding.check) == ("my_two_faced", "perturbation")
    assert "after what became known later was changed" in finding.sentence


def test_shipped_factors_of_bars_see_no_later_session(store: Store) -> None:
    sets = [ROOT / "features" / f"{name}.toml" for name in sorted(SHIPPED - {"odds"})]
    specs = {spec.name: spec for each in sets for spec in load([each])[0].factor}
    of_bars = [spec for spec in specs.values() if set(spec.inputs.values()) <= {"$asset", "IWM"}]
    some = of_bars[:: max(1, len(of_bars) // 12)]
    assert len(some) >= 12
    assert truncation(store, some, DAYS[:150], "IWM") == []
    assert perturbation(store, some, DAYS, "IWM") == []


def test_cuts_lie_at_the_first_values_beside_gaps_and_where_a_value_is_repeated() -> None:
    column = np.arange(100.0)
    column[:10] = np.nan
    column[50:53] = np.nan
    column[71] = column[70]
    assert {10, 11, 53, 70, 99} <= set(cuts_of(column))
    assert cuts_of(np.full(5, np.nan)) == []
