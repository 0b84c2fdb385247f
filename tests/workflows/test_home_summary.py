"""The summary of a home, from its data, its champions and its ledger."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bullbear.cli import status_tables
from bullbear.data.status import status
from bullbear.forecasting.holdout import open_holdout
from bullbear.forecasting.staleness import mark_needed
from bullbear.home import Home
from bullbear.workflows.home_summary import HomeSummary, summarise


def summary_of(home: Home) -> HomeSummary:
    view = home.filled_store().as_of()
    return summarise(home, mark_needed(status(view), home))


def test_it_counts_what_the_home_holds(home: Home) -> None:
    found = summary_of(home)
    view = home.filled_store().as_of()
    assert found.last == view.bars("IWM").index[-1]
    assert found.series == len(view.catalogue())
    assert [(each.question, each.model, each.problem) for each in found.champions] == [("up", "small", None)]
    assert (found.forecasts, found.last_decided) == (16, str(found.last.date()))
    assert found.evenings == 2
    assert found.lacking == ()


def test_what_the_next_forecast_lacks_is_judged_where_it_decides(home: Home) -> None:
    later = home.filled_store().as_of(pd.Timestamp.now("UTC") + pd.Timedelta(days=3650))
    found = summarise(home, mark_needed(status(later), home))
    assert "IWM" in found.stale
    assert found.lacking == ()


def test_a_sealed_period_is_named_or_what_is_wrong_with_it(home: Home, bullbear: Any) -> None:
    assert summary_of(home).hold_out is None
    path = home.root / "models" / "holdout.toml"
    path.write_text('first = "2007-01-01"\nwhy = "The last word on every model."\n')
    assert summary_of(home).hold_out == "2007-01-01 on is sealed (models/holdout.toml); never opened."
    open_holdout(home, home.model("base"), "For a test.")
    assert "2007-01-01 on is sealed (models/holdout.toml); opened once." in bullbear("status", "--home", home.root).out
    path.write_text('first = "soon"\n')
    assert str(summary_of(home).hold_out).startswith("models/holdout.toml:1 (first): got 'soon'")


def test_what_cannot_be_read_is_said_and_stops_nothing(home: Home, bullbear: Any) -> None:
    (home.champion / "bundle.json").write_text("{}")
    (home.forecasts / "ledger.jsonl").write_text("no ledger\n")
    found = summary_of(home)
    assert found.champions[0].problem is not None
    assert "damaged" in found.champions[0].problem
    assert found.ledger_problem is not None
    answer = bullbear("status", "--home", home.root)
    assert answer.code == 0
    assert found.ledger_problem.split(";")[0] in " ".join(answer.out.split())


@pytest.mark.parametrize("simulated", [True, False])
def test_it_reads_as_sentences(simulated: bool, capsys: pytest.CaptureFixture[str]) -> None:
    day = pd.Timestamp("2019-12-31")
    found = HomeSummary(
        series=3, rows=1200, first=pd.Timestamp("2000-05-26"), last=day, age_days=40, stale=("A[b]",),
        lacking=("A[b]",), aside=2, rewritten=0, from_files=("NAAIM",), champions=(), forecasts=8,
        evenings=1, last_decided="2019-12-31", last_issued="2020-01-01T01:02:03Z", ledger_problem=None,
    )  # fmt: skip
    status_tables.summary(found, simulated)
    out = " ".join(capsys.readouterr().out.split())
    market = "SIMULATED market" if simulated else "Real data"
    assert f"data {market}: 3 series, 1,200 rows, bars from 2000-05-26 to 2019-12-31." in out
    assert "The next forecast will lack A[b]." in out
    assert "champions None yet; train a model and promote its run." in out
    assert "8 forecasts of 1 evening, the last of 2019-12-31, issued 2020-01-01 01:02 UTC." in out
    assert ("No live source delivers NAAIM" in out) is not simulated
