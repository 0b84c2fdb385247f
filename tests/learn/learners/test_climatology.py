from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bullbear.learn import TrainingSet
from bullbear.learn.learners.climatology import Climatology, ClimatologyModel


def test_it_says_nothing_whatever_it_has_seen(training: Callable[..., TrainingSet]) -> None:
    fitted = Climatology(kind="climatology").fit(training(50, 3))
    X = np.array([[1e9, np.nan, -3.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(fitted.signals(X), [[0.0], [0.0]])
    np.testing.assert_array_equal(fitted.contributions(X), np.zeros((2, 3)))
    assert fitted.state() == {"n_factors": 3}


@pytest.mark.parametrize("n_factors", [0, 2])
def test_it_is_restored(n_factors: int) -> None:
    assert Climatology(kind="climatology").restore({"n_factors": n_factors}) == ClimatologyModel(n_factors)
    assert ClimatologyModel(n_factors).contributions(np.empty((4, n_factors))).shape == (4, n_factors)
