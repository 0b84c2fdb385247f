"""What a check says: its verdict, the first leak and how many more there are."""

from __future__ import annotations

import math

import pytest

from bullbear.audit.result import SHOWN, CheckResult, Leak

LEAKS = [Leak(f"factor_{place}", "2019-03-04", math.nan, f"factor_{place} knew the future") for place in range(30)]


@pytest.mark.parametrize(
    ("count", "verdict", "sentence"),
    [
        (0, "passed", "nothing moved"),
        (1, "failed", "it looks ahead: factor_0 knew the future"),
        (30, "failed", "it looks ahead: factor_0 knew the future (and 29 more)"),
    ],
)
def test_leaks_make_the_verdict(count: int, verdict: str, sentence: str) -> None:
    found = CheckResult.of("truncation", LEAKS[:count], "nothing moved", "it looks ahead", rows=3)
    assert (found.verdict, found.sentence, found.has_failed) == (verdict, sentence, count > 0)
    assert len(found.leaks) == min(count, SHOWN)
    document = found.as_dict()
    assert document["figures"] == {"rows": 3}
    assert all(each["size"] is None for each in document["leaks"])  # JSON knows no NaN


def test_what_does_not_apply_has_not_failed() -> None:
    found = CheckResult.not_applicable("noise", "the model reads no factor")
    assert not found.has_failed
    assert found.as_dict()["verdict"] == "not applicable"
