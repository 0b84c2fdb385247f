"""Over questions, assets and splitters: what is stored after a day changes no number that was issued by then.

A small market of two assets is drawn once, with late and corrected bars. The store cut at a close must give what the
full store gives up to that close: factors, labels, models, forecasts, and the account of a policy that reads a factor.
A bundle trained on the cut store and refitted on the full one must give the forecasts of a training on the full one.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.segments import KINDS
from bullbear.dataset import build
from bullbear.decide import Backtest, backtest
from bullbear.forecasting.account_factors import account_factors
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.bundle_writing import write_bundle
from bullbear.forecasting.refitting import continued
from bullbear.home import Home
from bullbear.learn import Training, train
from bullbear.model import Model
from bullbear.sessions import between, closes, day

CUT = closes(pd.DatetimeIndex(["2018-11-09"]))[0]
FEATURES = """
name = "pair"
why = "The trend and the range of the asset itself, and those of another."
[universe]
assets = {assets}
[[factor]]
name = "roc_21"
function = "roc"
inputs = {{ bars = "$asset" }}
params = {{ window = 21 }}
[[factor]]
name = "realised_21"
function = "realised_volatility"
inputs = {{ bars = "$asset" }}
params = {{ window = 21 }}
[[factor]]
name = "spy_5"
function = "roc"
inputs = {{ bars = "SPY" }}
params = {{ window = 5 }}
"""
MODEL = """
name = "grid"
intent = "A line, refitted every quarter."
questions = ["{question}"]
features = ["pair"]
[learner]
kind = "logistic"
penalty = 5.0
[splitter]
kind = "{splitter}"
first = "2017-06-01"
burn_in_months = 3
refit = "quarter"
min_train = 60
{window}
[policy]
kind = "leaning"
question = "{question}"
"""
POLICY = '''
from typing import Literal

from bullbear.decide.instruments import Tradable
from bullbear.decide.policy import POLICIES, Needs, NoMemory, Policy, Sleeve, Stance
from pydantic import Field


@POLICIES.register
class Leaning(Policy):
    """The probability of its question, halved after a fall of SPY."""

    kind: Literal["leaning"] = "leaning"
    question: str
    fund: Tradable = Field(default="IWM", validate_default=True)

    @property
    def needs(self):
        return Needs(funds=("IWM",), questions=(self.question,), factors=("spy_5",))

    def decide(self, state, memory):
        weight = state.forecasts[self.question].p * (1.0 if state.factors["spy_5"] > 0.0 else 0.5)
        return Stance(state.decided_at, (Sleeve("core", "bull", self.fund, weight),)), NoMemory()
'''


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Bars of two assets; some known a day late, some corrected days later."""
    rng, days, parts = np.random.default_rng(8), between("2016-01-04", "2019-02-28"), []
    drift = 0.003 * np.sin(np.arange(len(days)) / 30.0)
    for ticker, wide in (("IWM", 0.012), ("SPY", 0.008)):
        close = 100 * np.exp(np.cumsum(drift + wide * rng.standard_normal(len(days))))
        open_ = close * np.exp(rng.normal(0, 0.003, len(days)))
        prices = {"open": open_, "high": np.maximum(open_, close) * 1.004, "low": np.minimum(open_, close) * 0.996}
        frame = pd.DataFrame({"series": ticker, "event_date": days, "known_at": closes(days), **prices})
        frame = frame.assign(close=close, adj_close=close, volume=1e6)
        frame.loc[rng.random(len(days)) < 0.01, "known_at"] += pd.Timedelta("20h")
        again = frame[rng.random(len(days)) < 0.15].copy()  # some are corrected across the cut
        again["known_at"] += pd.to_timedelta(rng.integers(30, 900, len(again)), unit="h")
        again[["open", "high", "low", "close", "adj_close"]] *= 1.03
        parts += [frame, again]
    return pd.concat(parts, ignore_index=True)


def stored(rows: pd.DataFrame, root: Path) -> Store:
    store = Store(root)
    store.append("bars", rows[["series", "event_date", "known_at", *KINDS["bars"].numbers]])
    return store


def run(store: Store, model: Model, root: Path) -> tuple[Training, Backtest, Bundle, pd.DataFrame]:
    view, target = store.as_of(), model.definition.target
    made = build(view, model.feature_sets, target)
    training = train(model.definition, model.feature_sets, made)
    own = training.predictions.select(asset="IWM")
    tested = backtest(own, view, model.policy, factors=made.factors_of("IWM"), baselines={})
    root.mkdir()
    write_bundle(
        root / "bundle", definition=model.definition, feature_sets=model.feature_sets, rule=model.rule,
        definition_hash=model.definition_hash, fingerprint=made.fingerprint, simulated=True, training=training,
    )  # fmt: skip
    meta = json.loads((root / "bundle" / "bundle.json").read_text())
    (root / "bundle" / "bundle.json").write_text(json.dumps({**meta, "run_id": "0"}))
    facts = made.X.assign(asset=made.asset, y=made.y, resolved_at=made.resolved_at, climatology=made.climatology)
    return training, tested, read_bundle(root / "bundle"), facts


def issued(training: Training, at: pd.Timestamp) -> pd.DataFrame:
    table = training.predictions.table
    return table[table["decided_at"] <= at].drop(columns="y")  # scored on final prices, which were not known then


FAST = {("up", 2, "expanding"), ("dip5", 2, "rolling"), ("vol20", 1, "rolling"), ("dip5", 1, "expanding")}
GRID = [
    pytest.param(*each, marks=[] if each in FAST else pytest.mark.slow)
    for each in (
        (question, n, splitter)
        for question in ("up", "dip5", "vol20")
        for n in (1, 2)
        for splitter in ("expanding", "rolling")
    )
]


@pytest.mark.parametrize(("question", "n_assets", "splitter"), GRID)
def test_the_store_cut_at_a_close_gives_what_the_full_store_gives_up_to_it(
    rows: pd.DataFrame, tmp_path: Path, question: str, n_assets: int, splitter: str
) -> None:
    window = "window = 200" if splitter == "rolling" else ""
    for path, text in (
        ("features/pair.toml", FEATURES.format(assets=json.dumps(["IWM", "SPY"][:n_assets]))),
        ("models/grid.toml", MODEL.format(question=question, splitter=splitter, window=window)),
        ("policies/leaning.py", POLICY),
    ):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(text)
    model = Home(tmp_path).model("grid")
    whole, past = stored(rows, tmp_path / "full"), stored(rows[rows["known_at"] <= CUT], tmp_path / "cut")
    full, full_test, _, full_facts = run(whole, model, tmp_path / "one")
    cut, cut_test, bundle, cut_facts = run(past, model, tmp_path / "other")

    # Stored, but later: as if it were not there.
    as_of = build(whole.as_of(CUT), model.feature_sets, model.definition.target)
    assert as_of.fingerprint == build(past.as_of(), model.feature_sets, model.definition.target).fingerprint

    facts = full_facts.loc[: day(CUT)]
    open_yet = (facts["resolved_at"] > CUT).to_numpy()
    assert open_yet.any()
    facts = facts.assign(y=facts["y"].mask(open_yet))
    columns = [name for name in facts if name != "resolved_at"]
    pd.testing.assert_frame_equal(facts[columns], cut_facts[columns], check_exact=True)

    early = issued(full, CUT)
    assert early["asset"].nunique() == n_assets
    assert early["p"].nunique() > 100
    names = [name for name in early if name != "resolved_at"]  # a late bar may resolve a label later than planned
    pd.testing.assert_frame_equal(early[names], issued(cut, CUT)[names].set_index(early.index), check_exact=True)
    known = [each.state() for each in full.models if each.trained_through <= CUT]
    assert [each.state() for each in cut.models] == known
    assert len(full.models) > len(known) > 2

    n = len(cut_test.books)
    assert n > 100
    assert cut_test.books == full_test.books[:n]
    assert len(cut_test.trades) > 20
    pd.testing.assert_series_equal(cut_test.equity, full_test.equity.loc[: cut_test.equity.index[-1]], check_exact=True)

    refitted = continued(bundle, whole.as_of(), tmp_path / "refitted")
    newest = [each.state() for each in full.models[len(known) :]]
    assert [refitted.model_named(name).state() for name in refitted.trained_through()[len(known) :]] == newest
    if question == "up":  # no policy acts on another one
        view = whole.as_of()
        factors = account_factors(view, model.rule, model.feature_sets, "IWM")
        carried = backtest(refitted.predictions.select(asset="IWM"), view, model.policy, factors=factors, baselines={})
        assert n < len(carried.books)
        assert carried.books == full_test.books[: len(carried.books)]
