"""Facts as factors of companies: each decision sees what it would have seen alone, in whatever block it is computed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions as exchange
from bullbear.data import Store
from bullbear.group.characteristics import CHARACTERISTICS
from bullbear.group.membership import Universe
from bullbear.group.tickers import Listings
from bullbear.picking.fact_features import FACT_FEATURES, fact_values
from bullbear.picking.factor_panel import factor_panel
from bullbear.picking.features import FEATURES

COMPANIES = ("ACO", "BCO", "CCO")
DAYS = exchange.between("2018-01-02", "2019-06-28")
DECISIONS = pd.DatetimeIndex(["2019-02-28", "2019-03-29", "2019-04-30", "2019-06-28"]).as_unit("us")
AMENDED, CORRECTED = pd.Timestamp("2019-04-10 02:00", tz="UTC"), pd.Timestamp("2019-03-15 22:00", tz="UTC")


def _facts() -> pd.DataFrame:
    rows = []
    for number, company in enumerate(COMPANIES, start=1):
        for year in (2016, 2017, 2018):
            filed = pd.Timestamp(f"{year + 1}-03-02 03:00", tz="UTC")
            span = (f"{year}-01-01", f"{year}-12-31")
            rows += [
                (company, concept, *span, filed, number * value * (year - 2010), "USD", "10-K")
                for concept, value in (("revenue", 1e6), ("net_income", 1e5), ("cfo", 2e5), ("operating_income", 1.5e5))
            ]
            rows += [
                (company, concept, None, span[1], filed, number * value * (year - 2010), unit, "10-K")
                for concept, value, unit in (
                    ("equity", 4e5, "USD"), ("total_assets", 9e5, "USD"), ("shares_outstanding", 1e6, "shares"),
                )
            ]  # fmt: skip
    rows.append(("ACO", "net_income", "2018-01-01", "2018-12-31", AMENDED, -5e5, "USD", "10-K/A"))
    names = ["series", "concept", "start_date", "event_date", "known_at", "value", "unit", "form"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in ("start_date", "event_date")})


def _short_interest() -> pd.DataFrame:
    rows = [
        (company, day, pd.Timestamp(day).tz_localize("UTC") + pd.Timedelta(days=12), 1e5)
        for company in COMPANIES
        for day in ("2019-02-15", "2019-03-29", "2019-06-14")
    ]
    rows.append(("BCO", "2019-02-15", CORRECTED, 9e5))
    frame = pd.DataFrame(rows, columns=["series", "event_date", "known_at", "shares_short"])
    frame["event_date"] = pd.to_datetime(frame["event_date"])
    return frame.assign(avg_daily_volume=2e4, days_to_cover=np.nan, shares_outstanding=np.nan)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three companies; a filing is amended and a short interest corrected between two decisions."""
    found = Store(tmp_path_factory.mktemp("filed") / "data")
    draws = np.random.default_rng(3)
    parts = []
    for company in COMPANIES:
        close = 20 * np.exp(np.cumsum(draws.normal(0, 0.01, len(DAYS))))
        part = pd.DataFrame({"series": company, "event_date": DAYS, "known_at": exchange.closes(DAYS), "close": close})
        parts.append(part.assign(open=close, high=close * 1.01, low=close * 0.99, volume=1e5, restated=0.0))
    found.companies.append_all({"bars": pd.concat(parts), "facts": _facts(), "short_interest": _short_interest()})
    return found


def test_a_decision_sees_what_it_would_have_seen_alone(store: Store) -> None:
    names = tuple(FACT_FEATURES)
    whole = fact_values(store.as_of().companies, COMPANIES, DECISIONS, names)
    for row, day in enumerate(DECISIONS):
        view = store.as_of(exchange.closes(DECISIONS[row : row + 1])[0]).companies
        for company, name in enumerate(COMPANIES):
            alone = fact_values(view, [name], pd.DatetimeIndex([day]), names)
            np.testing.assert_array_equal(whole[row, company], alone[0, 0], err_msg=f"{name} {day.date()}")
    earnings = whole[:, 0, names.index("earnings_yield")]
    assert (np.sign(earnings) == [1, 1, -1, -1]).all()
    short = whole[:, 1, names.index("days_to_cover")]
    assert short.tolist() == [5.0, 45.0, 5.0, 5.0]  # as first published, as corrected, and of newer settlements


def test_a_bar_corrected_after_a_decision_changes_nothing_of_it(store: Store, tmp_path: Path) -> None:
    names, day = tuple(FACT_FEATURES), DECISIONS[1]
    copy = Store(tmp_path / "data")
    shutil.copytree(store.root, copy.root)
    live = fact_values(copy.as_of(exchange.closes(DECISIONS[1:2])[0]).companies, COMPANIES, DECISIONS[1:2], names)
    bar = copy.as_of().companies.latest("bars", ["BCO"]).rename(columns={"company": "series"})
    bar = bar[bar["event_date"] == day].assign(known_at=AMENDED)
    assert len(bar) == 1
    copy.companies.append_all({"bars": bar.assign(close=bar["close"] * 0.88, low=bar["low"] * 0.88)})
    served = copy.as_of().companies.panel(["BCO"], first=day, last=day).close[0, 0]
    assert served == pytest.approx(0.88 * bar["close"].item())
    later = fact_values(copy.as_of().companies, COMPANIES, DECISIONS, names)
    assert np.isfinite(live[0, 1, names.index("book_yield")])
    assert later[1].tobytes() == live[0].tobytes()


def test_the_factor_panel_holds_them_beside_those_of_bars(store: Store, tmp_path: Path) -> None:
    lists = pd.DataFrame(
        [
            (pd.Timestamp("2019-02-01"), pd.Timestamp("2019-02-02", tz="UTC"), name, name, "Energy", 1.0)
            for name in COMPANIES
        ],
        columns=["event_date", "known_at", "ticker", "name", "sector", "weight"],
    )
    universe = Universe("all", lists, Listings(store.as_of().companies.listings()), fund="ALL")
    names = ("return_21", "earnings_yield", "volatility_63", "book_yield")
    panel = factor_panel(store, universe, DECISIONS[:3], root=tmp_path, names=names)
    raw = panel.raw()
    assert raw.names == names
    own = fact_values(store.as_of().companies, COMPANIES, DECISIONS[:3], ["earnings_yield", "book_yield"])
    np.testing.assert_array_equal(raw.values[:, :, [1, 3]], own)
    bars = factor_panel(store, universe, DECISIONS[:3], root=tmp_path, names=("return_21", "volatility_63")).raw()
    np.testing.assert_array_equal(raw.values[:, :, [0, 2]], bars.values)
    assert panel.ranked().values[0, :, 1].tolist() == pytest.approx(_ranks(own[0, :, 0]))


def _ranks(values: np.ndarray) -> list[float]:
    return ((pd.Series(values).rank() - 1) / (len(values) - 1)).tolist()


def test_a_name_has_one_definition() -> None:
    """The ratings' figures of prices are not the picker's, and are called otherwise."""
    assert not set(CHARACTERISTICS) & set(FEATURES)


def test_the_page_of_characteristics_has_each_with_its_definition() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "characteristics.md").read_text(encoding="utf-8")
    written = re.findall(r"^\| `(\w+)` \|.*?([^|]+) \|$", page, re.MULTILINE)
    defined = {name: each.text for name, each in {**CHARACTERISTICS, **FEATURES}.items()}
    assert {name: text.strip() for name, text in written} == defined
    assert len(written) == len(defined)
