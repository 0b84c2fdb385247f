"""Data are shown as they stand: brackets are no markup, words between colons no emoji."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import pytest
from rich.table import Table

from bullbear.cli import factor_tables, level_tables, odds_tables, status_tables
from bullbear.cli.card import panel
from bullbear.cli.console import ProgressConsole, ResultConsole, fit
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.home import Home
from bullbear.report.level_chart import level_chart
from bullbear.workflows.factor_catalogue import catalogue

ODD = "open [4.0] outside [low, high] [/x] :smile:"


def test_status_shows_reasons_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    day = pd.Timestamp("2019-12-31")
    row = {
        "kind": "bars", "series": "A[b]", "first": day, "last": day, "last_known_at": day, "rows": 9, "gaps": 0,
        "age_days": 3, "max_age_days": 7, "stale": True, "quarantined": 1, "reasons": ODD, "rewritten": 0,
        "largest_change": 0.0, "needed": True,
    }  # fmt: skip
    status_tables.series(pd.DataFrame([row]), simulated=False)
    out = capsys.readouterr().out
    assert ODD in " ".join(out.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", " ").split())


def test_a_forecast_shows_names_and_reasons_in_brackets(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    entry: dict[str, Any] = of_question(Ledger(home.forecasts / "ledger.jsonl").entries())[-1]
    entry["ticker"] = "[IWM]"
    entry["regime"] = "[red]calm[/red]"
    entry["agents"]["bull"]["reasons"] = [ODD]
    entry["agents"]["bull"]["instrument"] = "[X]"
    entry["agents"]["bull"]["sleeves"][0]["ticker"] = "[X]"
    entry["drivers"] = [{"factor": "rsi[14]", "value": 1.0, "contribution": 0.5}]
    entry["data"]["stale"] = ["A[b]"]
    panel.forecast(entry)
    out = capsys.readouterr().out
    for text in ("[IWM] at the close", "[red]calm[/red]", ODD, "[X]", "rsi[14]", "stale: A[b]"):
        assert text in out


def test_factors_and_levels_show_brackets(trained_home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    entry = dataclasses.replace(catalogue(trained_home, names=["rsi_14"])[0], name="rsi[14]", unit="[0, 100]")
    factor_tables.show([entry], simulated=False)
    factor_tables.show_one(entry, simulated=False)
    chart = dataclasses.replace(level_chart(trained_home.filled_store(), "IWM"), ticker="[IWM]")
    level_tables.show(chart)
    out = capsys.readouterr().out
    assert out.count("rsi[14]") == 2
    assert out.count("[0, 100]") == 2
    assert "[IWM] levels at the close" in out


def test_odds_show_brackets(trained_home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    request = odds_tables.OddsRequest("IWM", 21, None, None, (), True)
    found = odds_tables.find(trained_home, request)
    named = dataclasses.replace(found[0], event="e[1]", says=f"Up. {ODD}")
    odds_tables.show([named], dataclasses.replace(request, ticker="[IWM]"), simulated=False)
    out = capsys.readouterr().out
    assert "[IWM] odds at the close" in out
    assert "e[1]" in out
    assert ":smile:" in out


def test_a_title_of_progress_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressConsole().progress("training [x]") as progress:
        progress("folds", 1, 2)
    assert "training [x]: folds" in capsys.readouterr().err


def test_a_table_of_whole_columns_is_as_wide_as_it_is_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    console, long = ResultConsole(), "x" * 60
    whole, folded = Table(), Table()
    for _ in range(4):
        whole.add_column("base rate's", no_wrap=True)
        folded.add_column("base rate's")
    for table in (whole, folded):
        table.add_row(*[long] * 4)
    console.print(whole)
    out = capsys.readouterr().out
    assert out.count(long) == 4
    assert "…" not in out
    console.print(folded)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 160


def table_of(**columns: str) -> Table:
    table = Table(title="Scores")
    for name in columns:
        table.add_column(name)
    table.add_row(*columns.values())
    return table


def test_a_narrow_console_drops_the_least_important_columns_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {"model": "outlook", "run": "12345678", "n": "3,754", "Brier skill": "+1.00% [-1.00%, +3.00%]",
             "AUC": "0.512345678901234567890", "other": "0.512345678901234567890"}  # fmt: skip
    monkeypatch.setenv("COLUMNS", "80")
    ResultConsole().print(table_of(**shown))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "Not shown at this width: n, AUC; --json has all." in out
    assert "+1.00% [-1.00%, +3.00%]" in out
    monkeypatch.setenv("COLUMNS", "200")
    ResultConsole().print(table_of(**shown))
    assert "Not shown" not in capsys.readouterr().out


def test_the_first_two_columns_stay_whatever_the_width() -> None:
    table = table_of(kind="bars", series="a name", AUC="0.5", n="1")
    assert fit(table, ResultConsole(), 3) == ["AUC", "n"]
    assert [column.header for column in table.columns] == ["kind", "series"]


def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert ResultConsole().no_color


def test_prose_is_wrapped_where_the_width_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "word " * 60
    for columns, lines in (("80", 4), (None, 1)):
        monkeypatch.delenv("COLUMNS", raising=False)
        if columns is not None:
            monkeypatch.setenv("COLUMNS", columns)
        ResultConsole().print(text, soft_wrap=True)
        assert len(capsys.readouterr().out.splitlines()) == lines
