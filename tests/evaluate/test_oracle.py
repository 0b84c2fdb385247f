"""The share of what was possible on markets whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from bullbear.errors import InputError
from bullbear.evaluate import share_of_oracle


def test_by_hand():
    # gains over 0.5: the forecast 0.25 - (0.09 0.16 0.25 0.36), the truth 0.25 - (0.04 0.04 0.49 0.16)
    y, p, truth = [1, 0, 1, 1] * 5, [0.7, 0.4, 0.5, 0.4] * 5, [0.8, 0.2, 0.3, 0.6] * 5
    got = share_of_oracle(y, p, truth, [0.5] * 20, horizon=1, resamples=50)
    assert got.realised == pytest.approx(0.14 / 0.27, rel=1e-12)
    assert got.share == pytest.approx(1 - (0.01 + 0.04 + 0.04 + 0.04) / (0.09 + 0.09 + 0.04 + 0.01), rel=1e-12)
    assert got.bss == pytest.approx(0.14 / 1.0, rel=1e-12)
    assert got.oracle_bss == pytest.approx(0.27 / 1.0, rel=1e-12)


def test_truth_has_all_and_climatology_nothing(market):
    made = market(3000, np.random.default_rng(3), 0.08)
    all_of_it = share_of_oracle(made.y, made.truth, made.truth, made.climatology, resamples=100)
    none = share_of_oracle(made.y, made.climatology, made.truth, made.climatology, resamples=100)
    assert (all_of_it.share, all_of_it.low, all_of_it.high) == pytest.approx((1, 1, 1))
    assert (none.share, none.low, none.high) == pytest.approx((0, 0, 0))


def test_labels_span_a_month_unless_it_is_said(market):
    made = market(500, np.random.default_rng(9), 0.08)
    seen = (made.y, np.clip(made.truth + 0.1 * made.y, 0, 1), made.truth, made.climatology)
    assert share_of_oracle(*seen, resamples=50) == share_of_oracle(*seen, horizon=21, resamples=50)
    assert share_of_oracle(*seen, resamples=50) != share_of_oracle(*seen, horizon=22, resamples=50)


def test_half_way_to_the_truth_has_three_quarters(market):
    # A forecast half way leaves a quarter of the squared distance.
    made = market(4000, np.random.default_rng(4), 0.08)
    half = share_of_oracle(made.y, (made.truth + made.climatology) / 2, made.truth, made.climatology, resamples=300)
    assert (half.share, half.low, half.high) == pytest.approx((0.75, 0.75, 0.75))


def test_the_interval_covers_the_share_of_a_long_market(market):
    # A forecast that sees the truth through a persistent blur, so that its share differs from span to span.
    rng, held, realised = np.random.default_rng(5), [], []

    def share(n):
        made, bogus = market(n, rng, 0.08), market(n, rng, 0.04)
        blurred = made.truth + 0.5 * (bogus.truth - bogus.climatology)
        return share_of_oracle(made.y, blurred, made.truth, made.climatology, resamples=300)

    long = np.mean([share(20_000).share for _ in range(8)])
    for _ in range(100):
        got = share(1500)
        held.append(got.low <= long <= got.high)
        realised.append(got.realised)
    assert np.mean(held) >= 0.75
    assert np.isnan(realised).any()  # the oracle itself loses to climatology in some spans of six years


def test_the_error_of_an_estimated_truth_is_taken_off(market):
    made = market(4000, np.random.default_rng(6), 0.08)
    half = (made.truth + made.climatology) / 2
    blurred = np.clip(made.truth + 0.08 * np.random.default_rng(7).standard_normal(4000), 0, 1)
    error = np.full(4000, 0.08)
    biased = share_of_oracle(made.y, half, blurred, made.climatology, resamples=100)
    corrected = share_of_oracle(made.y, half, blurred, made.climatology, truth_error=error, resamples=100)
    assert abs(corrected.share - 0.75) < 0.03 < abs(biased.share - 0.75)
    assert (biased.truth_error, corrected.truth_error) == (0.0, pytest.approx(0.08))


def test_where_nothing_was_possible_no_share_is_claimed(market):
    made = market(500, np.random.default_rng(5), 0.0)
    got = share_of_oracle(made.y, made.truth + 0.1, made.climatology, made.climatology, resamples=50)
    assert np.isnan([got.share, got.low, got.high, got.realised]).all()
    assert got.oracle_bss == 0


def test_refuses_missing_values():
    with pytest.raises(InputError, match=r"truth\[1\]: got nan"):
        share_of_oracle([1, 0], [0.5, 0.5], [0.5, np.nan], [0.5, 0.5])
