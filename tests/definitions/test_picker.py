"""Pickers are refused with file and line, or read whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bullbear.definitions.picker import Blend, Ranker, read_pickers
from bullbear.errors import DefinitionError, InputError
from bullbear.group.characteristics import CHARACTERISTICS
from bullbear.home import Home
from bullbear.picking.fact_features import FACT_FEATURES
from bullbear.picking.features import FEATURES
from bullbear.picking.scoring import check_characteristics

OWN = """\
[[picker]]
quantiles = 4
[picker.rule]
name = "mine"
kind = "blend"
why = "Momentum alone, as an example."
weights = { momentum_12_1 = 1.0 }
[picker.trading]
cost_bp = 10.0
"""


def test_what_is_shipped_can_be_computed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    check_characteristics([each.rule for each in home.pickers().values()], (*FEATURES, *FACT_FEATURES))
    check_characteristics(home.rotation().rules)
    assert home.rotation().schedule.horizon == 21


def test_what_the_page_says_of_the_shipped_pickers_is_so(tmp_path: Path) -> None:
    """Their rows name what `ratings` lacks of the ratings and has instead, and where `ranker` differs from both."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "picker.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|$", page.split("| shipped picker |")[1], re.MULTILINE))
    named = {name: set(re.findall(r"`(\w+)`", text)) for name, text in rows.items()}
    blend, ratings, ranker = (Home(tmp_path).pickers()[name].rule for name in ("blend", "ratings", "ranker"))
    assert isinstance(blend, Blend)
    assert isinstance(ratings, Blend)
    assert isinstance(ranker, Ranker)
    lacks = set(FACT_FEATURES) - set(ratings.weights)
    assert named["ratings"] == lacks | (set(ratings.weights) - set(FACT_FEATURES))
    left_out = ({*blend.weights} | {*ratings.weights}) - set(ranker.features)
    assert named["ranker"] == left_out | (set(ranker.features) - {*blend.weights, *ratings.weights})
    assert all(name in ratings.why for name in lacks)
    assert all(name in ranker.why for name in left_out)


def test_each_rating_has_the_same_weight_and_its_own_signs(tmp_path: Path) -> None:
    rule = Home(tmp_path).pickers()["ratings"].rule
    assert isinstance(rule, Blend)
    of_prices = {
        "momentum_12_1": "momentum",
        "high_252": "momentum",
        "volatility_252": "low_risk",
        "beta_252": "low_risk",
    }
    weights: dict[str, float] = {}
    for name, weight in rule.weights.items():
        rating = of_prices.get(name) or CHARACTERISTICS[name].rating
        weights[rating] = weights.get(rating, 0.0) + abs(weight)
        assert (weight > 0) == (rating == "momentum" or (name in CHARACTERISTICS and CHARACTERISTICS[name].high))
    assert weights == pytest.approx(dict.fromkeys((each.rating for each in CHARACTERISTICS.values()), 1.0), abs=0.02)


def test_a_home_adds_to_the_shipped_pickers(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "picker.toml").write_text(OWN.replace('"mine"', '"blend"') + OWN)
    found = Home(tmp_path).pickers()
    assert set(found) == {"blend", "ratings", "ranker", "mine"}
    assert isinstance(found["blend"].rule, Blend)
    assert found["blend"].rule.weights == {"momentum_12_1": 1.0}
    assert Home(tmp_path).rotation().hold == 3  # the packaged one


@pytest.mark.parametrize(
    ("typed", "said"), [("momentum_12m", "did you mean momentum_12_1?"), ("zzz", "correct the name")]
)
def test_the_nearest_characteristic_is_offered(tmp_path: Path, typed: str, said: str) -> None:
    path = tmp_path / "picker.toml"
    path.write_text(OWN.replace("momentum_12_1", typed))
    with pytest.raises(InputError) as refused:
        check_characteristics([read_pickers(path).pickers["mine"].rule], (*FEATURES, *FACT_FEATURES))
    assert "models/picker.toml (rule mine)" in str(refused.value)
    assert refused.value.remedy == said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("quantiles = 4", "quantiles = 1", r"picker.toml:2 \(picker.0.quantiles\): got 1; allowed: a number from 2 on"),
        ('kind = "blend"', 'kind = "oracle"', "'blend', 'ranker'"),
        ("= 1.0 }", "= 0.0 }", "weights other than 0"),
        ("cost_bp", "costs", r"\(picker.0.trading.costs\): got 'costs'; allowed: one of cost_bp, borrow_bp"),
        (OWN, OWN + OWN, "a name that no other picker has"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "picker.toml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(DefinitionError, match=message):
        read_pickers(path)
