"""Factors that a home brings: loaded with the registry, named when they fail, and bound to the models that use them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bullbear.definitions import FactorSpec
from bullbear.errors import DefinitionError
from bullbear.factors import registered
from bullbear.factors.engine.feature_sets import functions_of
from bullbear.user_code import digests, use_home

MINE = """
from bullbear.factors import Array, Bars, factor

@factor(unit="ratio", lookback={rows})
def half_close(bars: Bars) -> Array:
    \"\"\"Half of the close.\"\"\"
    return bars.close / 2
"""


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path) -> Iterator[None]:
    yield
    use_home(tmp_path / "nowhere")
    registered()


def write(home: Path, text: str, name: str = "mine") -> Path:
    (home / "factors").mkdir(parents=True, exist_ok=True)
    (home / "factors" / f"{name}.py").write_text(text)
    return home


def test_a_file_of_the_home_adds_to_the_registry(tmp_path: Path) -> None:
    use_home(write(tmp_path, MINE.format(rows=1)))
    found = registered()["half_close"]
    assert (found.family, dict(found.inputs), found.rows_needed({})) == ("own", {"bars": "bars"}, 1)
    assert found.summary == "Half of the close."
    assert "rsi" in registered()


def test_another_home_has_its_own_and_no_more(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one", MINE.format(rows=1)), write(tmp_path / "two", MINE.format(rows=2))
    use_home(one)
    first = registered()["half_close"]
    use_home(other)
    assert registered()["half_close"].rows_needed({}) == 2
    use_home(tmp_path / "empty")
    assert "half_close" not in registered()
    use_home(one)  # loaded before, and not run again
    assert registered()["half_close"] is first


def test_an_edited_file_is_another_code(tmp_path: Path) -> None:
    spec = FactorSpec(name="x", function="half_close", inputs={"bars": "IWM"})
    use_home(write(tmp_path, MINE.format(rows=1)))
    before = digests(functions_of([spec]))
    use_home(write(tmp_path, MINE.format(rows=1) + "# edited"))
    after = digests(functions_of([spec]))
    assert list(before) == list(after) == ["factors/mine.py"]
    assert before != after
    lift = FactorSpec(name="y", function="event_lift", inputs={"bars": "IWM"}, params={"of": "half_close", "span": 0})
    assert digests(functions_of([lift])) == after
    assert digests(functions_of([FactorSpec(name="z", function="rsi", inputs={"bars": "IWM"})])) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name", r"/mine.py:1: got .*No module named 'nothing_of_that_name'"),
        ("x = 1\nx +", r"/mine.py:2: got .*SyntaxError"),
        (
            MINE.format(rows=1).replace("half_close", "rsi"),
            r"/mine.py:\d+: .*'rsi' is already registered by .*oscillators.py",
        ),
        (MINE.format(rows=1).replace("bars: Bars", "bars: int"), r"/mine.py:\d+: .*neither inputs nor annotations"),
    ],
)
def test_a_file_that_fails_is_named_each_time(tmp_path: Path, text: str, message: str) -> None:
    use_home(write(tmp_path, text))
    name = "rsi" if "rsi" in text else "half_close"
    for _ in range(2):
        with pytest.raises(DefinitionError, match=message):
            registered()[name]
        with pytest.raises(DefinitionError, match=message):
            registered().get(name)
        assert registered()["roc"].name == "roc"  # what does not need the file works


def test_what_a_file_registered_before_it_failed_is_gone(tmp_path: Path) -> None:
    use_home(write(tmp_path, MINE.format(rows=1) + "\nraise ValueError('too late')\n"))
    with pytest.raises(DefinitionError, match=r"mine\.py:\d+: got .ValueError: too late"):
        registered()["half_close"]
    assert "half_close" not in set(registered())
    use_home(write(tmp_path, MINE.format(rows=1)))
    assert registered()["half_close"].rows_needed({}) == 1


def test_two_files_that_register_one_name(tmp_path: Path) -> None:
    write(tmp_path, MINE.format(rows=1), "a")
    use_home(write(tmp_path, MINE.format(rows=2), "b"))
    for _ in range(2):
        with pytest.raises(DefinitionError, match=r"/b.py:\d+: .*'half_close' is already registered by .*/a.py"):
            registered()["half_close"]
