"""The evening in one go: every step, what becomes of those that fail, and evenings that are repeated or overlap."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data.fetching import FetchReport
from bullbear.errors import FetchError, FitError, GateError, InputError, LedgerError, RunError
from bullbear.files import FileLock
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect
from bullbear.tracking.registry import mark_champion
from bullbear.workflows import evening as evening_module
from bullbear.workflows.evening import Evening, run_evening

Spend = Callable[..., Evening]
DAYS = ("2007-09-04", "2007-09-05", "2007-09-06")


@pytest.fixture
def spend(home: Home, monkeypatch: pytest.MonkeyPatch) -> Spend:
    """An evening of the home on a day inside its store, ninety minutes after the close."""

    def on(day: str = DAYS[0], notices: Sequence[str] = (), **options: Any) -> Evening:
        now = sessions.closes(pd.DatetimeIndex([day]))[0] + pd.Timedelta(minutes=90)
        monkeypatch.setattr(evening_module, "issue", lambda place, **given: issue(place, day, **given))
        monkeypatch.setattr(evening_module, "ages_of", lambda sources: {"notice": notices})
        return run_evening(home, now=now, **{"report": False, **options})

    return on


def outcomes(evening: Evening) -> dict[str, str]:
    return {step.name: step.outcome for step in evening.steps}


def entries(home: Home) -> list[dict[str, Any]]:
    return Ledger(home.forecasts / "ledger.jsonl").entries()


def raising(error: BaseException) -> Callable[..., Any]:
    def broken(*arguments: object, **options: object) -> Any:
        raise error

    return broken


def test_the_steps_of_an_evening(home: Home, spend: Spend) -> None:
    before = len(entries(home))
    evening = spend()
    assert outcomes(evening) == {
        "fetch": "skipped",
        "refit": "skipped",
        "forecast": "done",
        "score": "done",
        "compare": "done",
        "report": "skipped",
    }
    assert evening.entry == of_question(entries(home))[-1]
    assert len(entries(home)) == before + len(home.questions())
    assert (evening.is_new, evening.exit_code, evening.missing) == (True, 0, None)
    assert evening.changes is not None
    assert (evening.changes["since"]["sessions"], evening.notified) == (55, False)  # a replay of the fixture
    assert evening.line.startswith("2007-09-04 IWM (SIMULATED): hold ")
    assert "; changed: " in evening.line


def test_a_second_evening_is_compared_with_the_first(spend: Spend) -> None:
    first = spend(DAYS[0])
    second = spend(DAYS[1])
    assert first.entry is not None
    assert second.changes is not None
    assert second.changes["since"]["decided_at"] == first.entry["decided_at"]
    assert second.line.endswith("nothing changed") or "; changed: " in second.line


def test_twice_in_an_evening_nothing_is_appended_twice(home: Home, spend: Spend) -> None:
    first = spend()
    path = home.forecasts / "ledger.jsonl"
    before = path.read_bytes()
    again = spend()
    assert path.read_bytes() == before
    assert (first.is_new, again.is_new) == (True, False)
    assert again.entry == first.entry
    assert again.line == first.line
    assert again.exit_code == 0


def test_two_evenings_at_once_take_turns(home: Home, spend: Spend) -> None:
    said: list[str] = []
    with FileLock(home.forecasts / ".day.lock"):
        other = ThreadPoolExecutor(1).submit(spend, say=said.append)
        with pytest.raises(TimeoutError):
            other.result(timeout=1.5)
        assert said == ["note: another evening of this home is under way; this one follows it"]
    assert other.result(timeout=60).is_new


@pytest.mark.parametrize(
    ("name", "function", "error", "code", "told"),
    [
        ("refit", "make_due_refits", FitError("a singular matrix"), 2, "a singular matrix"),
        ("score", "score_ledger", LedgerError("ledger.jsonl:3", "x", "y", "restore it"), 2, "ledger.jsonl:3: got 'x'"),
        ("compare", "changes_of", RuntimeError("two\nlines"), 1, "unexpected failure: RuntimeError: two lines;"),
        ("refit", "make_due_refits", OSError(28, "No space left on device", "/home/x"), 2, "/home/x: no space left"),
    ],
)
def test_a_step_that_fails_is_named_and_the_others_are_taken(
    spend: Spend, monkeypatch: pytest.MonkeyPatch, name: str, function: str, error: Exception, code: int, told: str
) -> None:
    monkeypatch.setattr(evening_module, function, raising(error))
    said: list[str] = []
    evening = spend(say=said.append)
    assert outcomes(evening)[name] == "failed"
    assert outcomes(evening)["forecast"] == "done"
    assert {outcome for step, outcome in outcomes(evening).items() if step != name} <= {"done", "skipped"}
    assert evening.exit_code == code
    assert evening.line.endswith(f"; failed: {name}")
    assert len(said) == 1
    assert said[0].startswith(f"bullbear: {name}: {told}")
    assert ("; changed: " in evening.line) == (name != "compare")


def test_without_a_forecast_the_ledger_is_scored_all_the_same(
    home: Home, spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = entries(home)
    refusal = GateError("staleness budget", "the last bar of IWM is 9 sessions old", "run `bullbear fetch`")
    monkeypatch.setattr(evening_module._Evening, "forecast", raising(refusal))
    evening = spend()
    assert outcomes(evening) == {
        "fetch": "skipped",
        "refit": "skipped",
        "forecast": "failed",
        "score": "done",
        "report": "skipped",
    }
    assert evening.exit_code == 3
    assert evening.line == "no forecast; failed: forecast"
    assert evening.as_dict()["entry"] is None
    assert entries(home) == before


def test_an_interrupt_ends_the_evening(spend: Spend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evening_module, "make_due_refits", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        spend()


def report_of(*failures: FetchError, arrived: int) -> Callable[..., FetchReport]:
    found = FetchReport(arrived=["yahoo IWM"] * arrived, failures=list(failures))
    return lambda home, **options: found


def failure(series: str, provider: str = "yahoo") -> FetchError:
    return FetchError(provider, series, "HTTP 429", "try later")


def test_a_provider_that_fails_is_said_and_stops_nothing(spend: Spend, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [*(failure(f"T{n}") for n in range(7)), failure("VIX", "cboe")]
    monkeypatch.setattr(evening_module, "fill_live", report_of(*failures, arrived=3))
    said: list[str] = []
    evening = spend(fetch=True, say=said.append)
    assert said == [
        "note: fetch: yahoo did not deliver T0, T1, T2, T3, T4, ...: HTTP 429",
        "note: fetch: cboe did not deliver VIX: HTTP 429",
    ]
    assert outcomes(evening)["fetch"] == "done"
    assert (evening.exit_code, evening.is_new) == (0, True)


@pytest.mark.parametrize("asked_for", [True, False])
def test_companies_are_brought_up_to_date_where_the_settings_ask_for_them(
    home: Home, spend: Spend, monkeypatch: pytest.MonkeyPatch, asked_for: bool
) -> None:
    monkeypatch.setattr(evening_module, "fill_live", report_of(arrived=3))
    monkeypatch.setattr(evening_module, "fill_companies", report_of(failure("ABC"), arrived=1950))
    if asked_for:
        (home.root / "bullbear.toml").write_text("[fetch]\ncompanies = true\n")
    step = spend(fetch=True).steps[0]
    assert (step.outcome, "companies: 1,950 series arrived" in step.result) == ("done", asked_for)
    assert any("1 series of companies did not arrive" in note for note in step.notes) == asked_for


def test_a_fetch_that_brings_nothing_has_failed_but_the_evening_goes_on(
    spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evening_module, "fill_live", report_of(failure("IWM"), arrived=0))
    evening = spend(fetch=True)
    assert outcomes(evening)["fetch"] == "failed"
    assert evening.line.endswith("; failed: fetch")
    assert (evening.exit_code, evening.is_new) == (0, True)


def test_without_the_last_session_in_a_home_that_is_fed_the_evening_is_not_done(
    spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evening_module._Evening, "is_fed", property(lambda course: True))
    monkeypatch.setattr(evening_module, "fill_live", report_of(failure("IWM"), arrived=0))
    assert spend(fetch=True).exit_code == 0  # its bar is there
    monkeypatch.setattr(evening_module.sessions, "last_closed", lambda now: pd.Timestamp("2007-09-05"))
    evening = spend(fetch=True)
    assert evening.missing == "no bar of IWM for 2007-09-05 yet"
    assert evening.exit_code == 2
    assert "; no bar of IWM for 2007-09-05 yet; failed: fetch" in evening.line


def test_a_fetch_that_is_asked_for_and_cannot_be_made_is_a_failure(spend: Spend) -> None:
    evening = spend(fetch=True)
    assert outcomes(evening)["fetch"] == "failed"
    assert (evening.exit_code, evening.is_new) == (2, True)  # providers bring nothing to a simulated market


def test_a_snapshot_that_has_ended_says_so(spend: Spend) -> None:
    said: list[str] = []
    assert spend(notices=["The data are old."], say=said.append).exit_code == 0
    assert said == ["note: forecast: The data are old."]


def test_no_fetch_is_asked_for_in_silence(spend: Spend) -> None:
    said: list[str] = []
    evening = spend(fetch=False, say=said.append)
    assert evening.steps[0].result == "not asked for"
    assert said == []


def test_without_a_champion_nothing_begins(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="champion"):
        run_evening(Home(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_command_is_refused_before_anything(home: Home, spend: Spend) -> None:
    before = entries(home)
    with pytest.raises(InputError, match="--notify"):
        spend(command="mail 'unclosed")
    assert entries(home) == before


def test_a_report_that_fails_is_named(spend: Spend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bullbear.workflows.reporting.report_champion", raising(RuntimeError("no ink")))
    evening = spend(report=True)
    assert outcomes(evening)["report"] == "failed"
    assert (evening.exit_code, evening.report) == (1, None)


def test_a_report_is_written(home: Home, spend: Spend, monkeypatch: pytest.MonkeyPatch) -> None:
    page = home.reports / "index.html"
    monkeypatch.setattr("bullbear.workflows.reporting.report_champion", lambda place, say: say("not kept") or page)
    evening = spend(report=True)
    assert evening.as_dict()["report"] == str(page)
    assert evening.steps[-1].notes == ["not kept"]


def test_an_alias_in_mlflow_that_disagrees_is_a_note_of_the_forecast(home: Home, spend: Spend) -> None:
    mark_champion(connect(home.runs), Runs(home).find("base"))
    (note,) = (each for step in spend().steps if step.name == "forecast" for each in step.notes)
    assert note.startswith("MLflow's alias `champion` of bullbear-simulated names run ")


def test_the_command_is_told_of_evenings_that_changed_something_and_once_of_each(spend: Spend, tmp_path: Path) -> None:
    script = tmp_path / "tell"
    script.write_text(f'#!/bin/sh\nprintf "%s|%s\\n" "$BULLBEAR_SUBJECT" "$BULLBEAR_WHAT" >> "{tmp_path}/told"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    expected, last = [], dict[str, pd.Timestamp]()
    for session in sessions.between("2007-08-01", "2007-08-14"):
        day = str(session.date())
        evening = spend(day, command=str(script))
        again = spend(day, command=str(script))
        assert not again.notified
        assert evening.changes is not None
        lines = evening.changes["lines"] if evening.changes["since"]["sessions"] <= 5 else []
        news = [line["what"] for line in lines if line["what"] in ("position", "stop", "regime")]
        outlook = [line["question"] for line in lines if line["what"] == "outlook"]
        if fresh := [each for each in outlook if each not in last or (session - last[each]).days >= 7]:
            last |= dict.fromkeys(fresh, session)
            news.append("outlook")
        assert evening.notified == bool(news)
        if news:
            what = ", ".join(dict.fromkeys(news))
            expected.append(f"{day} IWM (SIMULATED): {what} changed|{what}")
    assert 0 < len(expected) < 10
    assert (tmp_path / "told").read_text().splitlines() == expected
