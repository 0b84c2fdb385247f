from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tests.conftest import Answer
from tests.group.homes import fill, market

from bullbear.cli import group_tables
from bullbear.cli.console import ResultConsole
from bullbear.data import Store
from bullbear.group.screening import REASONS, Reason
from bullbear.home import Home
from bullbear.workflows.group import group_report, set_aside

Run = Callable[..., Answer]


@pytest.fixture(scope="module")
def filled(once) -> Home:
    return Home(once("home of a group", fill))


def test_the_document_of_a_group(filled: Home, bullbear: Run):
    found = bullbear("group", "--home", filled.root, "--movers", 2, "--json").json
    assert (found["group"], found["session"], found["simulated"]) == (
        "IWM",
        str(market().panel.sessions[-1].date()),
        False,
    )
    assert found["as_of"] == found["session"]
    assert (found["membership"]["members"], found["membership"]["priced"]) == (29, 28)
    assert found["membership"]["survivorship"] is None
    assert found["market_value"]["names"] == 26
    assert found["market_value"]["restated"] == 1
    assert list(found["growth"]) == ["5", "21", "63"]
    assert found["growth"]["21"]["price"]["names"] == 28
    assert found["growth"]["21"]["price"]["weighted_names"] == 26
    assert found["breadth"]["advances"] + found["breadth"]["declines"] + found["breadth"]["unchanged"] == 28
    (suspect,) = found["suspects"]
    assert (suspect["ticker"], suspect["session"], suspect["field"]) == ("C004", found["session"], "price")
    assert suspect["value"] == pytest.approx(10 * suspect["expected"])
    misprint = found["movers"][-1]
    assert (misprint["ticker"], misprint["verdict"]) == ("C004", "suspected misprint")
    assert misprint["growth"] > 5
    assert [each["sector"] for each in found["sectors"]] == ["Energy", "Financials", "Health Care"]
    assert any("GONE" in note for note in found["notes"])


def test_the_figures_of_an_earlier_day_know_no_later_list_and_no_later_bar(filled: Home, bullbear: Run):
    day = str(market().panel.sessions[120].date())
    found = bullbear("group", "--home", filled.root, "--as-of", day, "--json").json
    assert (found["as_of"], found["session"], found["suspects"]) == (day, day, [])
    before = str(market().panel.sessions[90].date())
    mistake = bullbear("group", "--home", filled.root, "--as-of", before).mistake
    assert f"membership is not known at the close of {before}" in mistake


def test_impossible_bars_of_members_are_noted_until_a_sound_one_comes(filled: Home):
    panel = market().panel
    day = panel.sessions[-1]
    close = panel.close.copy()
    close[-1, 5:8] = close[0, 7] = np.nan
    aside = pd.DataFrame({"company": ["C004", "C005", "C006", "C007", "C999"], "event_date": day, "kind": "bars"})
    aside.loc[3, "event_date"] = panel.sessions[0]  # too old
    aside.loc[2, "kind"] = "facts"
    member = np.ones(len(panel.companies), dtype=bool)
    (note,) = set_aside(aside, replace(panel, close=close), member)
    assert note == f"1 impossible bar of members set aside in the last 126 sessions: C005 on {day.date()}"
    assert set_aside(aside, panel, member) == ()
    assert set_aside(filled.filled_store().as_of().companies.quarantine(), panel, member) == ()


def test_a_list_fixed_on_a_day_says_so(filled: Home, bullbear: Run):
    answer = bullbear("group", "--home", filled.root, "--group", "three")
    assert "membership fixed on 2026-05-05: survivorship" in answer.out
    assert "3 members (models/groups.toml), 3 with a price" in answer.out


def test_a_ticker_that_no_company_ever_had_is_named(filled: Home, bullbear: Run):
    (note,) = [
        each
        for each in bullbear("group", "--home", filled.root, "--group", "typo", "--json").json["notes"]
        if "groups.toml" in each
    ]
    assert note == "ZZY: no company of that ticker in the store; correct models/groups.toml"
    mistake = bullbear("group", "--home", filled.root, "--group", "strangers").mistake
    assert "ZZZ" in mistake
    assert "correct models/groups.toml" in mistake
    assert bullbear("pick", "--home", filled.root, "--group", "strangers").mistake == mistake


def test_the_text_shows_value_growth_breadth_movers_and_suspects(filled: Home, bullbear: Run):
    out = bullbear("group", "--home", filled.root).out
    for part in (
        "IWM at the close of", "29 members (holdings of IWM on", "Market value   mean $", "new highs", "Growth",
        "price, week (5 sessions)", "volume, quarter (63 sessions)", "Health Care", "Movers over 5 sessions",
        "suspected misprint", "1 suspect in the last 126 sessions", "decimal point shifted (decimal)", "corrected",
        ", 1 of them on restated prices: not as of that day",
    ):  # fmt: skip
        assert part in out, part


def suspect(reason: Reason, value: float, *, corrected: bool) -> SimpleNamespace:
    session = pd.Timestamp("2019-12-31")
    return SimpleNamespace(
        company="ABCDE",
        session=session,
        sessions=12,
        reason=REASONS[reason],
        value=value,
        expected=value,
        corrected=corrected,
    )


@pytest.mark.parametrize("reason", list(REASONS))
def test_suspects_fit_80_columns_whole(reason: Reason, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    found = [suspect(reason, 1_234_567_890.0, corrected=True), suspect(reason, 1_234_567_890.0, corrected=False)]
    members = SimpleNamespace(companies=["ABCDE"], tickers=["ABCDE"])
    group_tables._suspects(ResultConsole(), SimpleNamespace(figures=SimpleNamespace(suspects=found), members=members))
    out = capsys.readouterr().out
    rows = [line.rstrip() for line in out.splitlines() if line.startswith("ABCDE")]
    assert all(row.count("1,234,567,890") == 2 and len(row) <= 80 for row in rows)
    assert rows[0].endswith("doubtful" if "volume" in REASONS[reason] else "corrected")
    assert rows[1].endswith("left out")
    assert ("doubted although" in out) == ("volume" in REASONS[reason])


def test_values_on_restated_prices_alone_are_no_values_of_that_day(filled: Home, capsys):
    report = group_report(filled)
    value = replace(report.figures.value, restated=report.figures.value.names)
    group_tables.show(
        replace(
            report,
            figures=replace(
                report.figures, value=value, breadth=replace(report.figures.breadth, new_highs=1.0, new_lows=1.0)
            ),
        )
    )
    out = capsys.readouterr().out
    assert "Market value   unknown as of that day" in out
    assert "1 new high and 1 new low of" in out


def test_a_sector_alone(filled: Home, bullbear: Run):
    found = bullbear("group", "--home", filled.root, "--sector", "energy", "--json").json
    assert found["sector"] == "Energy"
    assert found["membership"]["members"] == 11
    assert {each["sector"] for each in found["movers"]} == {"Energy"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--within", "sector"), "allowed: only together with --ratings"),
        (("--group", "Nope"), "allowed: IWM, three, typo, strangers"),
        (("--group", "strangers"), "in the store at the close of"),
        (("--sector", "Gold"), "allowed: Energy, Financials, Health Care"),
        (("--as-of", "2010-01-04"), "the bars of companies in the store; choose a later day"),
        (("--as-of", "2030-01-04"), "fetch or ingest newer data, or choose an earlier day"),
    ],
)
def test_mistakes_are_one_line_with_what_is_allowed(filled: Home, bullbear: Run, options, said):
    answer = bullbear("group", "--home", filled.root, *options)
    assert answer.code == 2
    assert said in answer.mistake


def test_an_empty_home_says_what_to_do(tmp_path: Path, bullbear: Run):
    assert "nothing stored" in bullbear("group", "--home", tmp_path).mistake


def test_a_home_without_companies_says_what_to_do(tmp_path: Path, bullbear: Run):
    close = pd.Timestamp("2019-12-31 21:00", tz="UTC")
    row = {"series": ["VIXCLS"], "event_date": [pd.Timestamp("2019-12-31")], "known_at": [close], "value": [13.8]}
    Store(tmp_path / "data").append("observations", pd.DataFrame(row))
    mistake = bullbear("group", "--home", tmp_path).mistake
    assert "no bars of any company in the store" in mistake
    assert "fetch --holdings" in mistake
    assert "simulate" not in mistake
