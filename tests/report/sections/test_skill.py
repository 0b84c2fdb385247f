"""The skill of the direction: what is a difference, what chance would show, and which years are whole."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from tests.report.sections.test_today import words

from bullbear.evaluate.summary import Part
from bullbear.report import ModelResult
from bullbear.report.section import Heading
from bullbear.report.sections.skill import p_value, skill_section


@pytest.fixture
def scored(model: ModelResult) -> ModelResult:
    years = (Part("2017", 250, 0.02, 0.01, 0.6, 0.6), Part("2018", 251, -1.5, -1.0, 0.4, 0.6),
             Part("2019", 100, 0.01, 0.01, 0.7, 0.6))  # fmt: skip
    evaluation = replace(
        model.evaluation, bss=0.0123, bss_low=-0.0047, bss_high=0.0312, auc=0.531, auc_low=0.48, auc_high=0.58,
        auc_null=0.452, ece=0.066, ece_null=0.058, ece_null_low=0.031, ece_null_high=0.091, n=1234, n_effective=58.6,
        dm_p_value=0.0004, cw_p_value=float("nan"), by_year=years,
    )  # fmt: skip
    return replace(model, evaluation=evaluation)


def test_the_numbers_stand_beside_those_of_chance(scored: ModelResult) -> None:
    text = words(skill_section([scored], None).blocks)
    for expected in (
        "Verdict: no difference from the base rate shown.",
        "Brier skill: +1.2 % (90 % interval -0.5 % to +3.1 %)",
        "AUC: 0.531 (0.452 by chance)",
        "Calibration error: 6.6 % (5.8 % by chance)",
        "days: 1,234, which hold as much as 59 independent ones",
        "calibration error by chance: 5.8 %, range 3.1 % to 9.1 %",
        "test of Diebold and Mariano: p below 0.001 (two-sided)",
        "test of Clark and West: p – (one-sided)",
    ):
        assert expected in text, expected
    assert "picked" not in text


def test_the_champion_is_marked_and_the_best_of_several_is_warned_of(scored: ModelResult) -> None:
    section = skill_section([scored, replace(scored, name="other", run_id="ffff")], "ffff")
    assert [each.text for each in section.blocks if isinstance(each, Heading)] == [
        "Model seeded", "Model other (champion)",
    ]  # fmt: skip
    assert "The best of 2 models looks better than it is" in words(section.blocks)
    assert [chart.id for chart in section.charts] == ["years-0", "years-1"]


def test_a_terrible_year_is_cut_and_written_and_a_part_of_a_year_is_pale(scored: ModelResult) -> None:
    (chart,) = skill_section([scored], None).charts
    (bars,) = chart.figure["data"]
    assert list(bars["y"]) == pytest.approx([2.0, -100.0, 1.0])
    assert bars["text"] == ["", "-150 %", ""]
    assert bars["marker"]["color"] == ["@bull", "@bear", "@bull/0.45"]
    band = chart.figure["layout"]["shapes"][0]
    assert (band["y0"], band["y1"]) == pytest.approx((-0.47, 3.12))
    unknown = replace(scored, evaluation=replace(scored.evaluation, bss_low=float("nan")))
    assert "shapes" not in skill_section([unknown], None).charts[0].figure["layout"]


def test_the_weights_of_a_pool_are_layers_with_the_newest_in_words(scored: ModelResult) -> None:
    fits = pd.DatetimeIndex(["2019-10-31", "2019-11-29"], tz="UTC")
    weights = pd.DataFrame({"line": [0.4, 0.5], "trees": [0.2, 0.15], "base rate": [0.4, 0.35]}, fits)
    _, layers = skill_section([replace(scored, weights=weights)], None).charts
    assert [trace["name"] for trace in layers.figure["data"]] == ["base rate", "line", "trees"]
    assert "newest: line 50 %, trees 15 %, base rate 35 %" in layers.caption
    assert len(skill_section([replace(scored, weights=weights.iloc[:0])], None).charts) == 1


def test_the_base_rate_has_no_bars(scored: ModelResult) -> None:
    same = tuple(replace(part, bss=0.0) for part in scored.evaluation.by_year)
    plain = skill_section([replace(scored, evaluation=replace(scored.evaluation, by_year=same))], None)
    assert plain.charts == ()
    assert "Brier skill: " not in words(plain.blocks)


def test_a_tiny_p_value_is_a_bound() -> None:
    assert (p_value(0.0), p_value(0.05)) == ("below 0.001", "0.050")
