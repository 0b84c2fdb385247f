"""Which pair a model is about, and what a pair cannot give: each refusal with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.errors import DefinitionError
from bullbear.home import Home
from bullbear.workflows.filling import fill_live

MODEL = """name = "mine"
intent = "The base rate of another ticker."
policy = "two_agents"
[target]
ticker = "{ticker}"
[learner]
kind = "climatology"
"""
PAIRS = """[[pair]]
name = "GOLD"
bull = "SPY"
bear = ["SDS"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "models").mkdir()
    return Home(tmp_path)


def about(home: Home, ticker: str) -> str:
    (home.root / "models" / "mine.toml").write_text(MODEL.format(ticker=ticker))
    return "mine"


def test_a_model_is_followed_to_the_pair_of_its_ticker(home: Home) -> None:
    found = home.following(about(home, "SPY"))
    assert (found.ticker, found.written) == ("SPY", home.root / "pairs" / "SPY")
    assert found.model("mine").definition.ticker == "SPY"
    assert home.on("SPY").following("mine").ticker == "SPY"
    assert home.following(about(home, "IWM")) is home


def test_a_pair_named_otherwise_is_found_by_its_fund(home: Home) -> None:
    (home.root / "models" / "pairs.toml").write_text(PAIRS.replace("SPY", "GLD").replace('["SDS"]', "[]"))
    (home.root / "models" / "instruments.toml").write_text(
        '[[instrument]]\nticker = "GLD"\nmultiple = 1.0\ninception = "2004-11-18"\nhalf_spread_bp = 1.0\n'
    )
    assert home.following(about(home, "GLD")).written == home.root / "pairs" / "GOLD"


def test_without_a_pair_it_is_refused_at_once(home: Home) -> None:
    with pytest.raises(DefinitionError, match=r"mine\.toml:5 \(target\.ticker\): got 'GLD'; .*`bullbear new pair GLD`"):
        home.following(about(home, "GLD"))
    with pytest.raises(DefinitionError, match=r"got 'SPY'; allowed: IWM, unless .*; add --pair SPY$"):
        home.model(about(home, "SPY"))


def test_two_pairs_of_its_ticker_are_refused(home: Home) -> None:
    second = PAIRS + PAIRS.replace('"GOLD"', '"TWO"').replace('"SPY"', '"DIA"')
    (home.root / "models" / "pairs.toml").write_text((PAIRS + PAIRS.replace('"GOLD"', '"TWO"')).replace("SPY", "DIA"))
    with pytest.raises(DefinitionError, match="a fund of one pair, not of GOLD, TWO"):
        home.following(about(home, "DIA"))
    (home.root / "models" / "pairs.toml").write_text(second)
    assert home.following(about(home, "SPY")).written.name == "SPY"  # the packaged one is named like the fund


def test_another_pair_than_its_own_is_refused(home: Home) -> None:
    with pytest.raises(DefinitionError, match="got 'SPY'; allowed: QQQ, the fund of --pair QQQ; leave --pair out"):
        home.on("QQQ").model(about(home, "SPY"))


def test_a_pair_without_inverse_funds_turns_the_bear_off(home: Home) -> None:
    (home.root / "models" / "pairs.toml").write_text(PAIRS.replace("SPY", "QLD").replace('["SDS"]', "[]"))
    for policy in ("two_agents_bear", "band"):
        rule = home.on("GOLD").rule(policy, named_at="--policy", questions=["up", "dip8", "vol20", "vol30"])
        assert set(rule.policy.needs.funds) == {"QLD"}


def test_the_funds_of_pairs_in_use_are_fetched(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "bullbear.data.fetching.fetch_all", lambda store, settings, *rest, **more: asked.append(settings)
    )
    assert not home.pair_funds
    (home.root / "models" / "pairs.toml").write_text(PAIRS.replace("SPY", "DIA").replace("SDS", "DOG"))
    (home.root / "pairs" / "SPY").mkdir(parents=True)
    assert home.pair_funds == ("SPY", "SH", "SDS", "DIA", "DOG")
    fill_live(home)
    assert {"IWM", "SH", "DIA", "DOG"} <= set(asked[0].fetch.prices)
