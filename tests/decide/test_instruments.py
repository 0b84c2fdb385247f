from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bullbear.decide.instruments import Cash, Fund, packaged_instruments, read_instruments
from bullbear.decide.market import Bars, Market
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policy import load_policy
from bullbear.definitions import Source
from bullbear.errors import DefinitionError
from bullbear.home import Home
from bullbear.sessions import between

FUNDS = packaged_instruments()
NAN = math.nan
PSQ = """
[[instrument]]
ticker = "PSQ"
name = "ProShares Short QQQ"
multiple = -1.0
expense_ratio = 0.0095
inception = "2006-06-19"
half_spread_bp = 2.0
"""
MINE = PSQ.replace("PSQ", "MINE")


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
        ("PSQ", -1, "2006-06-19"),
        ("QID", -2, "2006-07-11"),
        ("SDS", -2, "2006-07-11"),
        ("SH", -1, "2006-06-19"),
        ("NVDS", -1.5, "2022-07-13"),
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
        assert 0 < fund.impact_bp <= 300
        assert fund.account_size == 100_000
        assert 0 <= fund.expense_ratio < 0.012
        if abs(fund.multiple) > 1:
            assert fund.expense_ratio > 0.009


def test_what_a_trade_costs():
    fund = Fund(ticker="X", inception="2010-01-04", half_spread_bp=1.0, slippage_bp=2.0, commission=0.001)
    assert fund.cost(0.5, None, 0) == (1.0 + 2.0) / 10_000 + 0.001


VOLUMES = [*[NAN] * 2, *[4e6] * 10, *[1e6] * 11, 9e9]


def priced(volumes: list[float]) -> Market:
    ones = [1.0] * len(volumes)
    bars = Bars(ones, ones, ones, ones, ones, ones, ones, volumes)
    return Market("X", between("2019-01-02", "2019-12-31")[: len(volumes)], ones, {"X": bars}, ones)


@pytest.mark.parametrize(
    ("row", "volume"),
    [
        (0, NAN),
        (2, NAN),  # nothing known before the first volume
        (3, 4e6),
        (22, 2.5e6),  # ten of each kind: the middle of the two
        (23, 1e6),  # the session's own volume is not known at its open, nor the last outlier the usual one
    ],
)
def test_the_impact_of_an_order_grows_with_the_root_of_its_share_of_the_usual_volume(row, volume):
    fund = Fund(ticker="X", inception="2010-01-04", half_spread_bp=2.0, impact_bp=100.0, account_size=50_000)
    market = priced(VOLUMES)
    assert market.usual_volume("X", row) == pytest.approx(volume, nan_ok=True)
    impact = 0.0 if volume != volume else 0.01 * (0.5 * 50_000 / volume) ** 0.5
    for value in (0.5, -0.5):
        assert fund.cost(value, market, row) == pytest.approx(0.0002 + impact, rel=1e-14)
    base, law = fund.cost_law(market, row)
    assert base + law * 0.5**0.5 == fund.cost(0.5, market, row)
    assert fund.cost(0.0, market, row) == 0.0002


@given(st.floats(1e-6, 5.0), st.floats(1.0, 4.0), st.floats(1e3, 1e12))
def test_a_larger_order_costs_more_a_dollar_and_a_larger_market_less(value, times, volume):
    fund = Fund(ticker="X", inception="2010-01-04", half_spread_bp=2.0, impact_bp=100.0)
    small, large = (fund.cost(each, priced([volume] * 2), 1) for each in (value, value * times))
    assert 0.0002 < small <= large * (1 + 1e-12)
    assert fund.cost(value, priced([volume * times] * 2), 1) <= small * (1 + 1e-12)
    # Root law: four times the order, twice the impact.
    assert fund.cost(4 * value, priced([volume] * 2), 1) - 0.0002 == pytest.approx(2 * (small - 0.0002), rel=1e-6)


def test_what_was_never_traded_costs_the_base_alone():
    fund = Fund(ticker="Y", inception="2010-01-04", half_spread_bp=2.0, impact_bp=100.0)
    assert fund.cost(1.0, priced(VOLUMES), 20) == 0.0002


def test_a_file_says_how_large_the_account_is(tmp_path):
    path = tmp_path / "instruments.toml"
    path.write_text("account_size = 2_500_000\n" + PSQ + PSQ.replace("PSQ", "OWN") + "account_size = 10_000\n")
    found = read_instruments({path: None})
    assert (found["PSQ"].account_size, found["OWN"].account_size) == (2_500_000, 10_000)
    path.write_text("account_size = 0\n" + PSQ)
    with pytest.raises(DefinitionError, match=r"instruments\.toml:1 \(account_size\): got 0"):
        read_instruments({path: None})


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
    (tmp_path / "models" / "instruments.toml").write_text(MINE + MINE.replace("MINE", "TWM"))
    found = Home(tmp_path).instruments()
    assert set(found) == {*FUNDS, "MINE"}
    assert (found["MINE"].half_spread_bp, found["TWM"].name) == (2.0, "ProShares Short QQQ")
    policy = load_policy({"bear_instrument": "MINE"}, Source.nowhere("policy"), found)
    assert policy.bear_instrument == found["MINE"]
    assert policy.needs.funds == ("IWM", "MINE")
    # The policy carries it: what was dumped needs no table.
    assert load_policy(policy.model_dump(mode="json")) == policy
    with pytest.raises(DefinitionError, match=r"bear_instrument\): got 'MINE'; allowed: .*one of IWM, UWM"):
        load_policy({"bear_instrument": "MINE"})
    with pytest.raises(
        DefinitionError, match=r"negative multiple: RWM, TWM, TZA, SRTY, .*NVDS, MINE \(that of IWM is 1, "
    ):
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
        (
            PSQ + 'kind = "swap"',
            r"instruments\.toml:9 \(instrument\.0\.kind\): got 'swap'; allowed: call_spread or cash or fund",
        ),
        ("", r"instruments\.toml:1 \(instrument\): missing"),
    ],
)
def test_a_file_without_sense_is_refused(tmp_path, text, message):
    path = tmp_path / "models" / "instruments.toml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(DefinitionError, match=message):
        read_instruments({path: None})
