"""Blended scores by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bullbear.definitions.picker import Blend
from bullbear.picking.blend import blended, contributions

NAN = float("nan")
RULE = Blend(name="mix", kind="blend", why="Two parts, one of them reversed.", weights={"good": 3.0, "bad": -1.0})


def test_weights_are_shares_and_signs() -> None:
    ranked = {"good": np.array([[1.0, 0.5, 0.0]]), "bad": np.array([[1.0, 0.0, 0.0]])}
    # 0.75 * 1 - 0.25 * 1; 0.75 * 0 - 0.25 * -1; 0.75 * -1 - 0.25 * -1.
    assert blended(RULE, ranked)[0].tolist() == pytest.approx([0.5, 0.25, -0.5])
    assert contributions(RULE, ranked)["bad"][0].tolist() == pytest.approx([-0.25, 0.25, 0.25])


def test_a_missing_part_gives_its_weight_to_the_rest_if_that_is_half() -> None:
    ranked = {"good": np.array([[0.75, NAN, NAN]]), "bad": np.array([[NAN, 0.25, NAN]])}
    assert blended(RULE, ranked)[0].tolist() == pytest.approx([0.5, NAN, NAN], nan_ok=True)
