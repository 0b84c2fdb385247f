"""Reasons stand under the first change that has them."""

from __future__ import annotations

from typing import Any

from bullbear.forecasting.card.change_lines import change_lines


def _cause(family: str, factor: str | None, sentence: str) -> dict[str, Any]:
    return {"family": family, "factor": factor, "sentence": sentence}


def test_the_same_families_are_told_once() -> None:
    why = [_cause("volatility", None, "volatility did most"), _cause("volatility", "vix", "VIX fell to 13.8")]
    other = [_cause("macro", None, "macro did most"), _cause("macro", "curve", "the curve rose")]
    lines = [
        {"sentence": "the chance of a dip fell", "why": why},
        {"sentence": "the chance of a rally fell", "why": why},
        {"sentence": "the regime turned", "why": []},
        {"sentence": "the chance of a rise rose", "why": other},
    ]
    assert change_lines({"lines": lines}) == [
        ("The chance of a dip fell.", ["Volatility did most: VIX fell to 13.8."]),
        ("The chance of a rally fell.", []),
        ("The regime turned.", []),
        ("The chance of a rise rose.", ["Macro did most: the curve rose."]),
    ]
