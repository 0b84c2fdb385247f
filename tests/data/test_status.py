"""Status tells reach, gaps, staleness and what was set aside."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bullbear.data import Store
from bullbear.data.snapshot import ingest, ingest_frames
from bullbear.data.status import COLUMNS, status

NOW = pd.Timestamp("2020-06-01", tz="UTC")


def bars(*days: str) -> pd.DataFrame:
    prices = {name: 100.0 for name in ("open", "high", "low", "close", "adj_close", "volume")}
    return pd.DataFrame({"date": pd.DatetimeIndex(days), **prices})


def values(*days: str) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.DatetimeIndex(days), "value": 1.0})


def test_an_empty_store_has_an_empty_status(tmp_path: Path) -> None:
    table = status(Store(tmp_path).as_of())
    assert table.empty
    assert tuple(table.columns) == COLUMNS


def test_gaps_age_and_quarantine(tmp_path: Path) -> None:
    store = Store(tmp_path)
    frames = {
        # 2019-12-25 was no session, the 26th is missing, the 28th was a Saturday.
        ("prices", "IWM"): bars("2019-12-23", "2019-12-24", "2019-12-27", "2019-12-28"),
        ("prices", "BAD"): bars("2019-12-28"),
        ("macro", "DGS10"): values("2019-12-23", "2019-12-26"),  # the 24th is missing
        ("macro", "ICSA"): values("2019-11-30", "2019-12-14"),  # 12-07 is missing
        ("macro", "NAPM"): values("2016-02-01", "2016-04-01"),  # March is missing
        ("dividends", "IWM"): pd.DataFrame({"date": pd.DatetimeIndex(["2019-12-16"]), "amount": 0.597}),
    }
    ingest_frames(frames, store, NOW)
    table = status(store.as_of(pd.Timestamp("2020-01-02 21:00", tz="UTC"))).set_index(["kind", "series"])
    assert table.index.tolist() == [
        ("bars", "BAD"),
        ("bars", "IWM"),
        ("observations", "DGS10"),
        ("observations", "ICSA"),
        ("observations", "NAPM"),
        ("dividends", "IWM"),
    ]
    iwm = table.loc[("bars", "IWM")]
    assert (iwm["rows"], iwm["gaps"], iwm["age_days"], iwm["stale"]) == (3, 1, 6, False)
    assert (iwm["quarantined"], iwm["reasons"]) == (1, "no session of the exchange on that day (1)")
    assert (str(iwm["first"].date()), str(iwm["last"].date())) == ("2019-12-23", "2019-12-27")
    assert iwm["last_known_at"] == pd.Timestamp("2019-12-27 21:00", tz="UTC")
    bad = table.loc[("bars", "BAD")]
    assert (bad["rows"], bad["stale"], bad["quarantined"]) == (0, True, 1)
    assert pd.isna(bad["last"])
    assert table["gaps"].iloc[2:5].tolist() == [1, 1, 1]
    assert pd.isna(table["gaps"].iloc[5])
    assert table["stale"].iloc[2:].tolist() == [False, False, True, False]


def test_status_is_that_of_the_instant(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ingest_frames({("prices", "IWM"): bars("2019-12-23", "2019-12-24", "2019-12-28")}, store, NOW)
    table = status(store.as_of(pd.Timestamp("2019-12-23 21:00", tz="UTC")))
    assert table["rows"].tolist() == [1]
    assert table["quarantined"].tolist() == [0]


def test_the_real_snapshot(snapshot_dir: Path, tmp_path: Path) -> None:
    store = Store(tmp_path)
    ingest(snapshot_dir, store, NOW)
    table = status(store.as_of(pd.Timestamp("2019-12-31 21:30", tz="UTC"))).set_index(["kind", "series"])
    listed = pd.read_csv(snapshot_dir / "MANIFEST.csv")["file"].str.removesuffix(".csv").str.split("/", expand=True)
    stored = {"prices": "bars", "macro": "observations", "vintages": "observations"}
    stored |= {name: name for name in ("dividends", "short_volume", "short_interest", "holdings")}
    expected = {(stored[folder], name) for folder, name in listed.itertuples(index=False) if folder in stored}
    assert set(table.index) == expected - {("observations", "STLFSI4")}  # which did not exist yet
    ended = table.index[table["stale"]].get_level_values("series").tolist()
    assert ended == ["NAPM", "NAPMEI", "NAPMII", "NAPMNOI", "NAPMPI", "NAPMPRI", "NAPMSDI"]
    assert table.loc[("bars", "IWM"), "gaps"] == 0
    assert table.loc[("bars", "^VIX"), "quarantined"] == 48
    assert table.loc[("observations", "VX_M2"), "reasons"] == "level or ratio not positive (9)"
