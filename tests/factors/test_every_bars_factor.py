"""Laws that every factor computed from bars alone obeys, whoever wrote it: registered with defaults or used in a TOML.

The tests feed the functions directly and mask the rows before the declared look-back, as the engine does.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factors.together import over

import bullbear.factors
from bullbear.factors import load
from bullbear.factors.engine.registry import Array, Bars, Factor, registered
from bullbear.shipped import FEATURES as SHIPPED

for _module in pkgutil.iter_modules(bullbear.factors.__path__):
    importlib.import_module(f"bullbear.factors.{_module.name}")

FEATURES = Path(__file__).resolve().parents[2] / "features"
OWN = ("technical", "volatility")
"""Families whose every function works inside a window of exactly its look-back, but for the recursive ones."""
RECURSIVE = {
    "adx",
    "atr_percent",
    "directed_adx",
    "directional_indicator",
    "directional_spread",
    "macd_histogram",
    "ppo",
    "rsi",
    "rsi_position",
    "squeeze",
    "trix",
}
"""Exponential and Wilder's smoothing, and what is made of them: their start fades, but never to the last bit."""
LIFTS = {"event_lift", "event_state"}
SUMMED_IN_TURN = {"cci"}
"""TA-Lib adds up its window from a place that moves with the row, so the last bit depends on the first row."""
"""Whether it keeps to its look-back is a question of the indicator that it counts on."""
PRICES = ("open", "high", "low", "close")
RANDOM_DATES = settings.default.max_examples
FEWER_DATES = settings.default.max_examples // 12


@dataclass(frozen=True)
class Case:
    """A factor with the parameters under test; `identity` is its name in the report."""

    identity: str
    factor: Factor
    params: Mapping[str, Any]

    def __str__(self) -> str:
        return self.identity

    @property
    def rows(self) -> int:
        return self.factor.rows_needed(self.params)

    @property
    def windowed(self) -> bool:
        return self.factor.is_windowed(self.params)

    def __call__(self, *bars: Bars) -> Array:
        return self.factor.function(*bars, **self.params)

    def masked(self, *bars: Bars) -> Array:
        values = np.array(self(*bars))
        values[: self.rows - 1] = np.nan
        return values


def _of_bars() -> dict[str, Factor]:
    """The library's own: a test of a home may have registered others in this process."""
    own = {name: f for name, f in registered().items() if f.function.__module__.startswith("bullbear.factors.")}
    return {name: f for name, f in own.items() if set(f.inputs.values()) == {"bars"}}


def _key(params: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(params.items()))


def _cases() -> list[Case]:
    found = _of_bars()
    cases: dict[tuple[str, tuple[tuple[str, Any], ...]], Case] = {}
    for name, one in found.items():
        if all(default is not inspect.Parameter.empty for default in one.parameters.values()):
            cases[name, _key(one.complete({}))] = Case(name, one, one.complete({}))
            for parameter, choices in one.choices.items():
                for choice in choices:
                    params = one.complete({parameter: choice})
                    cases.setdefault((name, _key(params)), Case(f"{name}.{choice}", one, params))
    for path in sorted(FEATURES.glob("*.toml")):
        if path.stem == "odds" or path.stem not in SHIPPED:  # events, not factors; tests/odds reads it
            continue
        for spec in load([path])[0].factor:
            if spec.function in found:
                params = found[spec.function].complete(spec.params)
                key = spec.function, _key(params)
                cases.setdefault(key, Case(f"{path.stem}.{spec.name}", found[spec.function], params))
    return list(cases.values())


CASES = _cases()


every = over("case", CASES)
own = over("case", [case for case in CASES if case.factor.family in OWN])
bounded = over("case", [case for case in CASES if case.factor.bounds is not None])
windowed = over("case", [case for case in CASES if case.windowed])
of_one_ticker = over("case", [case for case in CASES if len(case.factor.inputs) == 1])


def part(bars: Bars, start: int, stop: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[start:stop].copy() for field in fields(Bars)})


def scaled(bars: Bars, price: float, volume: float = 1.0) -> Bars:
    prices = {name: getattr(bars, name) * price for name in PRICES}
    return replace(bars, volume=bars.volume * volume, **prices)


@pytest.fixture(scope="session")
def feed(tape: Callable[..., Bars]) -> Callable[..., tuple[Bars, ...]]:
    """`feed(case, rows)`: one tape for each bars input of the case; slices of one long tape each."""
    long = cache(lambda seed: tape(6_000, seed=seed))

    def make(case: Case, rows: int, seed: int = 0) -> tuple[Bars, ...]:
        return tuple(part(long(100 * seed + place), 0, rows) for place in range(len(case.factor.inputs)))

    return make


def test_every_bars_factor_is_under_test() -> None:
    assert {case.factor.name for case in CASES} == set(_of_bars())


def test_our_families_are_large_enough_to_be_the_library() -> None:
    assert len([case for case in CASES if case.factor.family in OWN]) >= 90


@every
def test_result_is_one_float_a_row_and_the_input_is_left_alone(case: Case, feed: Callable[..., Any]) -> None:
    bars = feed(case, case.rows + 40)
    before = [part(b, 0, len(b.close)) for b in bars]
    values = case(*bars)
    assert values.dtype == np.float64
    assert values.shape == bars[0].close.shape
    assert not np.isinf(values).any()
    for mine, kept in zip(bars, before, strict=True):
        for field in fields(Bars):
            np.testing.assert_array_equal(getattr(mine, field.name), getattr(kept, field.name))


@bounded
def test_stays_within_its_bounds(case: Case, feed: Callable[..., Any]) -> None:
    low, high = case.factor.bounds or (-np.inf, np.inf)
    for seed in range(3):
        values = case.masked(*feed(case, case.rows + 400, seed))
        known = values[~np.isnan(values)]
        assert ((known >= low) & (known <= high)).all()


@every
@settings(
    max_examples=settings.default.max_examples // 33,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(price=st.floats(0.01, 100.0), volume=st.floats(0.1, 100.0), seed=st.integers(0, 3))
def test_price_level_means_nothing(
    case: Case, feed: Callable[..., Any], price: float, volume: float, seed: int
) -> None:
    bars = feed(case, case.rows + 60, seed)
    size = volume if case.factor.family in OWN else 1.0
    plain = case.masked(*bars)
    np.testing.assert_allclose(
        case.masked(*(scaled(b, price, size) for b in bars)), plain, rtol=1e-7, atol=1e-8 * _size(plain)
    )


def _size(values: Array) -> float:
    """Typical magnitude, at least 1e-3: what an absolute tolerance is measured by."""
    known = np.abs(values[~np.isnan(values)])
    return max(float(np.median(known)) if len(known) else 0.0, 1e-3)


@every
def test_a_longer_history_changes_no_earlier_bit(case: Case, feed: Callable[..., Any]) -> None:
    total = case.rows + 300
    bars = feed(case, total)
    values = case(*bars)
    for stop in np.random.default_rng(len(case.identity)).integers(1, total, FEWER_DATES):
        np.testing.assert_array_equal(case(*(part(b, 0, stop) for b in bars)), values[:stop])


@every
def test_look_back_is_the_true_one(case: Case, feed: Callable[..., Any]) -> None:
    rows = case.rows
    bars = feed(case, rows + 300)
    values = case.masked(*bars)
    assert not np.isnan(values[rows - 1 :]).all()
    for last in (rows - 1, rows, rows + 17, rows + 131, rows + 299):
        exact = case.masked(*(part(b, last - rows + 1, last + 1) for b in bars))
        np.testing.assert_allclose(exact[-1], values[last], rtol=1e-9, atol=1e-10 * _size(values))
        if rows > 1:
            assert np.isnan(case.masked(*(part(b, last - rows + 2, last + 1) for b in bars))).all()


def test_only_recursive_indicators_need_more_than_their_look_back() -> None:
    rest = {case.factor.name for case in CASES if not case.windowed}
    assert {
        name for name in rest if registered()[name].family in (*OWN, "sectors")
    } == RECURSIVE | LIFTS | SUMMED_IN_TURN


def assert_keeps_to_its_look_back(case: Case, bars: Sequence[Bars], dates: int) -> None:
    """Fed its look-back, or any more rows than that, a factor ends as on the whole history, to the last bit."""
    whole, generator = case.masked(*bars), np.random.default_rng(len(case.identity))
    for last in generator.integers(case.rows - 1, len(whole), dates):
        for more in (0, 1, int(generator.integers(2, 400))):
            rows = min(case.rows + more, last + 1)
            tail = case.masked(*(part(b, last - rows + 1, last + 1) for b in bars))
            np.testing.assert_array_equal(tail[-1], whole[last], err_msg=f"row {last} from {rows} rows")


@windowed
def test_a_windowed_factor_keeps_to_its_look_back(case: Case, feed: Callable[..., Any]) -> None:
    bars = feed(case, case.rows + 900, seed=5)
    for one in bars:  # a volume that was never told, and one that was told as none
        one.volume[case.rows + 100] = np.nan
        one.volume[case.rows + 200] = 0.0
    assert_keeps_to_its_look_back(case, bars, FEWER_DATES)


@own
def test_window_is_not_declared_longer_than_it_is(case: Case, feed: Callable[..., Any]) -> None:
    values = case(*feed(case, case.rows + 5))
    first = int(np.flatnonzero(~np.isnan(values))[0])
    assert first <= case.rows - 1
    if case.factor.name not in RECURSIVE:
        assert first == case.rows - 1


@pytest.mark.parametrize("name", sorted(RECURSIVE))
@pytest.mark.parametrize("stretch", [0.9, 1.1])
def test_recursive_look_back_forgets_its_start(name: str, stretch: float, feed: Callable[..., Any]) -> None:
    case = next(c for c in CASES if c.identity == name)
    (bars,) = feed(case, case.rows + 50)
    begun = replace(bars, **{p: getattr(bars, p).copy() for p in PRICES})
    for price in PRICES:
        getattr(begun, price)[0] *= stretch
    plain, other = case.masked(bars), case.masked(begun)
    known = ~np.isnan(plain)
    known[: case.rows] = False  # the window that begins with the changed row does see it
    difference = np.abs(plain - other)[known].max()
    assert difference <= 1e-12 * max(np.abs(plain[known]).max(), 1.0)


@every
def test_too_short_a_history_is_missing(case: Case, feed: Callable[..., Any]) -> None:
    for rows in sorted({0, 1, 2, 3, case.rows - 1} & set(range(case.rows))):
        values = case.masked(*feed(case, rows))
        assert values.shape == (rows,)
        assert np.isnan(values).all()


@every
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_prices_that_never_move(case: Case) -> None:
    rows = case.rows + 30
    days = np.datetime64("2000-01-03", "us") + np.arange(rows) * np.timedelta64(1, "D")
    for price in (7.3, 100.0):
        still = np.full(rows, price)
        values = case.masked(*[Bars(days, still, still, still, still, np.full(rows, 5e6))] * len(case.factor.inputs))
        tail = values[case.rows - 1 :]
        assert np.isnan(tail).all() or (np.isfinite(tail).all() and np.ptp(tail) <= 1e-9)
        if case.factor.bounds is not None and np.isfinite(tail).all():
            low, high = case.factor.bounds
            assert low <= tail.min() <= tail.max() <= high


@every
def test_unknown_volume_spoils_only_the_windows_that_touch_it(case: Case, feed: Callable[..., Any]) -> None:
    gap = case.rows + 10
    bars = feed(case, gap + case.rows + 10)
    plain = case.masked(*bars)
    holed = [replace(b, volume=b.volume.copy()) for b in bars]
    for one in holed:
        one.volume[gap] = np.nan
    values = case.masked(*holed)
    np.testing.assert_array_equal(values[:gap], plain[:gap])
    np.testing.assert_allclose(values[gap + case.rows :], plain[gap + case.rows :], rtol=1e-9, atol=1e-12)


@every
def test_unknown_volume_throughout_is_survived(case: Case, feed: Callable[..., Any]) -> None:
    bars = [replace(b, volume=np.full(len(b.close), np.nan)) for b in feed(case, case.rows + 20)]
    assert not np.isinf(case.masked(*bars)).any()


@pytest.fixture(scope="session")
def iwm(snapshot_dir: Path) -> Bars:
    with (snapshot_dir / "prices" / "IWM.csv").open() as file:
        rows = list(csv.DictReader(file))
    column = {name: np.array([float(row[name] or "nan") for row in rows]) for name in (*PRICES, "adj_close", "volume")}
    ratio = column["adj_close"] / column["close"]
    return Bars(
        np.array([row["date"] for row in rows], dtype="datetime64[us]"),
        column["open"] * ratio,
        column["high"] * ratio,
        column["low"] * ratio,
        column["adj_close"],
        column["volume"],
    )


@of_one_ticker
def test_on_the_real_tape(case: Case, iwm: Bars) -> None:
    values = case.masked(iwm)
    known = values[case.rows - 1 :]
    assert not np.isinf(known).any()
    if case.factor.bounds is not None:
        low, high = case.factor.bounds
        present = known[~np.isnan(known)]
        assert ((present >= low) & (present <= high)).all()
    if case.factor.family in OWN:
        assert np.isnan(known).mean() < 0.01
        assert np.nanstd(known) > 0.0


@over("case", [case for case in CASES if case.windowed and len(case.factor.inputs) == 1 and case.factor.family in OWN])
def test_a_windowed_factor_keeps_to_its_look_back_on_the_real_tape(case: Case, iwm: Bars) -> None:
    assert_keeps_to_its_look_back(case, [iwm], FEWER_DATES)


def test_incremental_equals_batch_on_random_real_dates(iwm: Bars) -> None:
    cases = [case for case in CASES if case.factor.family in OWN]
    batch = {case.identity: case.masked(iwm) for case in cases}
    differing = set()
    for stop in np.random.default_rng(20).integers(600, len(iwm.close), RANDOM_DATES):
        cut = part(iwm, 0, int(stop))
        for case in cases:
            row, expected = case.masked(cut)[-1], batch[case.identity][stop - 1]
            if row != expected and not (np.isnan(row) and np.isnan(expected)):
                differing.add((case.identity, iwm.sessions[stop - 1]))
    assert not differing
