"""Filling a store: twice is once, real and simulated never meet, refused leaves no trace, killed is not full."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.errors import InputError, SnapshotError
from bullbear.home import Home
from bullbear.workflows import filling
from bullbear.workflows.filling import DataSource, fill_from, fill_simulated, is_unfinished

BARS = (
    "date,open,high,low,close,adj_close,volume\n2019-12-30,165,166,164,165,165,100\n2019-12-31,165,166,164,166,166,90\n"
)


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    (tmp_path / "snapshot" / "prices").mkdir(parents=True)
    (tmp_path / "snapshot" / "prices" / "IWM.csv").write_text(BARS)
    return tmp_path / "snapshot"


def test_a_snapshot_twice_adds_nothing(snapshot: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert fill_from(home, snapshot).rows_added == 2
    assert fill_from(home, snapshot).rows_added == 0
    assert not is_unfinished(home)


def test_the_same_market_twice_adds_nothing_and_another_is_refused(home: Home) -> None:
    assert fill_simulated(home, 7, 0.5, 8).rows_added == 0
    with pytest.raises(InputError, match=r"store: got .*'seed': 7.*allowed: an empty store"):
        fill_simulated(home, 8, 0.5, 3)


def test_a_snapshot_is_refused_by_a_simulated_store(home: Home, snapshot: Path) -> None:
    with pytest.raises(InputError, match=r"allowed: a store without simulated rows"):
        fill_from(home, snapshot)


def test_the_simulated_market_is_refused_by_a_real_store(snapshot: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    fill_from(home, snapshot)
    with pytest.raises(InputError, match=r"store: got 'real data'"):
        fill_simulated(home, 7, 0.5, 3)
    assert not home.store().is_simulated
    assert not (home.root / "oracle").exists()


def test_what_is_refused_leaves_no_trace(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SnapshotError, match=r"no file to load"):
        fill_from(home, tmp_path / "empty")
    with pytest.raises(InputError, match=r"snapshot: got '.*nowhere'; allowed: a directory"):
        fill_from(home, tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"seed: got -1"):
        fill_simulated(home, -1, 0.5, 3)
    assert not home.root.exists()


def test_a_filling_that_was_cut_short_is_known_until_it_is_completed(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    seen = []
    real = filling.ingest
    monkeypatch.setattr(filling, "ingest", lambda *arguments: (seen.append(is_unfinished(home)), real(*arguments))[1])
    fill_from(home, snapshot)
    assert seen == [True]
    (home.data / ".filling").touch()  # what a killed process leaves
    assert is_unfinished(home)
    assert fill_from(home, snapshot).rows_added == 0
    assert not is_unfinished(home)


def test_a_run_keeps_the_companies_of_the_market_that_is_there() -> None:
    """The marks of markets without companies have no such entry, and stay equal to what is meant."""
    plain = {"seed": 7, "signal": 0.5, "years": 8}
    assert DataSource().market(plain) == plain
    inside = {**plain, "companies": 30}
    assert DataSource().market(inside) == inside
    assert DataSource(seed=8).market(inside) == {**inside, "seed": 8}
