"""`models/promotion.toml`: what the packaged file says, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.definitions.promotion import Promotion, read_promotion
from bullbear.errors import DefinitionError
from bullbear.home import Home

PACKAGED = Path(__file__).parents[2] / "models" / "promotion.toml"


def test_the_packaged_file_says_what_a_missing_key_means():
    assert read_promotion(PACKAGED) == Promotion()


def test_a_home_s_own_file_wins_and_is_no_model(tmp_path: Path):
    assert Home(tmp_path).promotion() == Promotion()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "promotion.toml").write_text("[skill]\nerror = 0.05\n\n[tries]\nmost = 20\n")
    found = Home(tmp_path).promotion()
    assert (found.skill.error, found.tries.most, found.evidence.least) == (0.05, 20, 36)
    assert "promotion" not in Home(tmp_path).names("models")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[skill]\nerror = 0.5\n", r"promotion\.toml:2 \(skill\.error\): got 0\.5; allowed: a number below 0\.5"),
        ("[skill]\nerror = 0\n", r"promotion\.toml:2 \(skill\.error\): got 0; allowed: a number above 0"),
        ("[skill]\nerror = true\n", r"promotion\.toml:2 \(skill\.error\): got True; allowed: a number"),
        ("\n[evidence]\nleast = 0\n", r"promotion\.toml:3 \(evidence\.least\): got 0; allowed: a number from 1 on"),
        ("[calibration]\nleast_p_value = 1.0\n", r":2 \(calibration\.least_p_value\): got 1\.0; allowed: .* below 1"),
        ("[superior_ability]\nmost_p_value = 1.5\n", r":2 \(superior_ability\.most_p_value\): got 1\.5; .* up to 1"),
        ("[superior_ability]\nleast_models = 1\n", r":2 \(superior_ability\.least_models\): got 1; .* from 2 on"),
        ("[overfitting]\nmost_pbo = -0.1\n", r":2 \(overfitting\.most_pbo\): got -0\.1; .* from 0 on"),
        ("[overfitting]\nmost_losses = 2\n", r":2 \(overfitting\.most_losses\): got 2; .* up to 1"),
        ("[tries]\nmost = 0\n", r":2 \(tries\.most\): got 0; allowed: a number from 1 on"),
        ("[tries]\nmost = 1.5\n", r":2 \(tries\.most\): got 1\.5; allowed: a whole number"),
        (
            "[skill]\nerorr = 0.1\n",
            r":2 \(skill\.erorr\): got 'erorr'; allowed: one of error; remove or rename the key",
        ),
        ("[pbo]\nmost = 1\n", r":1 \(pbo\): got 'pbo'; allowed: one of skill, evidence, calibration, superior_ability"),
    ],
)
def test_what_makes_no_sense_is_refused_with_file_and_line(tmp_path: Path, text: str, words: str):
    path = tmp_path / "models" / "promotion.toml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(DefinitionError, match=words):
        Home(tmp_path).promotion()
