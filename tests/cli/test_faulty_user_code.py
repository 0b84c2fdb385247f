"""A fault in a user's Python is one line with its file and line, and only for the commands that need that file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullbear.home import Home

Run = Callable[..., Any]


def break_line(path: Path, old: str, new: str) -> int:
    """Replace the one line that is `old`; returns its number."""
    lines = path.read_text().splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.strip() == old]
    indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
    lines[place] = indent + new
    path.write_text("\n".join(lines) + "\n")
    return place + 1


FACTOR = "return 100.0 * (bars.close / highest(bars.high, window) - 1.0)"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (FACTOR, "return bars.close[", "SyntaxError"),
        ("from bullbear.factors import Array, Bars, factor", "import no_such_package", "ModuleNotFoundError"),
        (FACTOR, "return bars.closing", "AttributeError"),
        (FACTOR, "import no_such_package", "ModuleNotFoundError"),
        (FACTOR, "return 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_factor(bullbear: Run, home: Home, old: str, new: str, said: str) -> None:
    assert bullbear("new", "factor", "mine", "--home", home.root).code == 0
    line = break_line(home.root / "factors" / "mine.py", old, new)
    answer = bullbear("factors", "mine", "--home", home.root)
    assert answer.code == 2
    assert answer.mistake.startswith(f"bullbear: factors/mine.py:{line}")
    assert said in answer.mistake
    # Others do not need it.
    assert bullbear("factors", "rsi_14", "--home", home.root).code == 0
    assert bullbear("forecast", "--home", home.root, "--json").code == 0
    listed = bullbear("factors", "--family", "regime", "--home", home.root)
    assert listed.code == 0
    assert bullbear("new", "factor", "another", "--home", home.root).code == 0


def test_a_factor_of_the_wrong_shape_and_a_wrong_parameter(bullbear: Run, home: Home) -> None:
    assert bullbear("new", "factor", "mine", "--home", home.root).code == 0
    path = home.root / "factors" / "mine.py"
    break_line(path, FACTOR, "return bars.close[window:]")
    answer = bullbear("factors", "mine", "--home", home.root)
    assert answer.code == 2
    assert "factors/mine.py:" in answer.mistake
    assert "an array of numbers of shape" in answer.mistake
    listed = bullbear("factors", "--family", "own", "--home", home.root)
    assert listed.code == 0, listed.err
    assert listed.err.startswith("note: factors/mine.py:")
    features = home.root / "features" / "mine.toml"
    features.write_text(features.read_text().replace("window = 20", "wind = 20"))
    answer = bullbear("factors", "mine", "--home", home.root)
    assert answer.code == 2
    assert "features/mine.toml:9 (mine): got 'wind'; allowed: window" in answer.mistake


def test_a_factor_that_is_always_missing_is_told_by_a_training(bullbear: Run, home: Home) -> None:
    assert bullbear("new", "factor", "mine", "--home", home.root).code == 0
    break_line(home.root / "factors" / "mine.py", FACTOR, "return 0.0 * bars.close / 0.0")
    model = home.root / "models" / "small.toml"
    model.write_text(model.read_text().replace('["tiny"]', '["tiny", "mine"]'))
    answer = bullbear("train", "small", "--start", "2007-01-03", "--home", home.root, "--json")
    assert answer.code == 0
    assert "mine" in answer.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("import numpy as np", "import no_such_package", "ModuleNotFoundError"),
        ("center, scale = np.nanmean(training.X, axis=0), np.nanstd(training.X, axis=0)", "1 / 0", "ZeroDivisionError"),
        ("return LinearModel.restore(state)", "return state.nothing", "AttributeError"),
    ],
)
def test_a_learner(bullbear: Run, home: Home, old: str, new: str, said: str) -> None:
    assert bullbear("new", "learner", "mine", "--home", home.root).code == 0
    line = break_line(home.root / "learners" / "mine.py", old, new)
    answer = bullbear("train", "mine", "--start", "2007-03-01", "--home", home.root, "--json")
    assert answer.code == 2, answer.err
    assert answer.mistake.startswith(f"bullbear: learners/mine.py:{line}")
    assert said in answer.mistake
    assert bullbear("forecast", "--home", home.root, "--json").code == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('return Needs(funds=(self.fund.ticker,), questions=("up",), factors=("rsi_14",))', "return 1 / 0", "Zero"),
        ("from pydantic import Field", "from pydantic import Feld", "ImportError"),
        ('reasons = (f"P(up) {up:.1%}, RSI {rsi:.0f}",)', "1 / 0", "ZeroDivisionError"),
        (
            "weight = 0.5 if up > 0.55 and rsi < 70 else 0.0  # an unknown factor is NaN, and nothing is below 70 then",
            "weight = 2 * hold",
            "NameError",
        ),
    ],
)
def test_a_policy(bullbear: Run, home: Home, old: str, new: str, said: str) -> None:
    assert bullbear("new", "policy", "mine", "--python", "--home", home.root).code == 0
    line = break_line(home.root / "policies" / "mine.py", old, new)
    answer = bullbear("backtest", "champion", "--policy", "mine", "--home", home.root)
    assert answer.code == 2, answer.err
    assert answer.mistake.startswith(f"bullbear: policies/mine.py:{line}")
    assert said in answer.mistake
    assert bullbear("backtest", "champion", "--policy", "band", "--home", home.root).code == 0


def test_a_policy_that_returns_no_stance_is_named(bullbear: Run, home: Home) -> None:
    assert bullbear("new", "policy", "mine", "--python", "--home", home.root).code == 0
    path = home.root / "policies" / "mine.py"
    path.write_text(path.read_text().replace("        return Stance(", "        Stance("))
    answer = bullbear("backtest", "champion", "--policy", "mine", "--home", home.root)
    assert answer.code == 2
    assert "policies/mine.py:" in answer.mistake
    assert "got 'NoneType'; allowed: a stance and a memory" in answer.mistake


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("import pandas as pd", "import pandas as pd, no_such_package", "ModuleNotFoundError"),
        ('price = bars.open[row] if at == "open" else bars.close[row]', "price = bars.opening[row]", "AttributeError"),
    ],
)
def test_an_instrument(bullbear: Run, home: Home, old: str, new: str, said: str) -> None:
    assert bullbear("new", "instrument", "CERT", "--python", "--home", home.root).code == 0
    assert bullbear("new", "policy", "mine", "--python", "--home", home.root).code == 0
    toml = home.root / "models" / "policies" / "mine.toml"
    toml.write_text(toml.read_text() + 'fund = "CERT"\n')
    policy = home.root / "policies" / "mine.py"
    policy.write_text(policy.read_text().replace("up > 0.55 and rsi < 70", "True"))
    line = break_line(home.root / "instruments" / "cert.py", old, new)
    answer = bullbear("backtest", "champion", "--policy", "mine", "--home", home.root)
    assert answer.code == 2, answer.err
    assert answer.mistake.startswith(f"bullbear: instruments/cert.py:{line}")
    assert said in answer.mistake
