"""Nothing that is told for a day may depend on what became known later.

A small simulated market is made hard - bars, rates and releases are revised, a monthly series comes in vintages with a
change of base year - and the whole line is run over it. Then everything known after a day `t` is turned into nonsense,
the line is run again, and whatever it says at or before `t` must be the same to the last bit. Twenty days are tried.
The check itself is checked: with a leak planted in a factor, in the purge or in the labels it must report it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.segments import KINDS
from bullbear.data.simulator import load as load_simulation
from bullbear.data.simulator import simulate
from bullbear.dataset import Examples, build, examples, labels
from bullbear.dataset.splits import Expanding, Fold
from bullbear.decide import Backtest, backtest, market
from bullbear.definitions import FactorSpec, Target
from bullbear.factors import compute, load
from bullbear.factors.engine.registry import _FACTORS, Array, Bars, factor
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.bundle_writing import write_bundle
from bullbear.forecasting.forecast import replay
from bullbear.home import Home
from bullbear.learn import Training, train
from bullbear.model import Model
from bullbear.sessions import between, closes, day
from bullbear.shipped import FEATURES as SETS

Rows = dict[str, pd.DataFrame]
DAYS = 20
SHIPPED = [
    path
    for path in sorted((Path(__file__).resolve().parents[2] / "features").glob("*.toml"))
    if path.stem in SETS and "factor" in tomllib.loads(path.read_text(encoding="utf-8"))
]
LATER = pd.Timestamp("2030-01-01", tz="UTC")
FIRST, LAST = "2002-04-01", "2004-11-30"
READ = (
    *("IWM", "TWM", "SPY", "^VIX"),
    *("VIXCLS", "DGS2", "DGS3MO", "DGS10", "BAA10Y", "BAMLH0A0HYM2", "INDPRO", "UNRATE"),
)
CORRECTED = ("IWM", "TWM", "SPY")

FEATURES = """
name = "line"
why = "One factor for every kind of input and every way of being revised."
[[factor]]
name = "roc_21"
function = "roc"
inputs = { bars = "IWM" }
params = { window = 21 }
[[factor]]
name = "rsi_14"
function = "rsi"
inputs = { bars = "IWM" }
params = { window = 14 }
[[factor]]
name = "realised_63"
function = "realised_volatility"
inputs = { bars = "IWM" }
params = { window = 63 }
[[factor]]
name = "vix_bar"
function = "roc"
inputs = { bars = "^VIX" }
params = { window = 5 }
[[factor]]
name = "small_over_large_63"
function = "relative_strength"
inputs = { asset = "IWM", benchmark = "SPY" }
params = { window = 63 }
[[factor]]
name = "risk_premium_21"
function = "implied_minus_realised"
inputs = { bars = "SPY", implied = "VIXCLS" }
params = { window = 21 }
[[factor]]
name = "slope"
function = "level_gap"
inputs = { level = "DGS10", reference = "DGS3MO" }
[[factor]]
name = "rate_change_63"
function = "level_change"
inputs = { level = "DGS10" }
params = { window = 63 }
[[factor]]
name = "credit"
function = "last_known"
inputs = { level = "BAMLH0A0HYM2" }
sign = -1
[[factor]]
name = "production_growth_3m"
function = "release_growth"
inputs = { releases = "INDPRO" }
params = { periods = 3 }
[[factor]]
name = "sahm"
function = "sahm_gap"
inputs = { unemployment = "UNRATE" }
[[factor]]
name = "headwind"
function = "small_cap_headwind"
inputs = { rate = "DGS2", spread = "BAA10Y", slack = "UNRATE" }
params = { window = 126, change = 63 }
[[factor]]
name = "short_volume_5"
function = "short_volume_ratio"
inputs = { short_volume = "IWM" }
params = { window = 5 }
[[factor]]
name = "days_to_cover"
function = "days_to_cover"
inputs = { short_interest = "IWM" }
[[factor]]
name = "phase"
function = "market_phase"
inputs = { bars = "IWM" }
"""

MODEL = """
name = "{name}"
intent = "Small enough to be trained forty times in a test."
features = ["line"]
seed = 3
[splitter]
first = "2002-01-01"
burn_in_months = 9
refit = "quarter"
min_train = 100
[learner]
{learner}
[calibration]
kind = "shrinkage"
prior_sd = 2.0
[policy]
bull_above = 0.55
bear_below = 0.45
stop_atr_multiple = 4.0
"""

LEARNERS = {
    "trees": 'kind = "lightgbm"\nbags = 2\nnum_iterations = 8\nnum_leaves = 3\nmin_data_in_leaf = 30',
    "line": 'kind = "logistic"\npenalty = 30.0',
}


# The market


def rows_of(store: Store) -> Rows:
    """Every version of every series."""
    view = store.as_of()
    return {
        str(kind): pd.concat([view.versions(kind, name).assign(series=name) for name in part["series"]])
        for kind, part in view.catalogue().groupby("kind")
    }


def store_of(rows: Rows, root: Path) -> Store:
    store = Store(root)
    for kind, frame in rows.items():
        store.append(kind, frame)
    return store


def corrected(frame: pd.DataFrame, series: tuple[str, ...], share: float, draw: np.random.Generator) -> pd.DataFrame:
    """`frame` and second versions of some of its rows, known one to ninety days after the first."""
    some = frame[frame["series"].isin(series) & (draw.random(len(frame)) < share)].copy()
    some["known_at"] += pd.to_timedelta(draw.integers(20, 2_200, len(some)), unit="h")
    # A price may be wrong by several per cent: enough to turn a label over.
    size = np.exp(draw.normal(0, 0.03, len(some)))
    for name in set(some.columns) & {"open", "high", "low", "close", "adj_close", "value", "short_volume"}:
        some[name] *= size
    return pd.concat([frame, some], ignore_index=True)


def in_vintages(frame: pd.DataFrame, series: str, draw: np.random.Generator) -> pd.DataFrame:
    """`frame` with a series replaced by a vintage a month, another base year every third, and some corrections."""
    own = frame[frame["series"] == series].sort_values("event_date")
    made = []
    for count, (event, known) in enumerate(zip(own["event_date"], own["known_at"], strict=True)):
        seen = own[own["event_date"] <= event]
        noise = np.exp(draw.normal(0, 0.002, len(seen))) * (1.3 if count // 3 % 2 else 1.0)
        vintage = known.tz_convert("America/New_York").tz_localize(None).normalize()
        made.append(seen.assign(value=seen["value"] * noise, vintage=vintage, known_at=known))
    dated = pd.concat(made)
    again = dated[draw.random(len(dated)) < 0.01].copy()
    again["value"] *= 1.05
    again["known_at"] += pd.to_timedelta(draw.integers(20, 900, len(again)), unit="h")
    return pd.concat([frame[frame["series"] != series], dated, again], ignore_index=True)


def nonsense(rows: Rows, t: pd.Timestamp, seed: int) -> Rows:
    """`rows` with every value known after `t` replaced; the keys stay."""
    draw = np.random.default_rng(seed)
    spoilt = {}
    for kind, frame in rows.items():
        late = (frame["known_at"] > t).to_numpy()
        changed = frame.copy()
        for name in KINDS[kind].numbers:
            factor_of_each = np.exp(draw.normal(0.3, 1.0, int(late.sum())))
            changed.loc[late, name] = frame.loc[late, name].to_numpy() * factor_of_each
        spoilt[kind] = changed
    return spoilt


# The line


@dataclass(frozen=True)
class Line:
    """Everything that the line says."""

    store: Store
    examples: Examples
    labels: pd.DataFrame
    trainings: dict[str, Training]
    bundles: dict[str, Bundle]
    tested: dict[str, Backtest]


def run_line(store: Store, models: list[Model], root: Path) -> Line:
    view = store.as_of()
    target = models[0].definition.target
    made = build(view, models[0].feature_sets, target)
    trainings, bundles, tested = {}, {}, {}
    for model in models:
        name = model.definition.name
        trainings[name] = train(model.definition, model.feature_sets, made)
        tested[name] = backtest(
            trainings[name].predictions, view, model.policy, baselines=None if name == "trees" else {}
        )
        write_bundle(
            root / name,
            definition=model.definition,
            feature_sets=model.feature_sets,
            rule=model.rule,
            definition_hash=model.definition_hash,
            fingerprint=made.fingerprint,
            simulated=True,
            training=trainings[name],
        )
        meta = json.loads((root / name / "bundle.json").read_text())
        (root / name / "bundle.json").write_text(json.dumps({**meta, "run_id": "0"}))
        bundles[name] = read_bundle(root / name)
    return Line(store, made, labels.resolve(view, target), trainings, bundles, tested)


def told_by(line: Line, t: pd.Timestamp, models: list[Model]) -> dict[str, Any]:
    """Whatever the line says at or before the close `t`, by part; frames and JSON-ready values."""
    made, session = line.examples, day(t)
    past = made.decided_at <= t
    resolved = line.labels["resolved_at"] <= t
    told: dict[str, Any] = {f"factor {name}": column[past.tolist()] for name, column in made.X.items()} | {
        "labels": line.labels[resolved],
        "climatology": made.climatology[past],
        "n_resolved": made.n_resolved[past],
    }
    for name in (model.definition.name for model in models):
        training = line.trainings[name]
        predictions = training.predictions.table[training.predictions.table["decided_at"] <= t].copy()
        # Outcomes are on final prices, which a correction known later may change; what was said may not change.
        told[f"{name} predictions"] = predictions.drop(columns="y")
        told[f"{name} models"] = [m.state() for m in training.models if m.trained_through <= t]
        tested = line.tested[name]
        for account, history in {"policy": tested.account, **tested.baselines}.items():
            told[f"{name} {account} account"] = history.daily.loc[:session]
            told[f"{name} {account} trades"] = history.trades[history.trades["executed_at"] <= t]
        told[f"{name} states"] = [repr(state) for state in tested.states if state.decided_at <= t]
        told[f"{name} stances"] = [repr(stance) for stance in tested.stances if stance.decided_at <= t]
        told[f"{name} forecast"] = replay(line.store, line.bundles[name], str(session.date()))
    return told


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The parts that are not the same to the last bit."""
    assert before.keys() == after.keys()
    return [part for part in before if not same(before[part], after[part])]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, pd.DataFrame | pd.Series):
        return bool(one.equals(other))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    return bool(one == other)


# What is run once


@dataclass(frozen=True)
class Setting:
    everything: Rows
    store: Store
    rows: Rows
    models: list[Model]
    line: Line


@pytest.fixture(scope="session")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    root = tmp_path_factory.mktemp("no_look_ahead")
    for folder, name, text in (
        ("features", "line", FEATURES),
        *(("models", name, MODEL.format(name=name, learner=table)) for name, table in LEARNERS.items()),
    ):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / f"{name}.toml").write_text(text)
    plain = Store(root / "plain")
    load_simulation(simulate(seed=11, signal=1.0, years=5), plain, root, pd.Timestamp("2026-01-01", tz="UTC"))
    draw = np.random.default_rng(5)
    everything = rows_of(plain)
    # What the line does not read would only cost time.
    rows = {
        kind: frame[frame["series"].isin(READ)] if kind in ("bars", "observations") else frame
        for kind, frame in everything.items()
    }
    rows["bars"] = corrected(rows["bars"], CORRECTED, 0.008, draw)
    rows["observations"] = corrected(rows["observations"], ("DGS3MO", "DGS10", "UNRATE", "VIXCLS"), 0.05, draw)
    rows["observations"] = in_vintages(rows["observations"], "INDPRO", draw)
    rows["short_volume"] = corrected(rows["short_volume"], ("IWM",), 0.05, draw)
    home = Home(root)
    models = [home.model(name) for name in LEARNERS]
    return Setting(everything, plain, rows, models, run_line(store_of(rows, root / "data"), models, root / "bundles"))


def chosen_days() -> list[str]:
    days = between(FIRST, LAST)
    picks = np.random.default_rng(2).choice(len(days), DAYS, replace=False)
    return [str(days[place].date()) for place in np.sort(picks)]


def close_of(session: str) -> pd.Timestamp:
    return closes(pd.DatetimeIndex([day(session)]))[0]


def disturbed(setting: Setting, session: str, root: Path, models: list[Model]) -> Line:
    t = close_of(session)
    return run_line(store_of(nonsense(setting.rows, t, seed=1), root / "data"), models, root / "b")


def test_the_line_is_alive(setting: Setting) -> None:
    """Or equality would say nothing: models speak, agents trade, revisions matter."""
    line = setting.line
    assert line.examples.X.notna().any().all()
    for name in ("trees", "line"):
        predictions = line.trainings[name].predictions.table
        assert (predictions["p"] != predictions["climatology"]).mean() > 0.5
        assert len(line.tested[name].trades) > 5
    assert len(line.trainings["trees"].models) >= 12
    first = line.store.as_of().versions("bars", "IWM").drop_duplicates("event_date").set_index("event_date")
    assert (first["adj_close"] != line.store.as_of().bars("IWM")["adj_close"]).sum() > 5


# The ordinary suite takes one day of five, with both learners.
DAYS_OF_THE_LINE = [
    pytest.param(number, session, marks=() if number % 5 == 0 else pytest.mark.slow)
    for number, session in enumerate(chosen_days())
]


@pytest.mark.parametrize(("number", "session"), DAYS_OF_THE_LINE)
def test_what_becomes_known_later_changes_nothing(setting: Setting, number: int, session: str, tmp_path: Path) -> None:
    t = close_of(session)
    # The learners share the whole line but for themselves: the second one on every fifth day, for time's sake.
    models = setting.models if number % 5 == 0 else setting.models[:1]
    other = disturbed(setting, session, tmp_path, models)
    assert changed(told_by(setting.line, t, models), told_by(other, t, models)) == []
    # The disturbance itself must be felt, or nothing was tried.
    assert not same(setting.line.examples.X, other.examples.X)
    assert not same(setting.line.examples.y, other.examples.y)


@pytest.mark.parametrize("session", ["2002-10-09", pytest.param("2004-03-10", marks=pytest.mark.slow)])
def test_every_factor_in_use_ignores_what_becomes_known_later(setting: Setting, session: str, tmp_path: Path) -> None:
    specs = [each for feature_set in load(SHIPPED) for each in feature_set.factor]
    t, days = close_of(session), between("2000-01-03", session)
    other = store_of(nonsense(setting.everything, t, seed=2), tmp_path / "data")
    before, after = (compute(store.as_of(LATER), specs, days, "IWM") for store in (setting.store, other))
    assert [name for name in before if not same(before[name], after[name])] == []


DECISIONS = ("2002-01-02", "2002-06-28", "2003-03-31", "2003-10-14", "2004-07-02", "2004-11-26", "2004-12-31")


@pytest.mark.parametrize("name", LEARNERS)
def test_the_forecast_of_a_day_is_the_walk_forward_one_to_the_last_bit(setting: Setting, name: str) -> None:
    predictions = setting.line.trainings[name].predictions.table.set_index("decided_at")
    tested = setting.line.tested[name]
    decisions = {state.decided_at: stance for state, stance in zip(tested.states, tested.stances, strict=True)}
    for session in DECISIONS:
        told = replay(setting.line.store, setting.line.bundles[name], session)
        row = predictions.loc[close_of(session)]
        assert (told["p_up"], told["p_low"], told["p_high"]) == (row["p"], row["p_low"], row["p_high"])
        assert told["climatology"] == row["climatology"]
        stance = decisions[close_of(session)].to_json()
        assert {part: told[part] for part in stance} == stance


def test_the_stances_compared_are_not_all_alike(setting: Setting) -> None:
    stances = setting.line.tested["trees"].stances
    assert len({stance.positions["IWM"] for stance in stances}) > 3
    assert any(stance.stops for stance in stances)


def test_a_corrected_price_does_not_rewrite_a_label_that_had_resolved(tmp_path: Path) -> None:
    store, days = Store(tmp_path), between("2019-12-16", "2019-12-20")
    bars = pd.DataFrame({"series": "A", "event_date": days, "known_at": closes(days)})
    bars = bars.assign(**{name: [10.0, 11.0, 12.0, 13.0, 14.0] for name in KINDS["bars"].numbers})
    # Known on the 18th at noon: Monday's close was 11.5, above Tuesday's.
    late = bars.iloc[[0]].assign(adj_close=11.5, known_at=close_of("2019-12-18") - pd.Timedelta(hours=4))
    store.append("bars", pd.concat([bars, late]))
    one, two = (labels.resolve(store.as_of(), Target(ticker="A", horizon=horizon)) for horizon in (1, 2))
    assert one["y"].tolist()[:4] == [1.0, 1.0, 1.0, 1.0]
    np.testing.assert_allclose(one["value"].iloc[0], 0.1)
    # Over two sessions the same label resolves after the correction.
    np.testing.assert_allclose(two["value"].iloc[0], 12 / 11.5 - 1)
    assert np.isnan(labels.resolve(store.as_of(close_of("2019-12-16")), Target(ticker="A", horizon=1))["y"].iloc[0])


def test_a_price_that_comes_late_resolves_its_labels_late(tmp_path: Path) -> None:
    store, days = Store(tmp_path), between("2019-12-16", "2019-12-20")
    bars = pd.DataFrame({"series": "A", "event_date": days, "known_at": closes(days)})
    bars = bars.assign(**{name: [10.0, 11.0, 9.0, 8.0, 14.0] for name in KINDS["bars"].numbers})
    bars.loc[1, "known_at"] = close_of("2019-12-19") - pd.Timedelta(hours=1)
    store.append("bars", bars)
    table = labels.resolve(store.as_of(), Target(ticker="A", horizon=1))
    assert table["resolved_at"].tolist()[:4] == [
        bars["known_at"][1],
        bars["known_at"][1],
        close_of("2019-12-19"),
        close_of("2019-12-20"),
    ]
    decided = pd.DatetimeIndex(table["decided_at"])
    share, count = labels.climatology(table["y"].to_numpy(), pd.DatetimeIndex(table["resolved_at"]), decided)
    assert count.tolist() == [0, 0, 0, 3, 4]
    np.testing.assert_allclose(share[3:], [1 / 3, 2 / 4])


# The check itself


@pytest.fixture
def registry() -> Iterator[None]:
    before = dict(_FACTORS._entries)
    yield
    _FACTORS._entries.clear()
    _FACTORS._entries.update(before)


AFTER_A_FIT = "2003-07-03"
"""Three sessions after a quarter's fit: labels that had not resolved at the fit still have not."""


def corrected_later(setting: Setting) -> str:
    """A session whose bar of IWM was corrected after it."""
    bars = setting.rows["bars"]
    own = bars[(bars["series"] == "IWM") & (bars["event_date"] > day(FIRST))].sort_values("known_at")
    return str(own.loc[own.duplicated("event_date"), "event_date"].iloc[0].date())


def reported(setting: Setting, model: Model, session: str, root: Path) -> list[str]:
    """What the check says of a line with a leak."""
    t = close_of(session)
    leaking = run_line(setting.line.store, [model], root / "bundles")
    return changed(told_by(leaking, t, [model]), told_by(disturbed(setting, session, root, [model]), t, [model]))


def test_a_factor_that_reads_the_next_row_is_reported(setting: Setting, registry: None, tmp_path: Path) -> None:
    @factor(family="technical", inputs={"bars": "bars"}, unit="fraction", lookback=lambda: 1)
    def tomorrow(bars: Bars) -> Array:
        return np.append(bars.close[1:] / bars.close[:-1] - 1.0, np.nan)

    leak = FactorSpec(name="tomorrow", function="tomorrow", inputs={"bars": "IWM"})
    sets = tuple(each.model_copy(update={"factor": (*each.factor, leak)}) for each in setting.models[0].feature_sets)
    parts = reported(setting, replace(setting.models[1], feature_sets=sets), AFTER_A_FIT, tmp_path)
    assert [part for part in parts if part.startswith("factor")] == ["factor tomorrow"]
    assert {"line predictions", "line states"} <= set(parts)


def test_a_purge_that_is_left_out_is_reported(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    honest = Expanding.folds

    def unpurged(splitter: Expanding, X: Any, **named: Any) -> list[Fold]:
        folds = honest(splitter, X, **named)
        return [replace(fold, train=np.flatnonzero(X.decided_at <= fold.trained_through)) for fold in folds]

    monkeypatch.setattr(Expanding, "folds", unpurged)
    parts = reported(setting, setting.models[0], AFTER_A_FIT, tmp_path)
    assert {"trees models", "trees predictions"} <= set(parts)
    assert not [part for part in parts if part.startswith("factor")]


def test_labels_counted_before_they_resolve_are_reported(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    honest = labels.climatology
    monkeypatch.setattr(examples, "climatology", lambda y, resolved_at, decided_at: honest(y, decided_at, decided_at))
    assert {"climatology", "trees predictions"} <= set(reported(setting, setting.models[0], AFTER_A_FIT, tmp_path))


def test_labels_of_prices_corrected_later_are_reported(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    honest = labels._correct

    def latest(paths: Any, corrections: Any, grid: Any, resolved: np.ndarray, read: Any) -> None:
        honest(paths, corrections, grid, np.full_like(resolved, np.iinfo(np.int64).max), read)

    monkeypatch.setattr(labels, "_correct", latest)
    assert "labels" in reported(setting, setting.models[0], corrected_later(setting), tmp_path)


def test_an_account_of_prices_corrected_later_is_reported(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def latest(versions: pd.DataFrame) -> pd.DataFrame:
        return versions.drop_duplicates("event_date", keep="last").set_index("event_date").sort_index()

    monkeypatch.setattr(market, "_first", latest)
    monkeypatch.setattr(market, "_in_time", lambda versions: np.ones(len(versions), dtype=bool))
    parts = reported(setting, setting.models[0], corrected_later(setting), tmp_path)
    assert "trees policy account" in parts
    assert "trees predictions" not in parts
