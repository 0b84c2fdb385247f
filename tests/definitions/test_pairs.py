"""`pairs.toml`: what a pair may be, and the line of what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.definitions.pairs import read_pairs
from bullbear.errors import DefinitionError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pairs.toml"
    path.write_text(text)
    return path


def test_pairs_by_name_in_the_order_of_the_file(tmp_path: Path) -> None:
    first = '[[pair]]\nname = "B"\nbull = "QQQ"\nbear = ["PSQ", "QID"]\n'
    text = first + '\n[[pair]]\nname = "A"\nbull = "SPY"\nbear = ["SDS"]\n'
    found = read_pairs(written(tmp_path, text))
    assert list(found) == ["B", "A"]
    assert found["B"].pair.bear == ("PSQ", "QID")
    assert found["A"].where.endswith("pairs.toml:6 (pair.1)")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('name = "../X"\nbull = "QQQ"\nbear = ["QID"]', "pairs.toml:2"),
        ('name = "X"\nbull = "QQQ"\nbear = ["QID", "PSQ", "SQQQ", "X"]', "pairs.toml:4"),
        ('name = "IWM"\nbull = "IWM"\nbear = ["TWM"]', "pairs.toml:2.*another name"),
        ('name = "X"\nbear = ["QID"]', "bull"),
        ('name = "X"\nbull = "QQQ"\nbear = ["QID"]\nweight = 1', "pairs.toml:5"),
        (
            'name = "X"\nbull = "QQQ"\nbear = ["QID"]\n[[pair]]\nname = "X"\nbull = "SPY"\nbear = ["SDS"]',
            "pairs.toml:5",
        ),
    ],
)
def test_a_pair_that_makes_no_sense_is_refused_with_its_line(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        read_pairs(written(tmp_path, f"[[pair]]\n{lines}\n"))


def test_a_pair_may_have_no_inverse_fund(tmp_path: Path) -> None:
    found = read_pairs(written(tmp_path, '[[pair]]\nname = "GLD"\nbull = "GLD"\n'))
    assert found["GLD"].pair.bear == ()
