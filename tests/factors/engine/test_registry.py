"""The registry: what a factor must declare, and what it derives from that."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from tests.factors.together import over

import bullbear.factors  # noqa: F401 (registers)
from bullbear.factors.engine.parameter_groups import within
from bullbear.factors.engine.parameters import SHARED
from bullbear.factors.engine.registry import (
    Array,
    Bars,
    Releases,
    ShortInterest,
    ShortVolume,
    kind_of,
    registered,
)


def test_a_factor_carries_what_it_declares(register: Any) -> None:
    @register(
        family="technical",
        inputs={"bars": "bars", "rate": "level"},
        unit="ratio",
        lookback=lambda *, window, skip: window + skip,
        bounds=(0, 1),
        limits={"window": (2, 10)},
    )
    def toy(bars: Bars, rate: Array, *, window: int, skip: int = 3) -> Array:
        """Says what it is
        in one sentence.

        Then more.
        """
        return bars.close * rate * window * skip

    found = registered()["toy"]
    assert (found.name, found.family, found.unit, found.bounds) == ("toy", "technical", "ratio", (0, 1))
    assert dict(found.inputs) == {"bars": "bars", "rate": "level"}
    assert found.parameters == {"window": inspect.Parameter.empty, "skip": 3}
    assert found.limits == {"window": (2, 10)}
    assert not found.is_windowed({"window": 5})
    assert found.summary == "Says what it is in one sentence."
    assert found.complete({"window": 5}) == {"window": 5, "skip": 3}
    assert found.rows_needed({"window": 5}) == 8
    assert found.rows_needed({"window": 5, "skip": 0}) == 5
    assert found.function is toy


def test_what_a_factor_leaves_out_is_derived(register: Any) -> None:
    @register(unit="ratio", windowed=lambda window: window > 20)
    def toy(bars: Bars, rate: Array, *, window: int = 20, cap: float = 3.0, pace: int = 2) -> Array:
        """One sentence.

        Parameters
        ----------
        rate
            A rate of
            interest.
        pace, cap
            Of this factor.

        Example
        -------
        >>> 1
        1
        """
        return bars.close * rate

    found = registered()["toy"]
    assert found.family == "engine"  # the folder of this file
    assert dict(found.inputs) == {"bars": "bars", "rate": "level"}
    assert found.limits == {"window": (2, 2520), "cap": (1, 1260)}
    assert found.rows_needed({}) == 20
    assert found.rows_needed({"window": 7}) == 7
    assert [found.is_windowed({"window": rows}) for rows in (20, 21)] == [False, True]
    assert found.describe("rate") == "A rate of interest."
    assert found.describe("cap") == found.describe("pace") == "Of this factor."
    assert found.describe("window") == SHARED["window"].text
    assert found.describe("bars") == SHARED["bars"].text

    @register(unit="ratio", lookback=3)
    def toy_of_three_rows(bars: Bars) -> Array:
        return bars.close

    assert registered()["toy_of_three_rows"].rows_needed({}) == 3
    assert not registered()["toy_of_three_rows"].is_windowed({})

    @register(unit="ratio")
    def toy_of_one_row(bars: Bars) -> Array:
        return bars.close

    assert registered()["toy_of_one_row"].rows_needed({}) == 1


def test_a_look_back_sees_the_parameters_that_it_names(register: Any) -> None:
    @register(unit="x", lookback=lambda slow: 2 * slow)
    def toy(bars: Bars, *, fast: int = 2, slow: int = 5) -> Array:
        return bars.close

    assert registered()["toy"].rows_needed({"fast": 3}) == 10


def test_a_module_registers_a_kind_of_input_of_its_own(register: Any) -> None:
    with pytest.raises(TypeError, match=r"toy: \['invented'\] are no kinds of input; allowed: bars, releases, level"):

        @register(inputs={"rate": "invented"}, unit="x")
        def toy(rate: Array) -> Array:
            return rate

    assert kind_of("half_year_change").stored == "observations"  # macro.releases registers it


def test_annotations_that_are_evaluated(register: Any) -> None:
    def toy(bars, rate):  # type: ignore[no-untyped-def]
        return bars.close

    toy.__annotations__ = {"bars": Bars, "rate": Array}
    register(unit="x")(toy)
    assert dict(registered()["toy"].inputs) == {"bars": "bars", "rate": "level"}


@over("name", sorted(registered()))
def test_every_parameter_and_input_is_described(name: str) -> None:
    one = registered()[name]
    assert [each for each in (*one.parameters, *one.inputs) if not one.describe(each)] == []


@dataclass(frozen=True)
class Speed:
    fast: int = within(12, 2, 100)
    share: float = 0.5


def registered_pace(register: Any) -> Any:
    @register(
        family="technical",
        inputs={"bars": "bars"},
        unit="x",
        lookback=lambda *, side, speed, window: window + speed.fast + (side == "low"),
        limits={"window": (2, 10)},
        choices={"side": ("high", "low")},
    )
    def toy(bars: Bars, *, side: str = "high", speed: Speed = Speed(share=0.25), window: int) -> Array:
        return np.full(len(bars.close), speed.fast * speed.share + window)

    return registered()["toy"]


def test_a_group_is_ordinary_parameters_to_a_definition_and_one_argument_to_the_function(register: Any) -> None:
    found = registered_pace(register)
    assert found.parameters == {"side": "high", "fast": 12, "share": 0.25, "window": inspect.Parameter.empty}
    assert found.limits == {"fast": (2, 100), "window": (2, 10)}
    assert found.choices == {"side": ("high", "low")}
    assert found.complete({"window": 5}) == {"side": "high", "speed": Speed(12, 0.25), "window": 5}
    asked = {"window": 5, "fast": 7, "side": "low"}
    assert found.complete(asked) == {"side": "low", "speed": Speed(7, 0.25), "window": 5}
    assert found.complete(found.complete(asked)) == found.complete(asked)
    assert found.rows_needed(asked) == found.rows_needed(found.complete(asked)) == 13
    assert found.rows_needed({"window": 5}) == 17
    assert asked == {"window": 5, "fast": 7, "side": "low"}


def test_what_is_kept_of_a_factor_is_neither_shared_nor_mixed_up(register: Any) -> None:
    found = registered_pace(register)
    first = found.complete({"window": 5, "fast": 7})
    first["speed"] = first["window"] = None
    assert found.complete({"window": 5, "fast": 7}) == {"side": "high", "speed": Speed(7, 0.25), "window": 5}
    whole, fraction = (found.complete({"window": 5, "share": share})["speed"].share for share in (1, 1.0))
    assert (type(whole), type(fraction)) == (int, float)
    assert found.rows_needed({"window": 5, "fast": 7}) == 12

    @register(family="technical", inputs={"bars": "bars"}, unit="x", lookback=lambda *, window, fast: 1)
    def toy(bars: Bars, *, window: int, fast: int) -> Array:
        return bars.close

    assert registered()["toy"].rows_needed({"window": 5, "fast": 7}) == 1


def test_two_parameters_of_one_name(register: Any) -> None:
    with pytest.raises(TypeError, match=r"factor toy: two parameters of one name \['share'\]"):

        @register(family="technical", inputs={"bars": "bars"}, unit="x", lookback=lambda **_: 1)
        def toy(bars: Bars, *, speed: Speed = Speed(), share: float = 1.0) -> Array:
            return bars.close


def test_a_group_that_could_change(register: Any) -> None:
    @dataclass
    class Loose:
        fast: int = 1

    with pytest.raises(TypeError, match=r"factor toy: the group Loose is not frozen"):

        @register(family="technical", inputs={"bars": "bars"}, unit="x", lookback=lambda **_: 1)
        def toy(bars: Bars, *, loose: Loose = Loose()) -> Array:  # noqa: B008
            return bars.close


def test_choices_of_what_is_no_parameter(register: Any) -> None:
    with pytest.raises(TypeError, match=r"factor toy: choices of unknown parameters \['sied'\]"):

        @register(
            family="technical", inputs={"bars": "bars"}, unit="x", lookback=lambda **_: 1, choices={"sied": ("high",)}
        )
        def toy(bars: Bars, *, side: str = "high") -> Array:
            return bars.close


def test_annotations_say_what_the_inputs_are(register: Any) -> None:
    @register(family="sectors", unit="x", lookback=lambda: 1)
    def toy(bars: Bars, rate: Array, short: ShortInterest, volume: ShortVolume) -> Array:
        return bars.close

    assert registered()["toy"].inputs == {
        "bars": "bars", "rate": "level", "short": "short_interest", "volume": "short_volume",
    }  # fmt: skip

    @register(family="macro", unit="x", lookback=lambda: 1)
    def toy_releases(claims: Releases) -> Array:
        return claims.value

    assert registered()["toy_releases"].inputs == {"claims": "releases"}
    with pytest.raises(TypeError, match=r"factor toy: neither inputs nor annotations say what \['x', 'rest'\] are"):

        @register(family="macro", unit="x", lookback=lambda: 1)
        def toy(bars: Bars, x: float, *rest: Bars) -> Array:
            return bars.close


def test_a_function_may_take_the_rest_of_its_inputs_as_they_come(register: Any) -> None:
    @register(family="sectors", inputs=dict.fromkeys(("asset", "s1", "s2"), "bars"), unit="x", lookback=lambda: 1)
    def toy(asset: Bars, *sectors: Bars) -> Array:
        return asset.close - sectors[0].close

    assert list(registered()["toy"].inputs) == ["asset", "s1", "s2"]
    with pytest.raises(TypeError, match=r"factor toy: arguments \['fund'\] are not the inputs \['asset', 's1'\]"):

        @register(family="sectors", inputs=dict.fromkeys(("asset", "s1"), "bars"), unit="x", lookback=lambda: 1)
        def toy(fund: Bars, *sectors: Bars) -> Array:
            return fund.close


def test_arguments_must_be_the_inputs_in_their_order(register: Any) -> None:
    with pytest.raises(TypeError, match=r"factor toy: arguments \['bars'\] are not the inputs \['bars', 'rate'\]"):

        @register(family="technical", inputs={"bars": "bars", "rate": "level"}, unit="x", lookback=lambda: 1)
        def toy(bars: Bars) -> Array:
            return bars.close


def test_limits_of_what_is_no_parameter(register: Any) -> None:
    with pytest.raises(TypeError, match=r"factor toy: limits of unknown parameters \['windw'\]"):

        @register(
            family="technical",
            inputs={"bars": "bars"},
            unit="x",
            lookback=lambda *, window: 1,
            limits={"windw": (1, 2)},
        )
        def toy(bars: Bars, *, window: int = 2) -> Array:
            return bars.close


def test_releases_stand_alone(register: Any) -> None:
    with pytest.raises(TypeError, match=r"factor toy: releases cannot be combined with other inputs"):

        @register(family="macro", inputs={"one": "releases", "rate": "level"}, unit="x", lookback=lambda: 1)
        def toy(one: Releases, rate: Array) -> Array:
            return one.value


def test_a_name_is_taken_once(register: Any) -> None:
    def rsi(bars: Bars) -> Array:
        return bars.close

    with pytest.raises(TypeError, match=r"the factor .rsi. is already registered by factors/technical/oscillators.py"):
        register(family="technical", inputs={"bars": "bars"}, unit="x", lookback=lambda: 1)(rsi)


def test_the_table_handed_out_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="does not support item"):
        registered()["invented"] = next(iter(registered().values()))  # type: ignore[index]


@over("name", sorted(registered()))
def test_every_factor_is_fully_declared(name: str) -> None:
    one = registered()[name]
    assert one.unit.strip()
    assert one.summary.endswith("."), one.summary
    assert one.inputs
    if one.bounds is not None:
        assert one.bounds[0] < one.bounds[1]
    for parameter, (low, high) in one.limits.items():
        default = one.parameters[parameter]
        assert low < high
        assert default is inspect.Parameter.empty or low <= default <= high
    for parameter, allowed in one.choices.items():
        assert len(set(allowed)) > 1
        assert one.parameters[parameter] in allowed
    if all(default is not inspect.Parameter.empty for default in one.parameters.values()):
        assert one.rows_needed({}) >= 1
