"""Pickers are refused with file and line, or read whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.definitions.picker import Blend, read_pickers
from bullbear.errors import DefinitionError, InputError
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
