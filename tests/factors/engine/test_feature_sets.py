"""Feature sets: a file that cannot be computed is refused when it is loaded, with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bullbear.errors import DefinitionError
from bullbear.factors import load, universe
from bullbear.factors.engine.parameter_groups import within
from bullbear.factors.engine.registry import Array, Bars, registered
from bullbear.shipped import FEATURES as SHIPPED

FEATURES = Path(__file__).resolve().parents[3] / "features"
HEAD = 'name = "mine"\nwhy = "One sentence of why."\n\n'
GOOD = '[[factor]]\nname = "rsi_14"\nfunction = "rsi"\ninputs = { bars = "IWM" }\nparams = { window = 14 }\n'


@dataclass(frozen=True)
class Speed:
    fast: int = within(12, 2, 100)
    share: float = 0.5


def write(folder: Path, body: str, name: str = "mine") -> Path:
    path = folder / "features" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(body, encoding="utf-8")
    return path


def factor(**lines: str) -> str:
    """The good factor with some of its lines replaced ("" leaves one out), after a first one that is right."""
    own = {"name": '"second"', "function": '"rsi"', "inputs": '{ bars = "IWM" }', "params": "{ window = 14 }"} | lines
    return HEAD + GOOD + "\n[[factor]]\n" + "".join(f"{key} = {value}\n" for key, value in own.items() if value)


def test_a_good_file_is_frozen_and_complete(tmp_path: Path) -> None:
    (loaded,) = load([write(tmp_path, HEAD + GOOD)])
    assert loaded.name == "mine"
    (spec,) = loaded.factor
    assert (spec.name, spec.function, spec.inputs, spec.params, spec.sign) == (
        "rsi_14", "rsi", {"bars": "IWM"}, {"window": 14}, 0,
    )  # fmt: skip
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"  # type: ignore[misc]


def test_a_parameter_is_either_fixed_or_counted(tmp_path: Path) -> None:
    body = factor(params="{ window = 14 }", each="{ window = [10, 12] }")
    message = (
        r"mine\.toml:15 \(factor\.1\.each\): got \{'window': \[10, 12\]\}; "
        "allowed: a parameter that params does not set; it sets window"
    )
    with pytest.raises(DefinitionError, match=message):
        load([write(tmp_path, body)])
    (loaded,) = load([write(tmp_path, factor(params="", each="{ window = [10, 12] }"))])
    assert [(spec.name, spec.params) for spec in loaded.factor[1:]] == [
        (f"second_{window}", {"window": window}) for window in (10, 11, 12)
    ]


@pytest.mark.parametrize("series", ["UNRATE", "CLAIMSx", "GDPC1"])
def test_a_window_over_the_levels_of_a_revised_series_is_refused(tmp_path: Path, series: str) -> None:
    level = factor(function='"level_change"', inputs=f'{{ level = "{series}" }}', params="{ window = 21 }")
    message = rf"mine\.toml:13 \(second\): got \"level = '{series}'\"; allowed: a series that is never revised"
    with pytest.raises(DefinitionError, match=message):
        load([write(tmp_path, level)])
    newest = factor(function='"last_known"', inputs=f'{{ level = "{series}" }}', params="")
    assert load([write(tmp_path, newest)])[0].factor[1].inputs == {"level": series}


@pytest.mark.parametrize(
    ("key", "value", "where", "message"),
    [
        ("function", '"rsii"', "12 (second)", "got 'rsii'; allowed: a registered factor; did you mean rsi"),
        (
            "function",
            '"zzzzzz"',
            "12 (second)",
            "got 'zzzzzz'; allowed: a registered factor; `bullbear factors` lists them",
        ),
        ("params", "{ windw = 14 }", "14 (second)", "got 'windw'; allowed: window; remove or rename the parameter"),
        ("params", "{ window = 14.5 }", "14 (second)", "got 'window = 14.5'; allowed: window as a whole number"),
        ("params", '{ window = "14" }', "14 (second)", "got \"window = '14'\"; allowed: window as a whole number"),
        ("params", "{ window = true }", "14 (second)", "got 'window = True'; allowed: window as a whole number"),
        ("params", "{ window = 0 }", "14 (second)", "got 'window = 0'; allowed: window from "),
        ("params", "{ window = -3 }", "14 (second)", "got 'window = -3'; allowed: window from "),
        ("params", "{ window = 1000000 }", "14 (second)", "got 'window = 1000000'; allowed: window from "),
        ("inputs", "{ }", "13 (second)", "no series for bars; allowed: bars (bars); name a series for bars"),
        (
            "inputs",
            '{ bars = "$ticker" }',
            "13 (second)",
            "got \"bars = '$ticker'\"; allowed: $asset or a series; correct",
        ),
        ("inputs", '{ bars = "" }', "13 (second)", "no series for bars; allowed: bars (bars); name a series for bars"),
        ("inputs", '{ bar = "IWM" }', "13 (second)", "got 'bar'; allowed: bars (bars); remove or rename the input"),
        ("inputs", "", "10 (factor.1.inputs)", "missing; allowed: a value"),
        ("name", '"rsi_14"', "11", "got 'rsi_14'; allowed: a new name (it is used at features/mine.toml:5)"),
        ("name", '"RSI 14"', "11 (factor.1.name)", "got 'RSI 14'"),
        ("sign", "2", "15 (factor.1.sign)", "got 2"),
        ("colour", '"red"', "15 (factor.1.colour)", "got 'colour'; allowed: one of name, function, inputs"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_its_line(
    tmp_path: Path, key: str, value: str, where: str, message: str
) -> None:
    with pytest.raises(DefinitionError, match=re.escape(f"features/mine.toml:{where}: {message}")):
        load([write(tmp_path, factor(**{key: value}))])


def test_an_input_that_is_missing_names_its_kind(tmp_path: Path) -> None:
    body = factor(function='"relative_strength"', inputs='{ asset = "IWM" }', params="")
    with pytest.raises(DefinitionError, match=r"toml:13 .*: asset \(bars\), benchmark \(bars\); name a series for b"):
        load([write(tmp_path, body)])


def test_parameters_that_do_not_fit_together(tmp_path: Path) -> None:
    body = factor(function='"skip_momentum"', params="{ window = 21, skip = 63 }")
    with pytest.raises(DefinitionError, match=r"mine.toml:14 \(second\): .*'skip': 63.*parameters that fit together"):
        load([write(tmp_path, body)])


def test_a_parameter_without_a_default_must_be_given(tmp_path: Path, register: Any) -> None:
    @register(family="technical", inputs={"bars": "bars"}, unit="x", lookback=lambda *, window: window)
    def toy_required(bars: Bars, *, window: int) -> Array:
        return np.full(len(bars.close), float(window))

    with pytest.raises(
        DefinitionError, match=r"mine.toml:10 \(second\): window is missing; allowed: a value for window"
    ):
        load([write(tmp_path, factor(function='"toy_required"', params=""))])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ('{ side = "left" }', "got \"side = 'left'\"; allowed: one of high, low; choose one of them"),
        ("{ side = 1 }", "got 'side = 1'; allowed: side as str"),
        ("{ fast = 1 }", "got 'fast = 1'; allowed: fast from 2 to 100"),
        ("{ fast = 2.5 }", "got 'fast = 2.5'; allowed: fast as a whole number"),
        ("{ speed = 1 }", "got 'speed'; allowed: side, fast, share; remove or rename"),
    ],
)
def test_groups_and_choices_are_checked_like_any_parameter(
    tmp_path: Path, register: Any, params: str, message: str
) -> None:
    @register(
        family="technical",
        inputs={"bars": "bars"},
        unit="x",
        lookback=lambda *, side, speed: speed.fast,
        choices={"side": ("high", "low")},
    )
    def toy_pace(bars: Bars, *, side: str = "high", speed: Speed = Speed()) -> Array:
        return bars.close

    (loaded,) = load([write(tmp_path, factor(function='"toy_pace"', params='{ side = "low", fast = 3 }'))])
    assert loaded.factor[1].params == {"side": "low", "fast": 3}
    with pytest.raises(DefinitionError, match=re.escape(f"features/mine.toml:14 (second): {message}")):
        load([write(tmp_path, factor(function='"toy_pace"', params=params))])


def test_a_look_back_of_no_rows(tmp_path: Path, register: Any) -> None:
    @register(family="technical", inputs={"bars": "bars"}, unit="x", lookback=lambda *, window: window - 14)
    def toy_rowless(bars: Bars, *, window: int = 14) -> Array:
        return bars.close

    with pytest.raises(DefinitionError, match=r"mine.toml:14 \(second\): .*a look-back of at least one row"):
        load([write(tmp_path, factor(function='"toy_rowless"'))])


def test_a_name_used_in_two_files(tmp_path: Path) -> None:
    one, two = write(tmp_path, HEAD + GOOD), write(tmp_path, HEAD.replace("mine", "yours") + GOOD, "yours")
    with pytest.raises(DefinitionError, match=r"features/yours.toml:5: got 'rsi_14'; .*used at features/mine.toml:5"):
        load([one, two])


def test_a_file_named_otherwise_than_its_set(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"features/other.toml:1: got 'mine'; allowed: the file's name, other"):
        load([write(tmp_path, HEAD + GOOD, "other")])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (HEAD, r"features/mine.toml:1 \(factor\): missing"),
        (HEAD + "factor = []\n", r"mine.toml:4 \(factor\): got"),
        ('name = "mine"\n' + GOOD, r"mine.toml:1 \(why\): missing"),
        ('name = "mine"\nwhy = "short"\n' + GOOD, r"mine.toml:2 \(why\): got 'short'"),
        ("name = mine", r"features/mine.toml:1: got .*valid TOML"),
    ],
)
def test_a_file_that_is_no_feature_set(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        load([write(tmp_path, body)])


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"features/mine.toml: got 'No such file or directory'"):
        load([tmp_path / "features" / "mine.toml"])
    path = write(tmp_path, "")
    path.write_bytes(b"name = \xff")
    with pytest.raises(DefinitionError, match=r"bytes that are not UTF-8"):
        load([path])


def test_what_is_shipped_loads_together_and_says_why() -> None:
    paths = [FEATURES / f"{name}.toml" for name in sorted(SHIPPED - {"odds"})]
    sets = load(paths)
    assert {"technical", "volatility", "macro", "sectors", "positioning"} <= {each.name for each in sets}
    used = {spec.function for each in sets for spec in each.factor}
    assert used <= set(registered())
    assert all(each.why.endswith(".") for each in sets)


UNIVERSE = '[universe]\nassets = ["IWM", "SPY"]\n\n'


def test_a_universe_is_that_of_the_sets_or_the_target_alone(tmp_path: Path) -> None:
    panel = load([write(tmp_path, HEAD + UNIVERSE + GOOD)])
    assert universe(panel, "IWM") == ("IWM", "SPY")
    plain = load([write(tmp_path, HEAD.replace("mine", "plain") + GOOD.replace("rsi_14", "other"), "plain")])
    assert universe((*plain, *panel), "QQQ") == ("IWM", "SPY")
    assert universe(plain, "QQQ") == ("QQQ",)


def test_two_sets_with_different_universes(tmp_path: Path) -> None:
    one = write(tmp_path, HEAD + UNIVERSE + GOOD)
    other = HEAD.replace("mine", "yours") + UNIVERSE.replace("SPY", "QQQ") + GOOD.replace("rsi_14", "other")
    message = r"features/yours.toml:5: got 'IWM, QQQ'; allowed: the same assets as the sets before it, IWM, SPY"
    with pytest.raises(DefinitionError, match=message):
        load([one, write(tmp_path, other, "yours")])


@pytest.mark.parametrize(
    ("assets", "message"),
    [
        ('["IWM", "IWM"]', r"mine.toml:5 \(universe.assets\): .*each asset once"),
        ('["iwm etf"]', r"mine.toml:5 \(universe.assets.0\): got 'iwm etf'"),
        ('"IWM"', r"mine.toml:5 \(universe.assets\): got 'IWM'"),
    ],
)
def test_a_universe_that_is_none(tmp_path: Path, assets: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        load([write(tmp_path, HEAD + f"[universe]\nassets = {assets}\n\n" + GOOD)])


def test_the_asset_is_no_macro_series(tmp_path: Path) -> None:
    body = factor(function='"last_known"', inputs='{ level = "$asset" }', params="")
    with pytest.raises(DefinitionError, match=r"mine.toml:13 \(second\): got \"level = '\$asset'\"; allowed: a series"):
        load([write(tmp_path, body)])


def test_the_asset_takes_its_place_among_the_inputs(tmp_path: Path) -> None:
    body = factor(function='"relative_strength"', inputs='{ asset = "$asset", benchmark = "SPY" }', params="")
    spec = load([write(tmp_path, body)])[0].factor[1]
    assert spec.inputs_for("QQQ") == {"asset": "QQQ", "benchmark": "SPY"}


def test_one_table_stands_for_a_factor_of_each_number(tmp_path: Path) -> None:
    (loaded,) = load([write(tmp_path, factor(params="{ }", each="{ window = [3, 5] }"))])
    assert [(each.name, each.params) for each in loaded.factor[1:]] == [
        ("second_3", {"window": 3}),
        ("second_4", {"window": 4}),
        ("second_5", {"window": 5}),
    ]


@pytest.mark.parametrize(
    ("each", "message"),
    [
        ("{ window = [5, 3] }", r"mine\.toml:\d+ \(factor\.1.*in order"),
        ("{ window = [1, 3] }", r"mine\.toml:\d+ \(second_1\).*window = 1.*from 2"),
        ("{ speed = [3, 5] }", r"mine\.toml:\d+ \(second_3\).*got 'speed'"),
        ("{ window = 3 }", r"mine\.toml:\d+ \(factor\.1\.each"),
    ],
)
def test_a_range_of_numbers_that_makes_no_sense_is_refused(tmp_path: Path, each: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        load([write(tmp_path, factor(params="{ }", each=each))])
