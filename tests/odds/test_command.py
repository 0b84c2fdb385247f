"""`bullbear odds` as a user meets it: panel, JSON, chart, record, and one line for what cannot be answered."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bullbear.cli import main
from bullbear.data import Store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bullbear(simulated_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        home = str(simulated_store.root.parent)
        monkeypatch.setattr(sys, "argv", ["bullbear", "odds", "--home", home, *arguments])
        code = 0
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


KEYS = {
    "event", "indicator", "direction", "occurred_on", "age_sessions", "cases", "continued", "odds", "odds_low",
    "odds_high", "base_rate", "lift", "effective_cases", "q_value", "horizon_sessions", "since", "statement",
}  # fmt: skip


def test_json_has_one_object_per_event_of_the_look_back(bullbear: Run) -> None:
    code, out, _ = bullbear("--json")
    found = json.loads(out)
    assert code == 0
    assert len(found) > 30
    assert all(set(each) >= KEYS for each in found)
    assert {each["horizon_sessions"] for each in found} == {21}
    for each in found:
        if each["cases"]:
            assert 0.0 <= each["odds_low"] <= each["odds"] <= each["odds_high"] <= 1.0
            assert each["odds"] == each["continued"] / each["cases"]
            assert 0.0 < each["effective_cases"] <= each["cases"] + 1e-9
            assert each["lift"] == pytest.approx(each["odds"] / each["base_rate"])


def test_the_panel_groups_what_is_active_and_says_that_the_market_is_simulated(bullbear: Run) -> None:
    code, out, _ = bullbear("--horizon", "5", "--as-of", "2005-06-30")
    assert code == 0
    assert "IWM odds at the close of 2005-06-30, 5 sessions ahead  SIMULATED" in out
    assert out.index("Bullish") < out.index("Bearish")
    assert "Look-back from 2000-06-30" in out


def test_no_number_is_cut_and_only_what_is_beyond_luck_is_told(bullbear: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in ("80", "100"):
        monkeypatch.setenv("COLUMNS", width)
        _, out, _ = bullbear("--as-of", "2005-06-30")
        assert "…" not in out
        assert all(name in out for name in ("cases", "90% interval", "base rate", " q "))
        assert "Not shown at this width: " in " ".join(out.replace("│", " ").split())
        assert len(out.splitlines()) < 60
    assert "past cases" not in out
    assert "past cases" in " ".join(bullbear("--as-of", "2005-06-30", "--all")[1].replace("│", " ").split())


def test_any_question_may_be_asked(bullbear: Run) -> None:
    code, out, _ = bullbear("--question", "dip5", "--all")
    assert code == 0
    assert "IWM odds of dip5 at the close of 2006-12-29, 21 sessions ahead  SIMULATED" in out
    assert "Bearish events: how often dip5 came true afterwards" in out
    assert "A close 5 % or more below today's within the month." in " ".join(out.replace("│", " ").split())
    code, out, _ = bullbear("--question", "vol20", "--json")
    found = json.loads(out)
    assert code == 0
    assert {each["question"] for each in found} == {"vol20"}
    assert len({each["base_rate"] for each in found if each["cases"]}) == 1  # whatever the direction of the event


def test_one_event_is_shown_though_it_is_not_active(bullbear: Run) -> None:
    code, out, _ = bullbear("--event", "golden_cross", "--since", "2000-01-03")
    assert code == 0
    assert "golden cross" in out


def test_a_chart_per_event_is_a_picture_in_the_reports(bullbear: Run, simulated_store: Store) -> None:
    code, out, err = bullbear("--event", "macd_turns_positive", "--chart", "--json")
    path = Path(err.strip())
    assert code == 0
    assert len(json.loads(out)) == 1
    assert path == simulated_store.root.parent / "reports" / "odds" / "IWM_macd_turns_positive_21.png"
    picture = path.read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert b"SIMULATED" in picture
    bullbear("--event", "macd_turns_positive", "--chart", "--json")
    assert path.read_bytes() == picture


def test_a_closed_day_is_said(bullbear: Run) -> None:
    _, friday, _ = bullbear("--as-of", "2005-07-01", "--json")
    code, monday, err = bullbear("--as-of", "2005-07-04", "--json")
    assert (code, monday) == (0, friday)
    assert err == (
        "note: the exchange was closed on Mon 4 Jul 2005: the answer is that of the close before, Fri 1 Jul 2005\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--ticker", "ZZZ"],
            "bullbear: --ticker: got 'ZZZ'; allowed: a ticker listed by `bullbear status",
        ),
        (
            ["--as-of", "1985-01-02"],
            "bullbear: --as-of: got '1985-01-02'; allowed: 2000-01-03 to 2006-12-29, the bars of IWM",
        ),
        (["--question", "dip99"], "bullbear: --question: got 'dip99'; allowed: up, fall5, dip5"),
        (["--event", "golden_goose"], "bullbear: event: got 'golden_goose'"),
        (["--since", "2006-12-28"], "bullbear: --since: got '2006-12-28'"),
        (["--history", "--as-of", "2005-06-30"], "bullbear: --as-of: got '2005-06-30'; allowed: not together with"),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_exit_2(bullbear: Run, arguments: list[str], line: str) -> None:
    code, out, err = bullbear(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_the_record_of_another_question_is_logged_as_such(bullbear: Run, simulated_store: Store) -> None:
    from bullbear.home import Home
    from bullbear.tracking.mlflow_store import connect
    from bullbear.tracking.odds_run import EXPERIMENT

    code, out, _ = bullbear("--history", "--question", "dip5", "--horizon", "5", "--json")
    record = json.loads(out)
    assert code == 0
    assert (record["question"], record["pooled"]["question"]) == ("dip5", "dip5")
    assert record["pooled"]["share_up"] < 0.3
    client = connect(Home(simulated_store.root.parent).runs)
    (run,) = [
        each
        for each in client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
        if each.data.params.get("question") == "dip5"
    ]
    assert run.info.run_name == "odds IWM dip5 5"


def test_the_record_scores_every_event_and_is_logged(bullbear: Run, simulated_store: Store) -> None:
    from bullbear.errors import RunError
    from bullbear.home import Home
    from bullbear.tracking import Runs
    from bullbear.tracking.mlflow_store import connect
    from bullbear.tracking.odds_run import EXPERIMENT

    code, out, _ = bullbear("--history", "--horizon", "5", "--json")
    record = json.loads(out)
    assert code == 0
    assert record["simulated"] is True
    assert record["pooled"]["n"] > 400
    assert len(record["events"]) > 30
    skills = [each["raw_bss"] for each in record["events"]]
    assert skills == sorted(skills, reverse=True)
    assert all(each["shrunk_bss_low"] <= each["shrunk_bss"] <= each["shrunk_bss_high"] for each in record["events"])
    home = Home(simulated_store.root.parent)
    client = connect(home.runs)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    (run,) = [each for each in client.search_runs([experiment]) if "question" not in each.data.params]
    assert run.info.status == "FINISHED"
    assert run.data.params == {"ticker": "IWM", "horizon": "5"}
    assert run.data.tags["data"] == "SIMULATED"
    assert run.data.metrics["skill/bss"] == pytest.approx(record["pooled"]["bss"])
    first = record["events"][0]
    assert run.data.metrics[f"raw_bss/{first['event']}"] == pytest.approx(first["raw_bss"])
    assert {each.path for each in client.list_artifacts(run.info.run_id)} == {
        "events.json", "predictions.csv", "record.json",
    }  # fmt: skip
    with pytest.raises(RunError, match="run: got 'latest'"):
        Runs(home).find("latest")  # a record is no training
