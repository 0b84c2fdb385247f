"""The ratings of a small fund from its store, as a document and as a table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions as exchange
from bullbear.audit.changes import Noise
from bullbear.cli.rating_tables import show_ratings
from bullbear.data import Store
from bullbear.data.changed import ChangedStore
from bullbear.documents import json_ready
from bullbear.group.membership import Members
from bullbear.group.rated import RatedGroup, rate_members

NAMES = tuple(f"{letter}CO" for letter in "ABCDEFGHIJKLMN")
DAYS = exchange.between("2018-01-02", "2019-03-29")
SESSION = DAYS[-1]
AMENDED = pd.Timestamp("2019-03-30 02:00", tz="UTC")
RESTATED, UNPRICED = "MCO", "NCO"


def _facts() -> pd.DataFrame:
    rows = []
    for number, company in enumerate(NAMES):
        for year in (2017, 2018):
            filed = pd.Timestamp(f"{year + 1}-03-02 03:00", tz="UTC")
            income = 1e5 * (14 - number) * (1 + 0.1 * (year - 2017))
            for concept, value in (("revenue", 1e6), ("net_income", income), ("cfo", income), ("equity", income)):
                start = None if concept == "equity" else f"{year}-01-01"
                rows.append((company, concept, start, f"{year}-12-31", filed, value, "USD", "10-K"))
            for concept, value, unit in (("total_assets", 4e6, "USD"), ("shares_outstanding", 1e6, "shares")):
                rows.append((company, concept, None, f"{year}-12-31", filed, value, unit, "10-K"))
    rows.append(("ACO", "net_income", "2018-01-01", "2018-12-31", AMENDED, -9e9, "USD", "10-K/A"))
    names = ["series", "concept", "start_date", "event_date", "known_at", "value", "unit", "form"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in ("start_date", "event_date")})


def _bars() -> pd.DataFrame:
    draws = np.random.default_rng(4)
    parts = []
    for number, company in enumerate(NAMES[:-1]):
        close = 20 * np.exp(np.cumsum(draws.normal(0, 0.002 * (number + 1), len(DAYS))))
        part = pd.DataFrame({"series": company, "event_date": DAYS, "known_at": exchange.closes(DAYS), "close": close})
        part = part.assign(open=close, high=close * 1.001, low=close * 0.999, volume=1e5)
        parts.append(part.assign(restated=float(company == RESTATED)))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Fourteen companies, the earlier in the alphabet the more they earn; one restated, one without bars."""
    found = Store(tmp_path_factory.mktemp("fund") / "data")
    found.companies.append_all({"bars": _bars(), "facts": _facts()})
    return found


def test_the_example_of_the_page_runs_and_sees_what_was_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled = pd.Timestamp("2019-01-15")
    published = [pd.Timestamp(day, tz="UTC") for day in ("2019-01-26", "2019-03-10")]
    short = pd.DataFrame({"series": "ACO", "event_date": settled, "known_at": published, "shares_short": [1e5, 4e5]})
    short = short.assign(avg_daily_volume=2e4, days_to_cover=np.nan, shares_outstanding=np.nan)
    home = Store(tmp_path / "data")
    home.companies.append_all({"bars": _bars(), "facts": _facts(), "short_interest": short})
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).resolve().parents[2] / "docs" / "ratings.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(code, names)
    ratings, figures = names["ratings"], names["figures"]
    assert figures.sessions.tolist() == DAYS[-43::21].tolist()
    # As first published at the first two decisions; corrected, but too old, at the last.
    assert figures.of("days_to_cover")[:, 0].tolist() == pytest.approx([5.0, 5.0, np.nan], nan_ok=True)
    expected = rate_members(home.as_of(exchange.closes(DAYS[-1:])[0]), members(), SESSION).ratings
    for name, values in expected.values.items():
        np.testing.assert_array_equal(ratings.values[name][-1], values[-1][: len(ratings.companies)], err_msg=name)


def members() -> Members:
    count = len(NAMES)
    sectors = ("Energy",) * 11 + ("Utilities",) * 3
    return Members(SESSION, None, NAMES, NAMES, ("",) * count, sectors, np.full(count, 1 / count), ())


@pytest.fixture(scope="module")
def rated(store: Store) -> RatedGroup:
    return rate_members(store.as_of(exchange.closes(DAYS[-1:])[0]), members(), SESSION)


def test_what_is_known_is_rated_and_what_is_missing_is_none(rated: RatedGroup) -> None:
    rows = {row["ticker"]: row for row in rated.rows()}
    assert rows["ACO"]["growth"] < rows["BCO"]["growth"] < rows["LCO"]["growth"]
    assert rows["ACO"]["low_risk"] == 4  # the calmest of thirteen: (1 - 1/2) / 13
    assert {row["short_interest"] for row in rated.rows()} == {None}
    assert rows[RESTATED]["value"] is None
    assert rows[RESTATED]["growth"] is not None
    assert [rows[UNPRICED][name] for name in (*rated.ratings.values, "parts")] == [None] * 7 + [0]
    assert rows["ACO"]["parts"] == 5


def test_the_best_come_first_and_the_unrated_last(rated: RatedGroup) -> None:
    composites = [row["composite"] for row in rated.rows()]
    assert composites[-1] is None
    assert composites[:-1] == sorted(composites[:-1])
    utilities = rated.rows("Utilities")
    assert {row["ticker"] for row in utilities} == {"LCO", RESTATED, UNPRICED}
    assert utilities == [row for row in rated.rows() if row["sector"] == "Utilities"]


def test_a_filing_of_the_evening_counts_from_the_next_view(store: Store, rated: RatedGroup) -> None:
    later = rate_members(store.as_of(AMENDED), members(), SESSION)
    assert later.rows() == rated.rows()  # the session's close is what is rated


def test_what_arrives_later_changes_nothing(store: Store, tmp_path: Path) -> None:
    session = DAYS[-15]  # one evening after most filings
    closed = exchange.closes(DAYS[-15:-14])[0]
    cut = Store(tmp_path / "data")
    rows = {"bars": _bars(), "facts": _facts()}
    cut.companies.append_all({kind: frame[frame["known_at"] <= closed] for kind, frame in rows.items()})
    alone = rate_members(cut.as_of(closed), members(), session)
    whole = rate_members(store.as_of(closed), members(), session)
    np.testing.assert_array_equal(whole.figures.values, alone.figures.values)
    assert whole.rows() == alone.rows()


def test_noise_in_what_became_known_later_changes_nothing(store: Store) -> None:
    session, closed = DAYS[-30], exchange.closes(DAYS[-30:-29])[0]
    noisy = ChangedStore(store, Noise(closed))
    expected = rate_members(store.as_of(closed), members(), session)
    found = rate_members(noisy.as_of(closed), members(), session)
    np.testing.assert_array_equal(found.figures.values, expected.figures.values)
    last = exchange.closes(DAYS[-1:])[0]
    assert rate_members(noisy.as_of(last), members(), SESSION).rows() != (
        rate_members(store.as_of(last), members(), SESSION).rows()
    )


def test_within_the_sector(store: Store) -> None:
    view = store.as_of(exchange.closes(DAYS[-1:])[0])
    found = {row["ticker"]: row for row in rate_members(view, members(), SESSION, within="sector").rows()}
    assert [found[name]["low_risk"] for name in NAMES[:11]] == np.floor(100 * (np.arange(11) + 0.5) / 11 + 1).tolist()
    assert found["LCO"]["low_risk"] == 89  # of the group: eleven and a half of thirteen


def test_the_document_is_json(rated: RatedGroup) -> None:
    document = json.loads(json.dumps(json_ready(rated.as_dict(), days=True), allow_nan=False))
    assert document["within"] == "group"
    assert len(document["companies"]) == len(NAMES)
    assert "1 of 14 members have no value rating" in document["notes"][0]


def test_the_table(rated: RatedGroup, capsys: pytest.CaptureFixture[str]) -> None:
    show_ratings(rated, most=5)
    text = capsys.readouterr().out
    assert "Ratings at the close of 2019-03-29: 1 is best, 100 is worst" in text
    assert "9 more in --json." in text
    first = text.splitlines()[2].split()
    assert first[0] == rated.rows()[0]["ticker"]
    assert first[7] == "-"  # short interest
    assert "note: 1 of 14 members have no value rating" in text
