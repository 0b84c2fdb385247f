"""What the cells of the report say."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bullbear.evaluate.reliability import CalibrationBin
from bullbear.report import tables
from bullbear.report.tables import ModelResult


@pytest.mark.parametrize(
    ("value", "text"), [(0.61234, "61.2%"), (-0.0049, "-0.5%"), (None, "–"), (float("nan"), "–"), (float("inf"), "–")]
)
def test_percent(value: float | None, text: str) -> None:
    assert tables.percent(value) == text


def test_number_groups_thousands_and_shows_unknown_as_a_dash() -> None:
    assert (tables.number(1234.567), tables.number(float("nan")), tables.number(None)) == ("1,234.57", "–", "–")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2019-12-31T16:00:00-05:00", "2019-12-31 21:00 UTC"),
        (pd.Timestamp("2019-12-31 21:00", tz="UTC"), "2019-12-31 21:00 UTC"),
        ("2019-12-31", "2019-12-31"),
        (None, "–"),
        ("<b>soon</b>", "<b>soon</b>"),
    ],
)
def test_instant(value: object, text: str) -> None:
    assert tables.instant(value) == text


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.001, 0.03, "better than the base rate"),
        (-0.03, -0.001, "worse than the base rate"),
        (-0.01, 0.03, "no difference from the base rate shown"),
        (0.0, 0.03, "no difference from the base rate shown"),
        (float("nan"), float("nan"), "no difference from the base rate shown"),
    ],
)
def test_verdict_needs_an_interval_that_leaves_out_zero(
    model: ModelResult, low: float, high: float, words: str
) -> None:
    assert tables.verdict(replace(model.evaluation, bss_low=low, bss_high=high)) == words


def test_skill_ends_with_climatology_and_marks_the_champion(model: ModelResult) -> None:
    scored = replace(
        model.evaluation, bss=0.0123, bss_low=-0.0047, bss_high=0.0312, auc=0.531, auc_low=0.48, auc_high=0.58,
        auc_null=0.452, auc_null_low=0.41, auc_null_high=0.5,
    )  # fmt: skip
    one, two = replace(model, evaluation=scored), replace(model, name="other", run_id="ffff", evaluation=scored)
    rows = tables.skill([one, two], champion="ffff").rows
    assert [row[0] for row in rows] == ["seeded", "other (champion)", "base rate"]
    assert rows[0][1:3] == ("no difference from the base rate shown", "+1.2% [-0.5%, +3.1%]")
    assert rows[0][4:] == ("0.531 [0.480, 0.580]", "0.452 [0.410, 0.500]")


def test_evidence_shows_a_tiny_p_value_as_a_bound(model: ModelResult) -> None:
    scored = replace(model.evaluation, n=1234, n_effective=58.6, dm_p_value=0.0004, cw_p_value=float("nan"))
    (row,) = tables.evidence([replace(model, evaluation=scored)], champion=None).rows
    assert row[3:5] == ("1,234", "59")
    assert row[-2:] == ("<0.001", "–")


def test_evidence_puts_the_calibration_error_beside_that_of_true_probabilities(model: ModelResult) -> None:
    scored = replace(model.evaluation, ece=0.066, ece_null=0.058, ece_null_low=0.031, ece_null_high=0.091)
    (row,) = tables.evidence([replace(model, evaluation=scored)], champion=None).rows
    assert row[7:9] == ("6.6%", "5.8% [3.1%, 9.1%]")


def test_calibration_rows(model: ModelResult) -> None:
    bins = (CalibrationBin(n=50, mean_p=0.4567, share_up=0.52, low=0.312, high=0.7189),)
    table = tables.calibration(replace(model.evaluation, calibration=bins))
    assert table.rows == (("45.7%", "50", "52.0%", "31.2% to 71.9%"),)


def test_a_stop_and_a_re_entry_level_are_named_apart(forecast: dict[str, object]) -> None:
    forecast["reentries"] = [{"ticker": "TWM", "level": 40.5, "atr": 1.25, "multiple": 3.0, "side": "reentry"}]
    assert [row[:3] for row in tables.stops(forecast).rows] == [
        ("IWM", "stop", "159.37"),
        ("TWM", "re-entry", "40.50"),
    ]
    assert tables.stops(forecast).caption == "Stops and re-entry levels, checked at closes"
    resting = [{**forecast["stops"][0], "resting": True}]
    ordered = tables.stops({**forecast, "stops": resting})
    assert [row[1] for row in ordered.rows] == ["stop order", "re-entry"]
    assert ordered.caption.endswith("checked at closes but for stop orders")
    # An entry of an earlier version has both sides under `stops`.
    forecast["stops"] = [forecast["reentries"].pop()]
    assert [row[:3] for row in tables.stops(forecast).rows] == [("TWM", "re-entry", "40.50")]
    del forecast["reentries"]
    assert [row[1] for row in tables.stops(forecast).rows] == ["re-entry"]
