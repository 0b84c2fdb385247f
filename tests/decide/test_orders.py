"""From target weights to whole shares: sales first, never more than the cash, and each left-out trade said."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.decide.orders import Order, OrderList, RestingStop, order_list
from bullbear.decide.positions_file import Position
from bullbear.errors import InputError

PRICES = {"IWM": 160.0, "TWM": 50.0, "UWM": 40.0}
FREE = dict.fromkeys(PRICES, 0.0)


def made(held: dict[str, float], targets: dict[str, float], **given) -> OrderList:
    positions = {t: Position(t, shares) for t, shares in held.items()}
    return order_list(positions, targets, PRICES, **{"equity": 10_000.0, "costs": FREE, **given})


def brief(orders: OrderList) -> list[tuple[str, str, int, float]]:
    return [(each.action, each.ticker, each.shares, each.shares_after) for each in orders.orders]


def test_sales_come_first_and_what_has_no_target_is_sold():
    orders = made({"UWM": 100.0, "IWM": 10.0}, {"IWM": 0.6, "TWM": 0.3})
    assert brief(orders) == [("sell", "UWM", 100, 0.0), ("buy", "IWM", 27, 37.0), ("buy", "TWM", 60, 60.0)]
    assert orders.orders[1] == Order("open", "buy", "IWM", 27, 160.0, 4320.0, 10.0, 37.0, 0.6)
    assert (orders.cash_before, orders.cash_after, orders.cost) == (4400.0, 1080.0, 0.0)


def test_a_purchase_rounds_down_and_a_sale_up():
    assert brief(made({"IWM": 10.0}, {"IWM": 0.5})) == [("buy", "IWM", 21, 31.0)]  # 31.25 are wanted
    assert brief(made({"IWM": 40.0}, {"IWM": 0.5})) == [("sell", "IWM", 9, 31.0)]
    assert brief(made({"IWM": 31.0}, {"IWM": 0.4960})) == []  # exactly 31


def test_costs_are_paid_from_the_equity_before_weights_are_met():
    orders = made({}, {"IWM": 1.0}, costs={"IWM": 0.01})
    assert brief(orders) == [("buy", "IWM", 61, 61.0)]  # 62 would cost 9,920 and 99.20
    assert orders.cost == pytest.approx(97.6)
    assert orders.cash_after == pytest.approx(10_000 - 9760 - 97.6)


def test_a_small_trade_is_left_out_and_said_but_not_a_whole_sale():
    orders = made({"IWM": 31.0, "TWM": 0.0, "UWM": 1.0}, {"IWM": 0.51}, least_trade=200.0)
    assert brief(orders) == [("sell", "UWM", 1, 0.0)]
    assert orders.notes == ()
    orders = made({"IWM": 30.0}, {"IWM": 0.5}, least_trade=200.0)
    assert (brief(orders), orders.notes) == ([], ("IWM: 160 USD to buy is less than the least trade of 200 USD",))
    assert brief(made({"IWM": 30.0}, {"IWM": 0.5})) == [("buy", "IWM", 1, 31.0)]  # 0.5 % of 10,000 is 50


def test_a_purchase_gives_way_where_a_small_sale_was_left_out():
    orders = made({"IWM": 60.0}, {"IWM": 0.9, "TWM": 0.1}, least_trade=700.0)
    # IWM would sell 4 shares for 640; without them there are 400 of cash for 20 shares of TWM.
    assert brief(orders) == [("buy", "TWM", 8, 8.0)]
    assert orders.cash_after == 0.0


def test_fractions_of_a_share_stay_and_are_said():
    orders = made({"IWM": 10.5}, {})
    assert (brief(orders), orders.notes) == (
        [("sell", "IWM", 10, 0.5)], ("IWM: 0.5 of a share stays, as orders are in whole shares",)
    )  # fmt: skip


def test_resting_stops_follow_the_orders_in_the_shares_that_then_are_held():
    stops = (RestingStop("IWM", 150.0, 0.75), RestingStop("IWM", 155.0, 0.25), RestingStop("TWM", 45.0, 1.0))
    orders = made({}, {"IWM": 0.64}, stops=stops)
    assert [(each.type, *rest) for each, rest in zip(orders.orders, brief(orders), strict=True)] == [
        ("open", "buy", "IWM", 40, 40.0), ("stop", "sell", "IWM", 30, 10.0), ("stop", "sell", "IWM", 10, 30.0),
    ]  # fmt: skip
    assert (orders.orders[1].price, orders.orders[1].value) == (150.0, 4500.0)
    assert orders.cash_after == 3600.0  # stops spend nothing yet


def test_the_document_has_what_is_held_at_what_it_cost():
    document = order_list({"IWM": Position("IWM", 10.0, 150.0)}, {}, PRICES, equity=2000.0, costs=FREE).to_json()
    assert set(document) == {"orders", "portfolio"}
    assert document["portfolio"]["positions"] == [
        {"ticker": "IWM", "shares": 10.0, "cost": 150.0, "price": 160.0, "value": 1600.0, "profit": 100.0}
    ]
    assert document["orders"][0]["shares"] == 10


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"equity": 0.0}, r"--equity: got 0\.0; allowed: an amount of dollars above 0"),
        ({"equity": math.nan}, "--equity: got nan"),
        ({"equity": math.inf}, "--equity: got inf"),
        ({"least_trade": -1.0}, r"--least-trade: got -1\.0"),
        ({"equity": 1599.0}, r"--equity: got 1599\.0; allowed: at least what the positions are worth, 1,600\.00 USD"),
    ],
)
def test_an_equity_that_cannot_be_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        made({"IWM": 10.0}, {}, **given)


@given(
    held=st.dictionaries(st.sampled_from(sorted(PRICES)), st.floats(0.0, 200.0)),
    weights=st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3),
    spare=st.floats(0.0, 50_000.0),
    rate=st.sampled_from([0.0, 0.001, 0.02]),
    least=st.none() | st.floats(0.0, 5_000.0),
)
def test_cash_is_never_overdrawn_and_no_weight_passed(held, weights, spare, rate, least):
    total = max(1.0, sum(weights))
    targets = {t: weight / total for t, weight in zip(PRICES, weights, strict=True)}
    worth = sum(shares * PRICES[t] for t, shares in held.items())
    orders = made(held, targets, equity=worth + spare + 1.0, costs=dict.fromkeys(PRICES, rate), least_trade=least)
    bought = any(each.action == "buy" for each in orders.orders)
    assert orders.cash_after >= -1e-6 * orders.equity or not bought
    sides = [each.action for each in orders.orders]
    assert sides == sorted(sides, reverse=True)  # "sell" before "buy"
    for each in orders.orders:
        assert isinstance(each.shares, int)
        assert each.shares > 0
        assert each.shares_after >= 0.0
        if each.action == "buy":
            assert each.shares_after * each.price <= targets[each.ticker] * orders.equity * (1 + 1e-6)
    spent = sum((1 if each.action == "buy" else -1) * each.value for each in orders.orders)
    assert orders.cash_after == pytest.approx(orders.cash_before - spent - orders.cost, abs=1e-6)
