"""`bullbear instruments` as a user meets it: the list, one fund year by year, a mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bullbear.home import Home

Run = Callable[..., Any]
YEAR = {"year", "sessions", "fund", "model", "index", "difference", "daily", "monthly", "lasting", "correlation",
        "multiple_of_index", "decay", "carry", "rest"}  # fmt: skip


def test_the_list(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("instruments", "--home", trained_home.root)
    assert (answer.code, answer.err) == (0, "")
    assert "instruments (SIMULATED market)" in answer.out
    assert "model of IWM" in answer.out
    assert "…" not in answer.out
    found = bullbear("instruments", "--home", trained_home.root, "--json")
    assert (found.code, found.err) == (0, "")
    by_ticker = {each["ticker"]: each for each in found.json}
    assert by_ticker["SRTY"]["first_bar"] == "2000-01-03"
    assert by_ticker["SRTY"]["model"]["index"] == "IWM"
    assert by_ticker["IWM"]["tracking"] == []


def test_one_fund_by_year(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("instruments", "TWM", "--home", trained_home.root)
    assert (answer.code, answer.err) == (0, "")
    assert "-2 x IWM a day, fee 0.95%, financing 1.00% a year" in answer.out
    (found,) = bullbear("instruments", "TWM", "--home", trained_home.root, "--json").json
    assert all(set(each) == YEAR for each in found["tracking"])
    assert found["tracking"][-1]["year"] is None
    assert [each["year"] for each in found["fits"]] == [each["year"] for each in found["tracking"][:-1]]
    assert "prices are its own" in bullbear("instruments", "IWM", "--home", trained_home.root).out


def test_an_empty_store_still_has_the_list(bullbear: Run, tmp_path) -> None:
    answer = bullbear("instruments", "--home", tmp_path)
    assert answer.code == 0
    assert "no data" in answer.out


def test_an_unknown_ticker_is_named(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("instruments", "XYZ", "--home", trained_home.root)
    assert answer.code == 2
    assert answer.err.startswith("bullbear: instrument: got 'XYZ'; allowed: IWM, UWM, ")
