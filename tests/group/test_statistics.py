import numpy as np
import pandas as pd
import pytest
from tests.group.conftest import SmallMarket, small_market

from bullbear.group.growth import trimmed_mean
from bullbear.group.statistics import group_figures


def plain(market: SmallMarket, member: np.ndarray) -> dict[str, float]:
    """The figures of a group in pandas, written for a reader; for a panel without anything wrong in it."""
    panel = market.panel
    names = list(panel.companies)
    splits = pd.DataFrame(panel.split, columns=names)
    level = splits.cumprod()
    price = pd.DataFrame(panel.close, columns=names)
    worth = (price * level).ffill(limit=5)
    volume = pd.DataFrame(panel.volume, columns=names) / level
    inside = [name for name, held in zip(names, member, strict=True) if held]

    facts = market.facts.set_index("company")
    days = pd.Series(panel.sessions)
    value = {}
    for name in names:
        if name in facts.index:
            filed = facts.loc[name, "known_at"].tz_convert("America/New_York").tz_localize(None)
            since = splits[name][(days > filed).to_numpy()].prod()
            value[name] = worth[name].iloc[-1] / level[name].iloc[-1] * facts.loc[name, "value"] * since
    value = pd.Series(value, dtype=float)
    known = value.reindex(inside).dropna()
    found = {
        "mean": known.mean(),
        "median": known.median(),
        "total": known.sum(),
        "lowest": known.min(),
        "highest": known.max(),
        "value names": len(known),
    }
    for sessions in (5, 21, 63):
        grown = worth.iloc[-1] / worth.iloc[-1 - sessions] - 1
        before = volume.iloc[-2 * sessions : -sessions].median()
        traded = volume.iloc[-sessions:].median() / before - 1
        start = value / (1 + grown)
        for kind, growth in (("price", grown), ("volume", traded)):
            growth = growth.reindex(inside).dropna()
            weight = start.reindex(growth.index).dropna()
            cut = int(0.05 * len(growth))
            ordered = growth.sort_values().iloc[cut : len(growth) - cut]
            found |= {
                f"{kind} {sessions} median": growth.median(),
                f"{kind} {sessions} weighted": (growth[weight.index] * weight).sum() / weight.sum(),
                f"{kind} {sessions} trimmed": ordered.mean(),
                f"{kind} {sessions} names": len(growth),
                f"{kind} {sessions} weighted_names": len(weight),
            }
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_the_figures_of_a_group_are_those_of_plain_pandas(seed):
    market = small_market(seed, sessions=200)
    market = SmallMarket(market.panel, market.facts.iloc[5:], market.sectors)  # five without a count of shares
    for row, column in ((-1, 20), (-6, 21), (-22, 22), (-64, 23)):  # no close at the end or the start of a window
        for name in ("open", "high", "low", "close", "volume"):
            getattr(market.panel, name)[row, column] = np.nan
    member = np.arange(60) < 50
    expected, found = plain(market, member), group_figures(market.panel, member, market.sectors, market.facts)
    assert found.suspects == []
    assert found.value.names == expected.pop("value names") == 45
    for name in ("mean", "median", "total", "lowest", "highest"):
        assert getattr(found.value, name) == pytest.approx(expected[name], rel=1e-9)
    for sessions, growth in found.growth.items():
        for kind in ("price", "volume"):
            for name in ("median", "weighted", "trimmed", "names", "weighted_names"):
                figure = getattr(getattr(growth, kind), name)
                assert figure == pytest.approx(expected[f"{kind} {sessions} {name}"], rel=1e-9), (sessions, kind, name)
    weights = sum(each.weight for each in found.sectors)
    assert weights == pytest.approx(1.0)
    assert sum(each.members for each in found.sectors) == 50
    assert sum(each.breadth.advances for each in found.sectors) == found.breadth.advances


def test_without_counts_of_shares_there_is_no_market_value_and_no_weighted_growth(market):
    found = group_figures(market.panel, np.ones(60, dtype=bool), market.sectors, market.facts.iloc[:0])
    assert found.value.names == 0
    assert np.isnan(found.value.mean)
    assert np.isnan(found.growth[21].price.weighted)
    assert found.growth[21].price.weighted_names == 0
    assert found.growth[21].price.names == 60


def test_a_count_of_which_a_quarter_is_traded_on_a_usual_day_is_set_aside(market):
    facts = market.facts.copy()
    facts.loc[7, "value"] /= 10_000
    found = group_figures(market.panel, np.ones(60, dtype=bool), market.sectors, facts)
    assert np.flatnonzero(found.values.doubted).tolist() == [7]
    assert np.isnan(found.values.value[7])
    assert found.value.names == 59


def test_movers_are_the_largest_each_way(market):
    found = group_figures(market.panel, np.ones(60, dtype=bool), market.sectors, market.facts, count=3)
    level = np.cumprod(market.panel.split, axis=0)
    growth = (market.panel.close * level)[-1] / (market.panel.close * level)[-6] - 1
    order = np.argsort(growth)
    assert [each.column for each in found.movers] == [*order[::-1][:3], *order[:3]]
    assert [each.growth for each in found.movers] == pytest.approx([*growth[order[::-1][:3]], *growth[order[:3]]])


def test_a_trimmed_mean_leaves_out_whole_names():
    assert trimmed_mean(np.arange(19.0)) == 9.0
    assert trimmed_mean(np.array([*np.arange(19.0), 1000.0])) == pytest.approx(np.arange(1.0, 19.0).mean())
    assert np.isnan(trimmed_mean(np.array([])))
