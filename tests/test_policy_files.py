"""`models/policies/NAME.toml`: a policy that models name, and the factors that it brings along."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullbear.errors import DefinitionError, RunError
from bullbear.forecasting.bundle import read_bundle
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.backtesting import backtest_run, rule_for
from bullbear.workflows.training import train_model

WARY = """name = "wary"
intent = "Leaves the fund when its price is far above its average."
kind = "cautious"
features = ["stretch"]
"""
STRETCH = """name = "stretch"
why = "How far the price has run from its average."

[[factor]]
name = "gap_50"
function = "price_to_sma"
inputs = { bars = "$asset" }
params = { window = 50 }

[[factor]]
name = "unread"
function = "rsi"
inputs = { bars = "$asset" }

[[factor]]
name = "rsi_14"
function = "home_made"
inputs = { bars = "$asset" }
"""
CAUTIOUS = """from typing import Literal

from pydantic import Field

from bullbear.decide.instruments import Tradable
from bullbear.decide.policy import POLICIES, Needs, NoMemory, Policy, Sleeve, Stance


@POLICIES.register
class Cautious(Policy):
    kind: Literal["cautious"] = "cautious"
    fund: Tradable = Field(default="IWM", validate_default=True)
    far: float = 0.05

    @property
    def needs(self):
        return Needs(funds=(self.fund.ticker,), questions=("up",), factors=("gap_50", "rsi_14"))

    def decide(self, state, memory):
        gap = state.factors["gap_50"]
        weight = 0.25 if gap > self.far else 0.5 + min(0.4, 0.1 * abs(state.factors["rsi_14"]))
        return Stance(state.decided_at, (Sleeve("core", "bull", self.fund, weight),)), NoMemory()
"""
HOME_MADE = '''from bullbear.factors import Array, Bars, factor
from bullbear.factors.technical.momentum import roc


@factor(unit="fraction", lookback=lambda: 2)
def home_made(bars: Bars) -> Array:
    """A part of the day's return."""
    return roc(bars, window=1) / 2.0
'''
FILES = {
    "models/policies/wary.toml": WARY,
    "features/stretch.toml": STRETCH,
    "policies/cautious.py": CAUTIOUS,
    "factors/home_made.py": HOME_MADE,
}


def add(home: Home, **changed: str) -> Home:
    for name, text in FILES.items():
        (home.root / name).parent.mkdir(parents=True, exist_ok=True)
        (home.root / name).write_text(changed.get(Path(name).stem, text))
    return Home(home.root)


def model(home: Home, policy: str, name: str = "small") -> None:
    text = (home.root / "models" / "small.toml").read_text().replace('name = "small"', f'name = "{name}"')
    if text.startswith("policy"):
        text = text.partition("\n")[2]
    (home.root / "models" / f"{name}.toml").write_text(policy + text if policy.startswith("policy") else text + policy)


@pytest.fixture
def place(tmp_path: Path, small_definitions: Callable[[Path], None]) -> Home:
    small_definitions(tmp_path)
    return add(Home(tmp_path))


def test_a_model_names_a_packaged_policy_that_means_the_same_in_place(place: Home) -> None:
    model(place, 'policy = "band"\n', "named")
    model(place, "\n[policy]\nbull_above = 0.55\nbear_below = 0.45\nstop_atr_multiple = 7.0\n", "spelt")
    named, spelt = place.model("named"), place.model("spelt")
    assert named.policy == spelt.policy
    assert named.definition_hash == spelt.definition_hash
    assert named.rule.path is not None
    assert named.rule.path.name == "band.toml"


def test_the_file_of_a_home_wins(place: Home) -> None:
    model(place, 'policy = "band"\n')
    assert place.model("small").policy.bull_above == 0.55
    text = 'name = "band"\nintent = "Another band of mine."\nkind = "band"\nbull_above = 0.7\n'
    (place.root / "models" / "policies" / "band.toml").write_text(text)
    assert place.model("small").policy.bull_above == 0.7
    assert {"band", "wary"} <= set(place.names("models/policies"))
    assert "band" not in place.names("models")


@pytest.mark.parametrize(
    ("changed", "named", "message"),
    [
        ({}, "wery", r"models/small\.toml:1 \(policy\): got 'wery'; allowed: .*band.*; did you mean wary\?"),
        (
            {"wary": WARY.replace('"wary"', '"wry"')},
            "wary",
            r"models/policies/wary\.toml:1: got 'wry'; allowed: the file",
        ),
        (
            {"wary": WARY.replace("cautious", "rash")},
            "wary",
            r"models/policies/wary\.toml:3 \(kind\): got 'rash'; allowed: ",
        ),
        ({"wary": WARY.replace("kind", "kin")}, "wary", r"models/policies/wary\.toml:1 \(kind\): missing"),
        ({"wary": WARY + "farr = 0.1\n"}, "wary", r"models/policies/wary\.toml:5 \(farr\): got 'farr'; allowed: .*far"),
        ({"wary": WARY + 'far = "x"\n'}, "wary", r"models/policies/wary\.toml:5 \(far\): got 'x'; allowed: a number"),
        (
            {"wary": WARY.replace("stretch", "strech")},
            "wary",
            r"models/policies/wary\.toml:4: got 'strech'; allowed: .*str",
        ),
        ({"stretch": STRETCH.replace('"price_to_sma"', '"price_to"')}, "wary", r"features/stretch\.toml:6 \(gap_50\)"),
        (
            {"stretch": STRETCH.replace('"gap_50"', '"gap_51"')},
            "wary",
            r"models/small\.toml:1 \(policy\): got 'cautious, which needs the factor gap_50'; allowed: a policy ",
        ),
    ],
)
def test_a_mistake_is_told_with_file_and_line(place: Home, changed: dict[str, str], named: str, message: str) -> None:
    add(place, **changed)
    model(place, f'policy = "{named}"\n')
    with pytest.raises(DefinitionError, match=message):
        Home(place.root).model("small")


def test_the_factors_that_a_policy_reads_are_part_of_the_meaning_and_no_learner_sees_them(place: Home) -> None:
    model(place, 'policy = "wary"\n')
    before = place.model("small")
    assert [spec.name for spec in before.rule.own] == ["gap_50", "rsi_14"]
    assert [each.name for each in before.feature_sets] == ["tiny"]

    def meaning(**changed: str) -> str:
        return add(place, **changed).model("small").definition_hash

    assert meaning(stretch=STRETCH.replace("= 50", "= 60")) != before.definition_hash
    assert meaning(home_made=HOME_MADE.replace("2.0", "3.0")) != before.definition_hash
    assert meaning(stretch=STRETCH.replace('"unread"', '"idle"')) == before.definition_hash
    assert meaning(wary=WARY.replace("Leaves", "Quits")) == before.definition_hash
    model(place, '\n[policy]\nkind = "cautious"\nfeatures = ["stretch"]\n', "inline")
    assert add(place).model("inline").definition_hash == before.definition_hash


def test_what_a_rule_and_a_model_both_define_means_what_the_rule_says(place: Home) -> None:
    model(place, 'policy = "wary"\n')
    found = place.model("small")
    assert {spec.name: spec.function for spec in found.rule.specs(found.feature_sets)} == {
        "gap_50": "price_to_sma", "rsi_14": "home_made",
    }  # fmt: skip
    assert [spec.name for spec in found.feature_sets[0].factor] == ["rsi_14", "vix"]


def test_a_policy_with_factors_of_its_own_is_trained_replayed_and_bound_to_its_files(home: Home) -> None:
    add(home)
    model(home, 'policy = "wary"\n', "own")
    trained = train_model(Home(home.root), "own")
    run = Runs(home).find(trained.run_id)
    tested = backtest_run(home, run)
    assert {"gap_50", "rsi_14"} == set(tested.states[0].factors)
    assert len({round(weight, 3) for weight in tested.decisions["IWM"]}) > 5
    logged = json.loads(run.read_text("backtest.json"))
    policy = next(row for row in logged["accounts"] if row["account"] == "policy")
    assert policy["total_return"] == pytest.approx(tested.equity.iloc[-1] / tested.equity.iloc[0] - 1, rel=1e-12)
    kept = run.artifacts / "definitions"
    assert (kept / "policies" / "wary.toml").read_text() == WARY
    assert (kept / "features" / "stretch.toml").read_text() == STRETCH
    bundle = read_bundle(run.artifacts / "bundle")
    assert bundle.rule.own == trained.model.rule.own

    add(home, home_made=HOME_MADE.replace("2.0", "3.0"))
    with pytest.raises(RunError, match=r"got 'factors/home_made\.py, changed since the training'"):
        Runs(Home(home.root)).find(trained.run_id).bundle.require_usable()


def test_another_policy_over_a_runs_forecasts(home: Home, bullbear: Callable[..., Any]) -> None:
    add(home)
    run = Runs(Home(home.root)).find("small")
    own, other = backtest_run(home, run), backtest_run(home, run, rule_for(home, run, "wary"))
    assert other.policy.kind == "cautious"
    assert not other.equity.equals(own.equity)
    shown = bullbear("backtest", "small", "--policy", "wary", "--home", home.root, "--json").json
    (policy,) = (row for row in shown["accounts"] if row["account"] == "policy")
    assert policy["total_return"] == pytest.approx(other.equity.iloc[-1] / other.equity.iloc[0] - 1, rel=1e-12)
    refused = bullbear("backtest", "small", "--policy", "wery", "--home", home.root)
    assert refused.code == 2
    assert "--policy: got 'wery'; allowed: " in refused.err
    assert refused.err.endswith("; did you mean wary?\n")
