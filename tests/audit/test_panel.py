"""The audit over companies: nothing of the clean line moves, and each planted leak is caught and named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.factors.breadth.fund import SESSIONS, Fund, filled

from bullbear.audit import panel
from bullbear.audit.changes import Noise
from bullbear.audit.factors.perturbation import perturbation
from bullbear.audit.panel import Line, breadth_of, company_leaks, facts_of, membership_of, panel_leaks, ratings_of
from bullbear.audit.series import stored_as
from bullbear.data import Store
from bullbear.data.companies import Panel
from bullbear.data.companies.view import CompanyView
from bullbear.data.derived import DERIVED
from bullbear.data.versions import History
from bullbear.data.view import View
from bullbear.factors import load
from bullbear.group.breadth_table import FIGURES, figures
from bullbear.group.fundamentals import fundamentals
from bullbear.group.marks import marks_of
from bullbear.group.membership import Universe, fund_universe
from bullbear.group.tickers import Listings
from bullbear.sessions import closes, offset

ROOT = Path(__file__).resolve().parents[2]
ROWS = SESSIONS[60::30]
CUTS = [SESSIONS[280], SESSIONS[420]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return filled(tmp_path_factory.mktemp("panel") / "data", Fund.made())


CLEAN: dict[str, Line] = {"membership": membership_of("IWM"), "breadth": breadth_of("IWM"), "facts": facts_of()}


def test_nothing_of_the_clean_line_moves(store: Store) -> None:
    for name, line in CLEAN.items():
        rows = line(store.as_of(), ROWS)
        assert rows.notna().to_numpy().mean() > 0.1, name  # there is something to compare
    assert panel_leaks(store, CLEAN, ROWS, CUTS) == []


@pytest.mark.slow
def test_no_rating_moves(store: Store) -> None:
    lines = {"ratings": ratings_of("IWM")}
    assert lines["ratings"](store.as_of(), SESSIONS[400:421:20]).notna().to_numpy().any()
    assert panel_leaks(store, lines, SESSIONS[400:421:20], CUTS[1:]) == []


def test_facts_and_ratings_of_a_sample_stay_as_they_were(store: Store) -> None:
    looked_at, leaks = company_leaks(store, "IWM", SESSIONS, CUTS[:1])
    assert (looked_at, leaks) == (len(members_at(store, CUTS[0])), [])
    assert looked_at > 10


def members_at(store: Store, day: pd.Timestamp) -> tuple[str, ...]:
    view = store.as_of(closes(pd.DatetimeIndex([day]))[0])
    members = fund_universe(view, "IWM").at(view.instant)
    assert members is not None
    return members.companies


def test_the_sample_is_rated_by_the_same_rules_as_the_whole_fund(store: Store) -> None:
    names = members_at(store, CUTS[0])
    day = pd.DatetimeIndex(CUTS[:1])
    whole, named = (ratings_of("IWM", some)(store.as_of(), day) for some in (None, names))
    assert whole.notna().any(axis=None)
    pd.testing.assert_frame_equal(whole, named)
    assert set(ratings_of("IWM", names[:3])(store.as_of(), day).columns) == set(names[:3])


def test_without_members_or_prices_there_is_nothing_to_look_at(store: Store, tmp_path: Path) -> None:
    assert company_leaks(store, "SPY", SESSIONS, CUTS) == (0, [])
    assert company_leaks(Store(tmp_path), "IWM", SESSIONS, CUTS) == (0, [])


def test_the_check_finds_facts_restated_for_the_past(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def restated(reported: pd.DataFrame, *rest: Any) -> Any:
        keys = ["company", "concept", "event_date"]
        first = reported.groupby(keys)["known_at"].transform("min")
        rows = reported.sort_values("known_at", kind="stable").assign(known_at=first)
        return fundamentals(rows.drop_duplicates(keys, keep="last"), *rest)

    monkeypatch.setattr(panel, "fundamentals", restated)
    _, (leak,) = company_leaks(store, "IWM", SESSIONS, SESSIONS[240:241])
    assert re.match(r"facts of IWM's members: \S+ for \w+ C02 on \S+, but \S+ after .* had been changed", leak.sentence)


def test_the_check_finds_ratings_that_read_next_weeks_prices(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def ahead(self: CompanyView, names: Any, *, first: pd.Timestamp, last: pd.Timestamp) -> Panel:
        return served(CompanyView(self._reader, None), names, first=offset(first, 5), last=offset(last, 5))

    served = CompanyView.panel
    monkeypatch.setattr(CompanyView, "panel", ahead)
    _, (leak,) = company_leaks(store, "IWM", SESSIONS, CUTS[:1])
    assert re.match(r"ratings of IWM's members: \d+ for C\d\d on \S+, but \S+ after .* had been", leak.sentence)


def todays_members(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The newest list as the members of the past."""
    newest = view.versions("holdings", "IWM")
    last = newest[newest["event_date"] == newest["event_date"].max()]
    return pd.DataFrame(1.0, sessions, pd.Index(sorted(last["ticker"]), dtype=object))


def breadth_of_todays_members(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    panel = view.companies.panel()
    marks, names = marks_of(panel), set(todays_members(view, sessions).columns)
    member = np.array([name in names for name in panel.companies])
    weights = {window: np.ones(len(member)) for window in (21, 63)}
    rows = [figures(marks, row, member, weights) for row in panel.sessions.get_indexer(sessions)]
    return pd.DataFrame(rows, sessions, list(FIGURES))


def facts_dated_by_their_period(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Known at the end of the period, forty days before anybody had filed it."""
    rows = view.companies.facts(["revenue"])
    rows = rows.drop_duplicates(["company", "event_date"], keep="first")
    table = rows.pivot_table(index="event_date", columns="company", values="value")
    return pd.DataFrame(table.reindex(sessions, method="ffill"))


def restated_values_for_the_past(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The latest version of each period, from the day of its first filing on."""
    rows = view.companies.facts(["revenue"])
    first = rows.groupby(["company", "event_date"])["known_at"].transform("min")
    rows = rows.assign(known_at=first).drop_duplicates(["company", "event_date"], keep="last")
    table = rows.pivot_table(index="known_at", columns="company", values="value", aggfunc="last").ffill()
    return table.reindex(closes(sessions), method="ffill").set_axis(sessions, axis="index")


def latest_identity(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Tickers mean the companies that have them now."""
    rows = view.companies.listings(every_version=True).assign(event_date=pd.Timestamp("2000-01-03").as_unit("us"))
    newest = rows.drop_duplicates("ticker", keep="last").assign(known_at=pd.Timestamp("2000-01-03", tz="UTC"))
    universe = Universe("IWM", view.versions("holdings", "IWM"), Listings(newest), fund="IWM")
    names = universe.companies()
    _, member = universe.mask(sessions, names)
    return pd.DataFrame(np.where(member, 1.0, np.nan), sessions, pd.Index(names, dtype=object))


def ratings_over_the_whole_history(view: View, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """A percentile among all values of all sessions, in the place of those of one close."""
    panel = view.companies.panel()
    growth = pd.DataFrame(marks_of(panel).growth_63, panel.sessions, pd.Index(panel.companies, dtype=object))
    ranks = pd.Series(growth.to_numpy().ravel()).rank(pct=True).to_numpy().reshape(growth.shape)
    return pd.DataFrame(ranks, growth.index, growth.columns).reindex(sessions)


@pytest.mark.parametrize(
    ("leak", "says"),
    [
        (todays_members, r"leaky: 1 for C\d\d on 2016-\S+, but nan from the store cut at"),
        (breadth_of_todays_members, r"leaky: .* for \w+ on 201\d-\S+, but .* from the store cut at"),
        (facts_dated_by_their_period, r"leaky: .* for C\d\d on 2017-01-\S+, but .* from the store cut at"),
        (restated_values_for_the_past, r"leaky: .* for C02 on 2016-\S+, but .* from the store cut at"),
        (latest_identity, r"leaky: 1 for C03.2 on 2016-\S+, but nan from the store cut at"),
        (ratings_over_the_whole_history, r"leaky: .* for C\d\d\S* on 2016-\S+, but .* from the store cut at"),
    ],
)
def test_each_planted_leak_is_caught(store: Store, leak: Line, says: str) -> None:
    rows = SESSIONS[200:260] if leak is facts_dated_by_their_period else ROWS
    cut = {
        facts_dated_by_their_period: SESSIONS[258],
        latest_identity: CUTS[0],
        restated_values_for_the_past: CUTS[0],
    }.get(leak, CUTS[1])
    (found,) = panel_leaks(store, {"leaky": leak}, rows, [cut], perturbed=False)
    assert re.match(says, found.sentence)
    assert found.what == "leaky"


@pytest.mark.parametrize("leak", [todays_members, restated_values_for_the_past, ratings_over_the_whole_history])
def test_perturbation_alone_finds_them_too(store: Store, leak: Line) -> None:
    (found,) = panel_leaks(store, {"leaky": leak}, ROWS, CUTS, truncated=False)
    assert "had been" in found.sentence


def breadth_by_the_newest_list(view: View, fund: str) -> History:
    """The figures of the companies on the newest list, at all times."""
    universe = fund_universe(view, fund)
    members = universe.at(view.until(closes(SESSIONS[480:481])[0]).instant)
    panel = view.companies.panel()
    names = set() if members is None else set(members.companies)
    member = np.array([name in names for name in panel.companies])
    weights = {window: np.ones(len(member)) for window in (21, 63)}
    marks = marks_of(panel)
    rows = np.array([figures(marks, row, member, weights) for row in range(len(panel.sessions))])
    times = {"event_date": panel.sessions, "known_at": closes(panel.sessions)}
    return History.of_frame(pd.DataFrame({**times, **dict(zip(FIGURES, rows.T, strict=True))}))


def test_noise_in_companies_moves_no_breadth_factor_but_a_leaky_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = load([ROOT / "features" / "breadth.toml"])[0].factor[:4]
    index = SESSIONS[: SESSIONS.get_loc("2017-11-30")]
    noise = Noise(closes(index[300:301])[0], stored_as(("breadth", "IWM")))
    assert all(noise.touches(*each) for each in DERIVED["breadth"].reads(store.as_of(), "IWM"))
    assert not noise.touches("bars", "IWM")
    assert perturbation(store, specs, index, "IWM") == []
    leaky = replace(DERIVED["breadth"], compute=breadth_by_the_newest_list)
    monkeypatch.setitem(DERIVED, "breadth", leaky)
    found = perturbation(Store(store.root), specs, index, "IWM")
    assert {each.factor for each in found} == {spec.name for spec in specs}
