from __future__ import annotations

import pytest
from pydantic import ValidationError

from bullbear.decide.instruments import Cash, Fund, packaged_instruments, read_instruments
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policy import load_policy
from bullbear.definitions import Source
from bullbear.errors import DefinitionError
from bullbear.home import Home

FUNDS = packaged_instruments()
PSQ = """
[[instrument]]
ticker = "PSQ"
name = "ProShares Short QQQ"
multiple = -1.0
expense_ratio = 0.0095
inception = "2006-06-19"
half_spread_bp = 2.0
"""


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
    ],
)
def test_every_fund_has_its_exposure_and_its_birthday(ticker, multiple, listed):
    fund = FUNDS[ticker]
    assert (fund.multiple, fund.inception) == (multiple, listed)
    assert fund.expiry is None
    assert fund.margin(1.0) == 0.0


def test_costs_are_small_fractions_and_geared_funds_charge_about_one_per_cent():
    for fund in FUNDS.values():
        assert 0 <= fund.half_spread_bp <= 10
        assert fund.commission == fund.slippage_bp == 0
        assert 0 <= fund.expense_ratio < 0.011
        if abs(fund.multiple) > 1:
            assert fund.expense_ratio > 0.009


def test_what_a_trade_costs():
    fund = Fund(ticker="X", inception="2010-01-04", half_spread_bp=1.0, slippage_bp=2.0, commission=0.001)
    assert fund.cost(0.5, None, 0) == (1.0 + 2.0) / 10_000 + 0.001


def test_a_fund_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        FUNDS["IWM"].multiple = 5.0


def test_cash_is_its_own_price():
    assert (Cash().ticker, Cash().multiple, Cash().mark(None, 0, "open"), Cash().priced_by) == ("CASH", 0.0, 1.0, ())


@pytest.mark.parametrize(
    ("leg", "multiple", "sign"),
    [("bear", "2.0", "negative"), ("bull", "-1.0", "positive"), ("bear", "0.0", "negative")],
)
def test_a_multiple_of_the_wrong_sign_is_shown_where_it_is_defined_and_where_it_is_used(tmp_path, leg, multiple, sign):
    (tmp_path / "models").mkdir()
    text = PSQ + PSQ.replace("PSQ", "DOWN").replace("-1.0", multiple)
    (tmp_path / "models" / "instruments.toml").write_text(text)
    policy = f'name = "mine"\nintent = "A leg of the wrong sign."\n[policy]\n{leg}_instrument = "DOWN"\n'
    (tmp_path / "models" / "mine.toml").write_text(policy + '[learner]\nkind = "climatology"\n')
    message = (
        rf"^models/mine\.toml:4 \(policy\.{leg}_instrument\): got 'DOWN'; allowed: an instrument with a {sign} "
        rf"multiple: .*\(that of DOWN is {float(multiple):g}, models/instruments\.toml:13\); correct the file$"
    )
    with pytest.raises(DefinitionError, match=message):
        Home(tmp_path).model("mine")


def test_a_home_adds_an_instrument_and_replaces_one(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "instruments.toml").write_text(PSQ + PSQ.replace("PSQ", "TWM"))
    found = Home(tmp_path).instruments()
    assert set(found) == {*FUNDS, "PSQ"}
    assert (found["PSQ"].half_spread_bp, found["TWM"].name) == (2.0, "ProShares Short QQQ".replace("PSQ", "TWM"))
    policy = load_policy({"bear_instrument": "PSQ"}, Source.nowhere("policy"), found)
    assert policy.bear_instrument == found["PSQ"]
    assert policy.needs.funds == ("IWM", "PSQ")
    # The policy carries it: what was dumped needs no table.
    assert load_policy(policy.model_dump(mode="json")) == policy
    with pytest.raises(DefinitionError, match=r"bear_instrument\): got 'PSQ'; allowed: .*one of IWM, UWM"):
        load_policy({"bear_instrument": "PSQ"})
    with pytest.raises(DefinitionError, match=r"negative multiple: RWM, TWM, TZA, SRTY, PSQ \(that of IWM is 1, "):
        load_policy({"bear_instrument": "IWM"}, Source.nowhere("policy"), found)
    assert BandPolicy().bear_instrument == FUNDS["TWM"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PSQ + PSQ,
            r"models/instruments\.toml:11 \(instrument\.1\.ticker\): got 'PSQ'; allowed: a ticker that no other",
        ),
        (PSQ.replace("PSQ", "CASH"), r"instruments\.toml:3 \(instrument\.0\.ticker\): got 'CASH'"),
        (PSQ.replace("= 2.0", "= -2.0"), r"instruments\.toml:8 \(instrument\.0\.half_spread_bp\): got -2\.0"),
        (
            PSQ.replace("2006-06-19", "2006-06-31"),
            r"instruments\.toml:7 \(instrument\.0\.inception\): got '2006-06-31'",
        ),
        (
            PSQ.replace("multiple", "leverage"),
            r"instruments\.toml:5 \(instrument\.0\.leverage\): got 'leverage'; allowed: one",
        ),
        (PSQ + 'kind = "swap"', r"instruments\.toml:9 \(instrument\.0\.kind\): got 'swap'; allowed: cash or fund"),
        ("", r"instruments\.toml:1 \(instrument\): missing"),
    ],
)
def test_a_file_without_sense_is_refused(tmp_path, text, message):
    path = tmp_path / "models" / "instruments.toml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(DefinitionError, match=message):
        read_instruments(path)
