"""Examples: what they hold, how alone each label stands, and the fingerprint of it all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.store import Store
from bullbear.dataset import build, build_all
from bullbear.dataset.examples import fingerprint, uniqueness, uniqueness_at
from bullbear.definitions import FactorSpec, FeatureSet, Target, Universe
from bullbear.definitions.questions import Dip
from bullbear.errors import NoDataError
from bullbear.sessions import between, closes

SET = FeatureSet(
    name="tiny",
    why="Two factors for a test.",
    factor=(
        FactorSpec(name="roc_2", function="roc", inputs={"bars": "IWM"}, params={"window": 2}),
        FactorSpec(name="fed", function="level", inputs={"level": "FED"}),
    ),
)
PRICES = {
    "2019-12-20": 100.0,
    "2019-12-23": 104.0,
    "2019-12-24": 101.0,
    "2019-12-26": 106.0,
    "2019-12-27": 103.0,
    "2019-12-30": 99.0,
    "2019-12-31": 103.0,
}


def test_examples_of_seven_sessions(toy_store: Callable[..., Store]) -> None:
    built = build(toy_store(PRICES).as_of(), [], Target(ticker="IWM", horizon=2))
    assert len(built) == 7
    assert built.X.shape == (7, 0)
    assert built.X.index.strftime("%Y-%m-%d").tolist() == list(PRICES)
    np.testing.assert_array_equal(built.y, [1, 1, 1, 0, 0, np.nan, np.nan])
    # Known at each close: nothing, nothing, 1, 1 1, 1 1 1, 1 1 1 0, 1 1 1 0 0
    np.testing.assert_array_equal(built.n_resolved, [0, 0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(built.climatology, [np.nan, np.nan, 1, 1, 1, 0.75, 0.6])
    np.testing.assert_allclose(built.weights, [0.75, 0.5, 0.5, 0.5, 0.5, 0.5, 0.75], rtol=0, atol=1e-15)
    assert built.horizon == 2
    assert (built.decided_at[2:] == built.resolved_at[:-2]).all()


def test_what_is_learned_later_changes_no_earlier_row(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    whole = build(store.as_of(), [], Target(horizon=2))
    early = build(store.as_of(pd.Timestamp("2019-12-27 21:00", tz="UTC")), [], Target(horizon=2))
    n = len(early)
    assert n == 5
    np.testing.assert_array_equal(early.climatology, whole.climatology[:n])
    np.testing.assert_array_equal(early.y, [1, 1, 1, np.nan, np.nan])
    assert early.fingerprint != whole.fingerprint


def test_a_fingerprint_is_the_same_for_the_same_store(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    view = store.as_of()
    first = build(view, [], Target(horizon=2)).fingerprint
    assert first == build(Store(store.root).as_of(), [], Target(horizon=2)).fingerprint
    assert first != build(view, [], Target(horizon=3)).fingerprint


def test_a_fingerprint_covers_final_labels_and_when_each_path_was_known(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    first = build(store.as_of(), [], Target(horizon=2))
    # A correction long after: no label as it was known changes, two final ones do.
    days = pd.DatetimeIndex(["2019-12-27"]).as_unit("us")
    bar = {"series": "IWM", "event_date": days, "known_at": pd.Timestamp("2020-03-02 21:00", tz="UTC"), "volume": 1e6}
    store.append("bars", pd.DataFrame(bar | dict.fromkeys(("open", "high", "low", "close", "adj_close"), 96.0)))
    corrected = build(Store(store.root).as_of(), [], Target(horizon=2))
    np.testing.assert_array_equal(corrected.y, first.y)
    assert corrected.y_final.tolist()[:5] != first.y_final.tolist()[:5]
    assert corrected.fingerprint != first.fingerprint


def test_a_fingerprint_covers_when_a_path_was_known(tmp_path: Path) -> None:
    # The bar in the middle of the first paths arrives late: `up` reads the last close alone, a path every one.
    found = []
    for hours in (0, 200):
        days = pd.DatetimeIndex(list(PRICES)).as_unit("us")
        known = closes(days) + pd.to_timedelta([0, hours, 0, 0, 0, 0, 0], unit="h").as_unit("us")
        rows = pd.DataFrame({"series": "IWM", "event_date": days, "known_at": known, "volume": 1e6})
        for name in ("open", "high", "low", "close", "adj_close"):
            rows[name] = list(PRICES.values())
        store = Store(tmp_path / str(hours))
        store.append("bars", rows)
        found.append(build(store.as_of(), [], Target(horizon=2)))
    on_time, late = (each.paths for each in found)
    assert on_time is not None
    assert late is not None
    assert found[0].resolved_at[0] == found[1].resolved_at[0] < late.known_at[0]
    parts = [
        fingerprint(found[0].X, found[0].y, found[0].resolved_at, found[0].y_final, on_time.returns, each.known_at.asi8)
        for each in (on_time, late)
    ]
    assert found[0].fingerprint == parts[0] != parts[1]


def test_a_target_without_bars_is_refused(toy_store: Callable[..., Store]) -> None:
    with pytest.raises(NoDataError, match="bars of IWN"):
        build(toy_store(PRICES).as_of(), [], Target(ticker="IWN"))


def test_examples_of_two_assets(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    other = {"2019-12-24": 50.0, "2019-12-26": 49.0, "2019-12-27": 51.0, "2019-12-31": 50.0}
    for ticker, prices in (("IWM", PRICES), ("SPY", other)):
        days = pd.DatetimeIndex(list(prices)).as_unit("us")
        rows = pd.DataFrame({"series": ticker, "event_date": days, "known_at": closes(days)})
        for name in ("open", "high", "low", "close", "adj_close"):
            rows[name] = list(prices.values())
        store.append("bars", rows.assign(volume=1e6))
    view = store.as_of()
    spec = FactorSpec(name="roc_1", function="roc", inputs={"bars": "$asset"}, params={"window": 1})
    factors = SET.model_copy(update={"factor": (spec,)})
    both = build(view, [factors], Target(horizon=1), ["SPY", "IWM"])
    alone = {ticker: build(view, [factors], Target(ticker=ticker, horizon=1)) for ticker in ("IWM", "SPY")}
    assert list(zip(both.session.strftime("%d"), both.asset.tolist(), strict=True)) == [
        ("20", "IWM"), ("23", "IWM"), ("24", "IWM"), ("24", "SPY"), ("26", "IWM"), ("26", "SPY"),
        ("27", "IWM"), ("27", "SPY"), ("30", "IWM"), ("30", "SPY"), ("31", "IWM"), ("31", "SPY"),
    ]  # fmt: skip
    # Each asset's rows are those that it has alone: its own factor, label, base rate and uniqueness.
    for ticker, own in alone.items():
        rows = both.asset == ticker
        pd.testing.assert_frame_equal(both.X[rows], own.X)
        for name in ("y", "y_final", "decidable", "weights", "climatology", "n_resolved", "decided_at", "resolved_at"):
            np.testing.assert_array_equal(getattr(both, name)[rows], getattr(own, name), err_msg=name)
    np.testing.assert_array_equal(alone["SPY"].y, [0, 1, np.nan, np.nan, np.nan])
    assert both.horizon == 1
    assert len({both.fingerprint, *(own.fingerprint for own in alone.values())}) == 3
    universal = factors.model_copy(update={"universe": Universe(assets=("IWM", "SPY"))})
    assert build(view, [universal], Target(horizon=1)).fingerprint == both.fingerprint


def test_several_questions_are_built_as_each_alone_and_share_their_factors(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    for ticker, factor in (("IWM", 1.0), ("SPY", 2.0)):
        days = pd.DatetimeIndex(list(PRICES)).as_unit("us")
        rows = pd.DataFrame({"series": ticker, "event_date": days, "known_at": closes(days)})
        for name in ("open", "high", "low", "close", "adj_close"):
            rows[name] = [100.0 + factor * (price - 100.0) for price in PRICES.values()]
        store.append("bars", rows.assign(volume=1e6))
    dip = Dip(name="dip4", kind="dip", threshold=-0.04, horizon=3, sentence="Some close 4 % below.")
    spec = FactorSpec(name="roc_1", function="roc", inputs={"bars": "$asset"}, params={"window": 1})
    factors = SET.model_copy(update={"factor": (spec,)})
    targets = [Target(horizon=2), Target(question=dip), Target(horizon=3)]
    for assets in (["IWM"], ["IWM", "SPY"]):
        found = build_all(store.as_of(), [factors], targets, assets)
        for target, together in zip(targets, found, strict=True):
            alone = build(store.as_of(), [factors], target, assets)
            assert together.fingerprint == alone.fingerprint
            assert together.X is found[0].X
            pd.testing.assert_frame_equal(together.X, alone.X)
            for name in ("y", "y_final", "weights", "climatology", "n_resolved", "decided_at", "resolved_at", "asset"):
                np.testing.assert_array_equal(getattr(together, name), getattr(alone, name), err_msg=name)
            assert together.paths is not None
            np.testing.assert_array_equal(together.paths.known_at, alone.resolved_at)
        assert found[1].y[found[1].asset == "IWM"][:4].tolist() == [0, 0, 0, 1]  # 99 after 106
        assert not np.array_equal(found[1].y, found[2].y)


def test_paths_of_two_assets_stand_with_their_rows(toy_store: Callable[..., Store], tmp_path: Path) -> None:
    store = toy_store(PRICES)
    days = pd.DatetimeIndex(list(PRICES)).as_unit("us")
    rows = pd.DataFrame({"series": "SPY", "event_date": days, "known_at": closes(days)})
    for name in ("open", "high", "low", "close", "adj_close"):
        rows[name] = [price**2 for price in PRICES.values()]
    store.append("bars", rows.assign(volume=1e6))
    both = build(store.as_of(), [], Target(horizon=2), ["IWM", "SPY"])
    assert both.paths is not None
    iwm, spy = (both.paths.returns[both.asset == ticker] for ticker in ("IWM", "SPY"))
    np.testing.assert_allclose(spy, 2 * iwm, rtol=0, atol=1e-14)
    assert np.isfinite(iwm[:5]).all()


def test_the_returns_of_the_paths_are_sealed_too() -> None:
    X, y = pd.DataFrame({"a": [1.0]}, index=between("2019-12-20", "2019-12-20")), np.array([1.0])
    resolved_at = pd.DatetimeIndex(["2019-12-24 18:00"], tz="UTC")
    seals = {fingerprint(X, y, resolved_at, np.array([[first, 0.02]])) for first in (0.01, 0.011, np.nan)}
    assert len(seals) == 3


def slow_uniqueness(n: int, horizon: int) -> list[float]:
    lives = [range(i + 1, i + horizon + 1) for i in range(n)]
    alive = [sum(session in life for life in lives) for session in range(n + horizon + 1)]
    return [sum(1.0 / alive[session] for session in life) / horizon for life in lives]


def test_uniqueness_by_hand() -> None:
    # Lives 1-3, 2-4, 3-5: labels alive in sessions 1 to 5 are 1, 2, 3, 2, 1.
    np.testing.assert_allclose(uniqueness(3, 3), [(1 + 1 / 2 + 1 / 3) / 3, (1 / 2 + 1 / 3 + 1 / 2) / 3, 11 / 18])
    np.testing.assert_allclose(uniqueness(200, 21)[21:-21], 1 / 21, rtol=1e-12)


@given(n=st.integers(1, 60), horizon=st.integers(1, 30))
def test_uniqueness_equals_the_slow_loop(n: int, horizon: int) -> None:
    fast = uniqueness(n, horizon)
    np.testing.assert_allclose(fast, slow_uniqueness(n, horizon), rtol=1e-12)
    assert ((fast > 0) & (fast <= 1 + 1e-12)).all()
    np.testing.assert_allclose(fast, fast[::-1], rtol=1e-12)


@given(there=st.lists(st.booleans(), min_size=1, max_size=60).filter(any), horizon=st.integers(1, 30))
def test_uniqueness_counts_the_labels_that_are_there(there: list[bool], horizon: int) -> None:
    sessions = np.flatnonzero(there)
    lives = [range(i + 1, i + horizon + 1) for i in sessions]
    alive = [sum(session in life for life in lives) for session in range(len(there) + horizon + 1)]
    slow = [sum(1.0 / alive[session] for session in life) / horizon for life in lives]
    np.testing.assert_allclose(uniqueness_at(sessions + 7, horizon), slow, rtol=1e-12)


def test_labels_that_do_not_overlap_are_wholly_unique() -> None:
    np.testing.assert_allclose(uniqueness(50, 1), 1.0, rtol=1e-12)


DAYS = between("2019-12-20", "2020-01-10")
N = len(DAYS)


def table(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, pd.DatetimeIndex]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(N, 3)), index=DAYS, columns=["a", "b", "c"])
    X.iloc[:4, 1] = np.nan
    y = np.where(np.arange(N) < N - 2, (rng.random(N) > 0.5).astype(float), np.nan)
    return X, y, closes(DAYS)


def test_a_fingerprint_does_not_see_how_the_numbers_lie_in_memory() -> None:
    X, y, resolved_at = table()
    expected = fingerprint(X, y, resolved_at)
    columnwise = pd.DataFrame({name: X[name].to_numpy() for name in X}, index=X.index.as_unit("ns"))
    assert fingerprint(columnwise, y.copy(), resolved_at.as_unit("ns")) == expected
    assert fingerprint(pd.DataFrame(np.asfortranarray(X), X.index, X.columns), y, resolved_at) == expected


def test_a_fingerprint_does_not_see_which_nan_it_is() -> None:
    X, y, resolved_at = table()
    values = np.where(np.isnan(X), np.copysign(np.nan, -1.0), X)
    assert np.signbit(values[0, 1])
    assert not np.signbit(X.to_numpy()[0, 1])
    assert fingerprint(pd.DataFrame(values, X.index, X.columns), y, resolved_at) == fingerprint(X, y, resolved_at)
    assert fingerprint(X, np.copysign(y, -1.0) * -1.0, resolved_at) == fingerprint(X, y, resolved_at)


@settings(max_examples=50)
@given(row=st.integers(0, N - 1), column=st.integers(0, 2))
def test_a_fingerprint_changes_with_the_last_bit_of_any_number(row: int, column: int) -> None:
    X, y, resolved_at = table()
    before = fingerprint(X, y, resolved_at)
    value = X.iloc[row, column]
    X.iloc[row, column] = 0.0 if np.isnan(value) else np.nextafter(value, np.inf)
    assert fingerprint(X, y, resolved_at) != before


def test_a_fingerprint_changes_with_names_labels_and_instants() -> None:
    X, y, resolved_at = table()
    flipped = y.copy()
    flipped[3] = 1 - flipped[3]
    opened = y.copy()
    opened[3] = np.nan
    found = {
        fingerprint(X, y, resolved_at),
        fingerprint(X.rename(columns={"a": "d"}), y, resolved_at),
        fingerprint(X[["b", "a", "c"]], y, resolved_at),
        fingerprint(X.rename(columns={"a": "b", "b": "a"}), y, resolved_at),
        fingerprint(X.iloc[:, :2], y, resolved_at),
        fingerprint(X, flipped, resolved_at),
        fingerprint(X, opened, resolved_at),
        fingerprint(X, y, resolved_at + pd.Timedelta(microseconds=1)),
        fingerprint(X.set_index(X.index + pd.Timedelta(days=1)), y, resolved_at),
        fingerprint(X.iloc[1:], y[1:], resolved_at[1:]),
    }
    assert len(found) == 10
