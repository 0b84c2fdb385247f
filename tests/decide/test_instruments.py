from __future__ import annotations

import dataclasses

import pytest

from bullbear.decide.instruments import INSTRUMENTS, instrument
from bullbear.errors import InputError


@pytest.mark.parametrize(
    ("ticker", "multiple", "listed"),
    [
        ("IWM", 1, "2000-05-22"),
        ("TWM", -2, "2007-01-23"),
        ("RWM", -1, "2007-01-23"),
        ("SRTY", -3, "2010-02-09"),
        ("UWM", 2, "2007-01-23"),
        ("TNA", 3, "2008-11-05"),
        ("TZA", -3, "2008-11-05"),
        ("URTY", 3, "2010-02-09"),
        ("BIL", 0, "2007-05-25"),
        ("CASH", 0, "1900-01-01"),
    ],
)
def test_every_fund_has_its_exposure_and_its_birthday(ticker, multiple, listed):
    fund = instrument(ticker)
    assert (fund.multiple, str(fund.inception)) == (multiple, listed)


def test_costs_are_small_fractions_and_geared_funds_charge_about_one_per_cent():
    for fund in INSTRUMENTS.values():
        assert 0 <= fund.half_spread_bp <= 10
        assert fund.commission == 0
        assert 0 <= fund.expense_ratio < 0.011
        if abs(fund.multiple) > 1:
            assert fund.expense_ratio > 0.009


def test_a_fund_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        instrument("IWM").multiple = 5.0


def test_an_unknown_fund_is_refused_with_the_list():
    with pytest.raises(InputError, match=r"instrument: got 'QQQ'; allowed: IWM, UWM"):
        instrument("QQQ")
