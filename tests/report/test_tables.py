"""What the cells of the report say."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bullbear.evaluate.reliability import CalibrationBin
from bullbear.report import tables
from bullbear.report.tables import ModelResult


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


def test_calibration_rows(model: ModelResult) -> None:
    bins = (CalibrationBin(n=50, mean_p=0.4567, share_up=0.52, low=0.312, high=0.7189),)
    table = tables.calibration(replace(model.evaluation, calibration=bins))
    assert table.rows == (("45.7 %", "50", "52.0 %", "31.2 % to 71.9 %"),)
