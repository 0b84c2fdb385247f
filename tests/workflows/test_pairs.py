"""`--pair`: the whole line about another fund, in a place of its own beside the home's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullbear.errors import DefinitionError
from bullbear.home import Home
from bullbear.tracking.mlflow_store import connect, experiment_id

PAIR = """
[[pair]]
name = "TECH"
bull = "QQQ"
bear = ["QID"]
"""
FUNDS = """
[[instrument]]
ticker = "QQQ"
multiple = 1.0
inception = "1999-03-10"
half_spread_bp = 1.0

[[instrument]]
ticker = "QID"
multiple = -2.0
inception = "2006-07-13"
half_spread_bp = 3.0
"""


@pytest.fixture
def paired(home: Home) -> Home:
    models = home.root / "models"
    (models / "pairs.toml").write_text(PAIR)
    (models / "instruments.toml").write_text(FUNDS)
    return home


def test_a_pair_is_trained_promoted_and_forecast_in_its_own_place(paired: Home, bullbear: Callable[..., Any]) -> None:
    before = {path: path.stat().st_mtime_ns for path in paired.forecasts.rglob("*") if path.is_file()}
    at = ("--home", paired.root, "--pair", "TECH", "--json")
    trained = bullbear("train", "base", *at)
    assert trained.code == 0, trained.err
    assert bullbear("promote", "latest", *at).code == 0
    tested = bullbear("backtest", "champion", *at)
    assert tested.code == 0, tested.err
    forecast = bullbear("forecast", *at)
    assert forecast.code == 0, forecast.err
    document = json.loads(forecast.out)
    assert document["ticker"] == "QQQ"
    assert "IWM" not in document["positions"]
    assert set(document["positions"]) <= {"QQQ", "QID", "CASH"}
    home = paired.on("TECH")
    assert home.forecasts == paired.root / "pairs" / "TECH" / "forecasts"
    assert (home.forecasts / "ledger.jsonl").exists()
    client = connect(home.runs)
    assert client.get_experiment(experiment_id(client, home.runs)).name == "bullbear-TECH"
    assert bullbear("score", *at).code == 0
    evening = bullbear("day", "--no-report", *at).json
    assert evening["entry"]["ledger"] == document["ledger"]
    assert evening["line"].startswith(f"{document['decided_at'][:10]} QQQ (SIMULATED, replay): hold ")
    page = Path(bullbear("report", *at).json["report"])
    assert page.parent == home.reports
    assert "<title>SIMULATED: QQQ on " in page.read_text(encoding="utf-8")
    # IWM's own champion, ledger and runs know nothing of it.
    assert {path: path.stat().st_mtime_ns for path in paired.forecasts.rglob("*") if path.is_file()} == before


def test_status_marks_what_the_champion_of_a_pair_reads(paired: Home, bullbear: Callable[..., Any]) -> None:
    def needed() -> set[str]:
        return {line["series"] for line in bullbear("status", "--home", paired.root, "--json").json if line["needed"]}

    assert needed() == {"IWM", "VIXCLS"}
    place = paired.on("TECH").champion
    shutil.copytree(paired.champion.resolve(), place)
    whole = (place / "bundle.json").read_text()
    (place / "bundle.json").write_text(whole.replace('"bars": "IWM"', '"bars": "QQQ"'))
    assert needed() == {"IWM", "QQQ", "VIXCLS"}


def test_the_funds_of_the_pair_are_the_policys(paired: Home) -> None:
    model = paired.on("TECH").model("base")
    assert model.definition.ticker == "QQQ"
    assert {each.ticker for each in (model.policy.bull_instrument, model.policy.bear_instrument)} == {"QQQ", "QID"}
    assert model.definition_hash != paired.model("base").definition_hash


def test_iwm_is_the_home_itself(paired: Home) -> None:
    assert paired.on("IWM") is paired
    assert paired.on(None) is paired


def test_an_unknown_pair_is_refused_with_those_there_are(paired: Home, bullbear: Callable[..., Any]) -> None:
    refused = bullbear("train", "base", "--home", paired.root, "--pair", "DOW")
    assert refused.code == 2
    assert "--pair" in refused.err
    assert "TECH" in refused.err


def test_a_pair_of_a_fund_that_is_no_instrument_is_refused_with_its_line(
    paired: Home, bullbear: Callable[..., Any]
) -> None:
    (paired.root / "models" / "pairs.toml").write_text(PAIR.replace("QID", "ABC"))
    refused = bullbear("train", "base", "--home", paired.root, "--pair", "TECH")
    assert refused.code == 2
    assert "pairs.toml:2" in refused.err
    assert "ABC" in refused.err
    assert not (paired.root / "pairs").exists()


def test_a_pair_whose_fund_is_not_geared_enough_names_pair_policy_and_key(paired: Home) -> None:
    asked = ["up", "dip8", "vol20", "vol30"]
    with pytest.raises(DefinitionError, match=r"pairs\.toml:17 \(pair\.2\), policy two_agents \(bear\.max_weight\)"):
        paired.on("NVDA").rule("two_agents_bear", named_at="--policy", questions=asked)


def test_a_model_about_a_ticker_without_an_inverse_fund_has_all_of_it(home: Home, bullbear: Callable[..., Any]) -> None:
    at = ("--home", home.root, "--json")
    model = home.root / "models" / "base.toml"
    (home.root / "models" / "gold.toml").write_text(
        model.read_text().replace('"base"', '"gold"').replace("[learner]", '[target]\nticker = "GLD"\n[learner]')
    )
    refused = bullbear("train", "gold", "--home", home.root)
    assert refused.code == 2
    assert "models/gold.toml:5 (target.ticker): got 'GLD'" in refused.mistake
    assert refused.mistake.endswith(f"add one: `bullbear new pair GLD --home {home.root}`")
    assert bullbear("new", "pair", "GLD", *at).code == 0
    trained = bullbear("train", "gold", *at)  # follows the model's target
    assert (trained.code, trained.err) == (
        0,
        "note: the model is about GLD: add --pair GLD to the commands on its run\n",
    )
    at = (*at, "--pair", "GLD")
    assert bullbear("promote", "gold", *at).code == 0
    tested = bullbear("backtest", "gold", *at).json
    assert {*tested["positions"][0]} <= {"event_date", "GLD", "CASH", "IEF"}
    forecast = bullbear("forecast", *at).json
    assert forecast["ticker"] == "GLD"
    assert set(forecast["positions"]) <= {"GLD", "CASH"}
    assert {each["ticker"] for each in bullbear("odds", "--all", *at).json} == {"GLD"}
