"""A model whose feature set names several assets, from training to forecast."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pandas as pd
import pytest

from bullbear.dataset import resolve
from bullbear.definitions import Target
from bullbear.errors import DefinitionError
from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.forecast import replay
from bullbear.home import Home
from bullbear.tracking import Runs


def widen(home: Home, assets: list[str]) -> None:
    path = home.root / "features" / "tiny.toml"
    text = path.read_text().replace('bars = "IWM"', 'bars = "$asset"')
    path.write_text(text.replace("[[factor]]", f"[universe]\nassets = {json.dumps(assets)}\n[[factor]]", 1))


def test_a_panel_is_trained_scored_by_asset_and_forecasts_its_target(home: Home, bullbear: Callable[..., Any]) -> None:
    widen(home, ["XLF", "IWM"])
    made = bullbear("train", "small", "--home", home.root, "--json")
    assert (made.code, made.err) == (0, "")
    run = Runs(home).find(made.json["run_id"])
    assert run.predictions.table["asset"].unique().tolist() == ["IWM", "XLF"]
    assert made.json["n"] == len(run.predictions) == 2 * len(run.of_target)

    answer = bullbear("evaluate", run.run_id, "--home", home.root, "--json")
    assert (answer.code, answer.err) == (0, "")
    (found,) = answer.json
    assert [each["asset"] for each in found["by_asset"]] == ["IWM", "XLF"]
    assert found["n"] == sum(each["n"] for each in found["by_asset"]) == 2 * found["n_sessions"]
    view = home.store().as_of()
    for asset in ("IWM", "XLF"):
        labels = resolve(view, Target(ticker=asset), final=True).set_index("decided_at")["y"]
        rows = run.predictions.select(asset=asset).table
        assert rows["y"].tolist() == pytest.approx(labels.reindex(rows["decided_at"]).tolist(), nan_ok=True)

    printed = bullbear("predictions", run.run_id, "--home", home.root)
    assert (printed.code, printed.err) == (0, "")
    assert printed.out == run.predictions.select(asset="IWM").interface_csv() == run.read_text("predictions.csv")
    tested = bullbear("backtest", run.run_id, "--home", home.root, "--json")
    assert tested.code == 0
    accounts = {each["account"]: each for each in json.loads(run.read_text("backtest.json"))["accounts"]}
    policy = next(each for each in tested.json["accounts"] if each["account"] == "policy")
    assert policy["total_return"] == pytest.approx(accounts["policy"]["total_return"], rel=1e-12)

    Runs(home).promote(run)
    last = pd.read_csv(StringIO(printed.out)).iloc[-1]
    entry = replay(home.filled_store(), read_bundle(home.champion), str(last["decided_at"])[:10])
    assert entry["ticker"] == "IWM"
    assert (entry["p_up"], entry["climatology"]) == (last["p"], last["climatology"])


def test_a_universe_without_the_target_is_refused_when_it_is_read(home: Home) -> None:
    widen(home, ["XLF", "SPY"])
    with pytest.raises(
        DefinitionError, match=r"small\.toml.* \(target\.ticker\): got 'IWM'; .* XLF, SPY; add IWM to \[universe\]"
    ):
        home.model("small")
