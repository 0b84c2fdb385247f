"""The simulated market: its files, its truth, and that nothing in it knows the future."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.data import simulated_macro
from bullbear.data.oracle import read_truth, write_truth
from bullbear.data.publication import AAII, PUT_CALL, VIX_FUTURES
from bullbear.data.quality_checks import check_observations
from bullbear.data.simulated_process import (
    BASE_RATE,
    HORIZON,
    SHOCK_MEANS,
    SHOCK_WEIGHTS,
    TIDES,
    chance_of_rise,
    draw,
    drifts,
    p_up,
    shock_widths,
    tide_levels,
    tide_transitions,
    volatilities,
    volatility_transitions,
)
from bullbear.data.simulator import Simulation, load, simulate
from bullbear.data.snapshot import ingest
from bullbear.data.store import Store
from bullbear.errors import InputError, NoDataError
from bullbear.sessions import between, closes, is_session, offset

NOW = pd.Timestamp("2026-01-02 12:00", tz="UTC")


@cache
def market(seed: int = 7, signal: float = 0.5, years: int = 20) -> Simulation:
    return simulate(seed, signal, years)


def outcomes(simulation: Simulation) -> tuple[np.ndarray, np.ndarray]:
    """Realised rises of the total return over 21 sessions, from the published prices, and their true probability."""
    wealth = simulation.frames["prices/IWM"]["adj_close"].to_numpy()
    y = (wealth[HORIZON:] > wealth[:-HORIZON]).astype(float)
    return y, simulation.truth["p_up"].to_numpy()[:-HORIZON]


def skill(y: np.ndarray, p: np.ndarray) -> float:
    return float(1 - np.mean((y - p) ** 2) / np.mean((y - y.mean()) ** 2))


# The law


@pytest.mark.parametrize("matrix", [tide_transitions(), *volatility_transitions()])
def test_transitions_are_probabilities(matrix: np.ndarray) -> None:
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-12)


def test_shocks_have_mean_zero_and_unit_variance() -> None:
    assert float(SHOCK_WEIGHTS @ SHOCK_MEANS) == pytest.approx(0.0, abs=1e-15)
    assert float(SHOCK_WEIGHTS @ (shock_widths() ** 2 + SHOCK_MEANS**2)) == pytest.approx(1.0, abs=1e-12)


def test_tide_has_unit_variance_and_a_half_life_of_three_months() -> None:
    steps = np.linalg.matrix_power(tide_transitions(), 63)
    np.testing.assert_allclose(steps @ tide_levels(), tide_levels() / 2, atol=1e-9)
    forever = np.linalg.matrix_power(tide_transitions(), 20_000)[0]
    assert float(forever @ tide_levels() ** 2) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("signal", [0.0, 0.5, 1.0])
def test_drifts_realise_the_prescribed_probability_in_every_state(signal: float) -> None:
    # A quadrature more than twice as fine as the one the drifts were solved with.
    rise, _ = chance_of_rise(drifts(signal), nodes=500)
    np.testing.assert_allclose(rise, np.broadcast_to(p_up(signal, tide_levels()), rise.shape), atol=1e-10)


def test_without_signal_the_probability_is_the_base_rate_in_every_state() -> None:
    rise, _ = chance_of_rise(drifts(0.0), nodes=400)
    assert rise.shape == (15, 11)
    np.testing.assert_allclose(rise, BASE_RATE, atol=1e-10)


@pytest.mark.parametrize(("v", "x"), [(0, 0), (7, 5), (14, 2), (12, 10)])
def test_characteristic_function_agrees_with_monte_carlo(v: int, x: int) -> None:
    """The slow oracle: 40,000 paths of 21 sessions walked one step at a time from one state; s.e. at most 0.0025."""
    rng = np.random.default_rng(3)
    paths, sigma, drift = 40_000, volatilities(), drifts(1.0)
    tides, vols = tide_transitions().cumsum(axis=1), volatility_transitions().cumsum(axis=2)
    vs, xs, total = np.full(paths, v), np.full(paths, x), np.zeros(paths)
    for _ in range(HORIZON):
        new_v = np.minimum((rng.random((paths, 1)) > vols[xs, vs]).sum(axis=1), 14)
        wide = (rng.random(paths) < SHOCK_WEIGHTS[1]).astype(int)
        shock = SHOCK_MEANS[wide] + shock_widths()[wide] * rng.standard_normal(paths)
        total += drift[vs, xs] + sigma[new_v] * (shock - np.log(sigma[new_v] / sigma[vs]))
        xs = np.minimum((rng.random((paths, 1)) > tides[xs]).sum(axis=1), TIDES - 1)
        vs = new_v
    assert np.mean(total > 0) == pytest.approx(p_up(1.0, tide_levels())[x], abs=0.009)


def test_a_low_tide_makes_the_bear_regime_likelier() -> None:
    paths = [draw(seed, 0.5, 5000) for seed in range(6)]
    regime, tide = (np.concatenate([getattr(p, name) for p in paths]) for name in ("regime", "tide"))
    assert set(regime) == {0, 1, 2}
    assert tide[regime == 2].mean() < tide[regime == 1].mean() < tide[regime == 0].mean()


# The truth


def test_truth_is_constant_without_signal() -> None:
    truth = market(3, 0.0, 4).truth
    assert list(truth.columns) == ["decided", "p_up", "state", "signal"]
    assert (truth["p_up"] == truth["p_up"].iloc[0]).all()
    assert truth["p_up"].iloc[0] == pytest.approx(0.6, abs=1e-12)


@pytest.mark.parametrize("signal", [0.0, 0.5, 1.0])
def test_truth_is_calibrated_against_realised_outcomes(signal: float) -> None:
    y, p = (np.concatenate(part) for part in zip(*(_drawn(seed, signal) for seed in range(40)), strict=True))
    # About 9,500 blocks of 21 sessions: standard errors of 0.005 overall and 0.012 to 0.025 in the bins.
    assert np.mean(y - p) == pytest.approx(0.0, abs=0.02)
    for low, high in [(0, 0.35), (0.35, 0.55), (0.55, 0.7), (0.7, 0.85), (0.85, 1)]:
        inside = (p > low) & (p <= high)
        if inside.sum() > 5000:
            assert np.mean(y[inside] - p[inside]) == pytest.approx(0.0, abs=0.045)


def test_without_signal_volatility_regime_and_tide_say_nothing_about_direction() -> None:
    paths = [draw(seed, 0.0, 5000) for seed in range(40)]
    rises = [_rises(p.returns) for p in paths]
    for name in ("volatility", "tide", "regime"):
        state = np.concatenate([getattr(p, name)[:-HORIZON] for p in paths]).astype(float)
        assert np.corrcoef(state, np.concatenate(rises))[0, 1] == pytest.approx(0.0, abs=0.025)


def test_skill_of_the_truth_grows_with_signal() -> None:
    skills = {}
    for signal in (0.0, 0.5, 1.0):
        y, p = (np.concatenate(part) for part in zip(*(_drawn(seed, signal) for seed in range(30)), strict=True))
        skills[signal] = skill(y, p)
    assert skills[0.0] == pytest.approx(0.0, abs=0.002)
    assert 0.03 < skills[0.5] < 0.07
    assert 0.13 < skills[1.0] < 0.22


def test_truth_is_about_the_total_return_of_the_published_prices() -> None:
    simulation = market(7, 1.0)
    y, p = outcomes(simulation)
    path = draw(7, 1.0, len(simulation.truth))
    np.testing.assert_array_equal(y, _rises(path.returns))
    assert skill(y, p) > 0.05


def _rises(returns: np.ndarray) -> np.ndarray:
    wealth = returns.cumsum()
    return (wealth[HORIZON:] > wealth[:-HORIZON]).astype(float)


@cache
def _drawn(seed: int, signal: float) -> tuple[np.ndarray, np.ndarray]:
    path = draw(seed, signal, 5000)
    return _rises(path.returns), path.p_up[:-HORIZON]


# Reproducible, and blind to the future


def test_same_seed_same_bytes_and_another_seed_another_market(tmp_path: Path) -> None:
    one, again, other = simulate(5, 0.5, 3), simulate(5, 0.5, 3), simulate(6, 0.5, 3)
    for simulation, name in ((one, "one"), (again, "again")):
        simulation.write(tmp_path / name)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.csv"))
    assert len(files) == len(one.frames)
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    assert not np.allclose(one.frames["prices/IWM"]["close"], other.frames["prices/IWM"]["close"])


def test_a_longer_market_begins_with_the_shorter_one() -> None:
    short, long = market(9, 0.7, 3), market(9, 0.7, 5)
    end = closes(pd.DatetimeIndex(short.truth["decided"]))[-1]
    assert short.frames.keys() == long.frames.keys()
    for name, frame in short.frames.items():
        continued = long.frames[name]
        same = continued[continued["known_at"] <= end] if "known_at" in continued else continued.iloc[: len(frame)]
        assert len(same) == len(frame), name
        for column in frame.columns:
            if column in ("open", "high", "low", "close", "adj_close"):
                # Adjusted and split-adjusted prices are anchored at the last session: equal but for one factor.
                ratio = same[column].to_numpy() / frame[column].to_numpy()
                assert np.ptp(ratio) / ratio.mean() < 1e-6, (name, column)
            else:
                pd.testing.assert_series_equal(same[column].reset_index(drop=True), frame[column])
    pd.testing.assert_frame_equal(long.truth.iloc[: len(short.truth)], short.truth)


@pytest.mark.parametrize("last", ["2001-02-14", "2001-05-24", "2001-08-27", "2001-11-07"])
def test_what_was_published_does_not_depend_on_later_sessions(last: str) -> None:
    """The market cut off in mid-month: whatever was known by then must be what the whole market says was known."""
    sessions = between("2000-01-03", "2002-12-31")
    cut = sessions[sessions <= last]
    whole, _ = simulated_macro.series(draw(2, 1.0, len(sessions)), sessions, 2)
    seen, _ = simulated_macro.series(draw(2, 1.0, len(cut)), cut, 2)
    for name, frame in seen.items():
        known = whole[name][whole[name]["known_at"] <= closes(cut[-1:])[0]]
        pd.testing.assert_frame_equal(frame, known.reset_index(drop=True), obj=name)


def test_the_tide_leaks_into_what_can_be_observed() -> None:
    simulation = market()
    spread = simulation.frames["macro/BAA10Y"]["value"].to_numpy()
    assert np.corrcoef(spread, simulation.truth["p_up"].to_numpy()[: len(spread)])[0, 1] < -0.4


# The files


def test_frames_have_the_columns_of_a_snapshot() -> None:
    expected = {
        "prices": ["date", "open", "high", "low", "close", "adj_close", "volume"],
        "dividends": ["date", "amount"],
        "macro": ["date", "value", "known_at"],
        "short_interest": [
            "settlement_date", "shares_short", "known_at", "avg_daily_volume", "days_to_cover", "shares_outstanding",
        ],
        "short_volume": ["date", "short_volume", "total_volume"],
    }  # fmt: skip
    for name, frame in market().frames.items():
        assert list(frame.columns) == expected[name.split("/")[0]], name
        assert frame.iloc[:, 0].dtype == "datetime64[us]", name
        assert frame.iloc[:, 0].is_monotonic_increasing, name
        assert frame.iloc[:, 0].is_unique, name


def test_sessions_are_those_of_the_exchange() -> None:
    days = pd.DatetimeIndex(market().frames["prices/IWM"]["date"])
    assert len(days) == 5031
    assert pd.Timestamp("2001-09-12") not in days
    assert days.equals(between("2000-01-03", "2019-12-31"))


def test_bars_are_consistent() -> None:
    for name, frame in market().frames.items():
        if name.startswith("prices/"):
            prices = frame[["open", "high", "low", "close", "adj_close"]]
            assert (prices > 0).all(axis=None), name
            assert (frame["high"] >= frame[["open", "close"]].max(axis=1)).all(), name
            assert (frame["low"] <= frame[["open", "close"]].min(axis=1)).all(), name
            assert frame["volume"].isna().all() if name.startswith("prices/^") else (frame["volume"] > 0).all(), name


def test_opens_gap_from_the_previous_close() -> None:
    iwm = market().frames["prices/IWM"]
    gap = np.log(iwm["open"].to_numpy()[1:] / iwm["close"].to_numpy()[:-1])
    whole = np.log(iwm["close"].to_numpy()[1:] / iwm["close"].to_numpy()[:-1])
    assert np.mean(gap == 0) < 0.01
    assert 0.2 < gap.var() / whole.var() < 0.4


def test_returns_cluster_in_volatility_and_have_fat_tails_to_the_left() -> None:
    returns = np.concatenate([draw(seed, 0.5, 5000).returns[1:] for seed in range(10)])
    size = np.abs(returns)
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.1
    assert np.corrcoef(size[20:], size[:-20])[0, 1] > 0.05
    z = (returns - returns.mean()) / returns.std()
    assert np.mean(z**4) - 3 > 2
    assert np.mean(z**3) < -0.2
    assert 0.15 < returns.std() * np.sqrt(252) < 0.28


def test_volume_follows_the_size_of_returns() -> None:
    iwm = market().frames["prices/IWM"]
    size = iwm["adj_close"].pct_change().abs()
    assert size.corr(iwm["volume"]) > 0.3


@pytest.mark.parametrize("ticker", ["IWM", "SPY", "TLT"])
def test_adjusted_close_reinvests_dividends(ticker: str) -> None:
    bars = market().frames[f"prices/{ticker}"].set_index("date")
    paid = market().frames[f"dividends/{ticker}"].set_index("date")["amount"]
    assert len(paid) == 80
    assert set(paid.index.month) == {3, 6, 9, 12}
    dividend = paid.reindex(bars.index).fillna(0.0)
    total = bars["close"] / (bars["close"].shift() - dividend)
    np.testing.assert_allclose((bars["adj_close"] / bars["adj_close"].shift()).iloc[1:], total.iloc[1:], rtol=1e-6)
    assert bars["adj_close"].iloc[-1] == bars["close"].iloc[-1]
    assert bars["adj_close"].iloc[0] < bars["close"].iloc[0]


@pytest.mark.parametrize(("ticker", "multiple"), [("RWM", -1), ("TWM", -2), ("SRTY", -3), ("UWM", 2), ("TNA", 3)])
def test_leveraged_funds_multiply_the_daily_total_return_less_a_fee(ticker: str, multiple: int) -> None:
    iwm = market().frames["prices/IWM"]["adj_close"].pct_change()
    fund = market().frames[f"prices/{ticker}"]["adj_close"].pct_change()
    np.testing.assert_allclose(fund.iloc[1:], multiple * iwm.iloc[1:] - 0.0095 / 252, atol=2e-6)


def test_releases_come_after_their_period() -> None:
    macro = {name[6:]: frame for name, frame in market().frames.items() if name.startswith("macro/")}
    end = closes(pd.DatetimeIndex(["2019-12-31"]))[0]
    # Days from the date of the value to its publication; a month or quarter is dated by its first day.
    limits = {"NFCI": (5, 6), "ICSA": (5, 6), "GDPC1": (115, 125), "UMCSENT": (20, 31), "PAYEMS": (28, 38)}
    limits |= {"UNRATE": (28, 38), "BAA": (28, 34), "CPIAUCSL": (40, 47), "INDPRO": (43, 49), "HOUST": (45, 51)}
    limits |= dict.fromkeys(("AAII_BULLISH", "AAII_NEUTRAL", "AAII_BEARISH"), (1, 2)) | {"NAAIM": (2, 3)}
    for name, frame in macro.items():
        assert (frame["known_at"] <= end).all(), name
        age = (frame["known_at"].dt.tz_localize(None) - frame["date"]).dt.total_seconds() / 86400
        low, high = limits.get(name, (0.9, 8) if len(frame) > 4000 else (20, 60))
        assert low <= age.min(), name
        assert age.max() <= high, name
    dgs10 = macro["DGS10"].set_index("date")["known_at"]
    assert str(dgs10["2019-12-24"].tz_convert("America/New_York")) == "2019-12-26 09:00:00-05:00"
    payrolls = macro["PAYEMS"].set_index("date")["known_at"]
    assert str(payrolls["2019-11-01"].tz_convert("America/New_York")) == "2019-12-06 08:30:00-05:00"


def test_spreads_and_curve_add_up() -> None:
    value = {
        name: market().frames[f"macro/{name}"]["value"] for name in ("DGS10", "DGS2", "DGS3MO", "T10Y2Y", "T10Y3M")
    }
    np.testing.assert_allclose(value["DGS10"] - value["DGS2"], value["T10Y2Y"], atol=1e-9)
    np.testing.assert_allclose(value["DGS10"] - value["DGS3MO"], value["T10Y3M"], atol=1e-9)


def test_the_simulated_market_has_sentiment_and_a_term_structure() -> None:
    value = {name[6:]: frame.set_index("date")["value"] for name, frame in market().frames.items() if "macro" in name}
    shares = value["AAII_BULLISH"] + value["AAII_NEUTRAL"] + value["AAII_BEARISH"]
    np.testing.assert_allclose(shares, 100.0, atol=1e-9)
    for series in (*AAII, *PUT_CALL, *VIX_FUTURES, "NAAIM", "CBOE_VIX6M", "CBOE_VIX1Y"):
        assert (check_observations(series, value[series].to_numpy()) == "").all(), series
    # Calm curves rise and frightened ones fall.
    basis, calm = value["VX_M2"] / value["VX_M1"], value["VIXCLS"] < value["VIXCLS"].quantile(0.3)
    wild = value["VIXCLS"] > value["VIXCLS"].quantile(0.97)
    assert basis[calm].mean() > 1.03
    assert basis[wild].mean() < 0.97
    assert (value["CBOE_VIX1Y"].std() < value["CBOE_VIX6M"].std()) & (value["CBOE_VIX6M"].std() < value["VIXCLS"].std())


# Hashes of files as they were before the market had sentiment and futures: a new series moves no old one.
@pytest.mark.parametrize(
    ("name", "expected"),
    [("prices/IWM", "3c2aa64fe4875275"), ("macro/CBOE_VIX3M", "e157c626b1e59dbf"), ("macro/NFCI", "f8909ee27cc26c32")],
)
def test_older_files_are_the_same_to_the_last_bit(name: str, expected: str) -> None:
    frame = market(years=8).frames[name]
    rows = pd.util.hash_pandas_object(frame, index=True).to_numpy().tobytes()
    assert hashlib.sha256(rows + str(list(frame.columns)).encode()).hexdigest()[:16] == expected


def test_short_interest_settles_twice_a_month_and_is_published_eight_sessions_later() -> None:
    frame = market().frames["short_interest/IWM"]
    settled = frame["settlement_date"]
    assert settled.groupby(settled.dt.to_period("M")).size().iloc[:-1].eq(2).all()
    assert all(is_session(day) for day in settled)
    assert frame["known_at"].iloc[0].tz_convert("America/New_York").date() == offset(settled.iloc[0], 8).date()
    assert str(settled.iloc[0].date()) == "2000-01-14"
    assert (frame["shares_short"] < frame["shares_outstanding"]).all()


# Arguments, writing and loading


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"signal": 1.5}, "signal: got 1.5; allowed: a number from 0 to 1"),
        ({"signal": -0.1}, "signal: got -0.1"),
        ({"signal": float("nan")}, "signal: got nan"),
        ({"years": 2}, "years: got 2; allowed: 3 to 25"),
        ({"years": 26}, "years: got 26"),
        ({"seed": -1}, "seed: got -1; allowed: an integer from 0 on"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        simulate(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)


def test_load_fills_the_store_and_keeps_the_truth_out_of_it(tmp_path: Path) -> None:
    simulation = simulate(7, 0.5, 3)
    store = Store(tmp_path / "data")
    report = load(simulation, store, tmp_path, NOW)
    assert report.refusals == ()
    assert report.quarantined == 0
    assert report.rows_added == sum(len(frame) for frame in simulation.frames.values())
    assert store.is_simulated
    assert json.loads((store.root / "SIMULATED.json").read_text()) == {"seed": 7, "signal": 0.5, "years": 3}
    view = store.as_of()
    assert view.quarantine().empty
    assert set(view.catalogue()["series"]) == {name.split("/")[1] for name in simulation.frames}
    iwm = simulation.frames["prices/IWM"].set_index("date")
    np.testing.assert_array_equal(view.bars("IWM")["close"], iwm["close"])
    pd.testing.assert_frame_equal(read_truth(tmp_path), simulation.truth)
    assert not list(store.root.rglob("*truth*"))


def test_the_truth_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError("no space left on device")

    truth = simulate(7, 0.5, 3).truth
    write_truth(truth, tmp_path)
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="no space left"):
            write_truth(truth.iloc[:10], tmp_path)
        with pytest.raises(OSError, match="no space left"):
            write_truth(truth, tmp_path / "other")
    pd.testing.assert_frame_equal(read_truth(tmp_path), truth)
    with pytest.raises(NoDataError, match="truth"):
        read_truth(tmp_path / "other")
    write_truth(truth.iloc[:10], tmp_path)
    assert [path.name for path in (tmp_path / "oracle").iterdir()] == ["truth.parquet"]


def test_the_written_directory_is_a_snapshot(tmp_path: Path) -> None:
    simulation = simulate(7, 0.5, 3)
    simulation.write(tmp_path / "snapshot")
    by_file, by_frame = Store(tmp_path / "files"), Store(tmp_path / "frames")
    report = ingest(tmp_path / "snapshot", by_file, NOW)
    load(simulation, by_frame, tmp_path, NOW)
    assert (report.refusals, report.quarantined, report.notes) == ((), 0, ())
    pd.testing.assert_frame_equal(by_file.as_of().catalogue(), by_frame.as_of().catalogue())
    for kind, series in (
        ("bars", "SRTY"),
        ("observations", "UMCSENT"),
        ("short_interest", "IWM"),
        ("dividends", "TLT"),
    ):
        one, other = (store.as_of().versions(kind, series) for store in (by_file, by_frame))
        pd.testing.assert_frame_equal(one, other)


def test_loading_twice_changes_nothing_and_two_markets_do_not_mix(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    load(simulate(7, 0.5, 3), store, tmp_path, NOW)
    before = store.as_of().catalogue()
    assert load(simulate(7, 0.5, 3), store, tmp_path, NOW).rows_added == 0
    pd.testing.assert_frame_equal(store.as_of().catalogue(), before)
    with pytest.raises(InputError, match=r"store: got .*simulated market.*allowed: an empty store"):
        load(simulate(8, 0.5, 3), store, tmp_path, NOW)


def test_a_store_of_real_data_takes_no_simulated_market(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    rows = pd.DataFrame(
        {
            "series": ["DGS10"],
            "event_date": [pd.Timestamp("2019-12-30")],
            "known_at": [pd.Timestamp("2019-12-31 21:15", tz="UTC")],
            "value": [1.9],
        }
    )
    store.append("observations", rows)
    with pytest.raises(InputError, match="store: got 'real data'"):
        load(simulate(7, 0.5, 3), store, tmp_path, NOW)
    assert not store.is_simulated


def test_a_home_without_simulation_has_no_truth(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match=r"run `bullbear simulate` first"):
        read_truth(tmp_path)
