"""The daily forecast: the walk-forward repeated to the last bit, never with a model that did not exist yet."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.decide import Book, backtest
from bullbear.definitions import Target
from bullbear.errors import HistoryError, InputError, NoDataError, RunError
from bullbear.forecasting import refitting
from bullbear.forecasting.advised import Advised, advised
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.card.card import card_of
from bullbear.forecasting.champions import Asked, others_of
from bullbear.forecasting.close import Close, close_of
from bullbear.forecasting.forecast import forecast_at, forecasts_at, issue, replay
from bullbear.forecasting.ledger import SCHEMA_VERSION, Ledger, of_question, with_provenance
from bullbear.forecasting.policy_forecasts import spoken
from bullbear.forecasting.today import forecast_close
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.workflows.training import train_model

KEYS = {
    "": "question ticker decided_at resolves_on horizon_sessions p_up p_low p_high climatology outlook distribution "
    "regime agents positions stops reentries triggers trend account drivers model data",
    "agents.bull": "weight instrument reasons sleeves",
    "agents.bear": "weight instrument tier reasons sleeves",
    "account": "kind trades book since",
    "model": "name run_id definition_hash trained_through age_sessions refit_overdue_sessions",
    "data": "fingerprint last_known_at stale simulated",
}

Once = Callable[[str, Callable[[Path], None]], Path]


def of_day(home: Home, day: str | None) -> dict:
    champion = read_bundle(home.champion)
    return replay(home.store(), champion, day, others=others_of(home, champion))


@pytest.mark.parametrize("day", ["2003-01-02", "2005-07-01", "2007-12-31"])
def test_a_day_inside_the_walk_forward_is_repeated_to_the_last_bit(trained_home: Home, day: str) -> None:
    bundle = read_bundle(trained_home.champion)
    row = bundle.predictions.table.set_index("decided_at").loc[f"{day}"].iloc[0]
    entry = of_day(trained_home, day)
    assert (entry["p_up"], entry["p_low"], entry["p_high"]) == (row["p"], row["p_low"], row["p_high"])
    assert entry["climatology"] == row["climatology"]
    assert entry["resolves_on"] == str(row["resolved_at"].tz_convert("America/New_York").date())
    assert entry["model"]["trained_through"] < day


def test_the_document_has_the_keys_of_the_interface(trained_home: Home) -> None:
    entry = of_day(trained_home, "2006-03-01")
    for path, names in KEYS.items():
        found = entry
        for part in filter(None, path.split(".")):
            found = found[part]
        assert set(found) == set(names.split()), path
    assert set(entry["positions"]) == {"IWM", "TWM", "CASH"}
    assert sum(entry["positions"].values()) == pytest.approx(1.0, abs=1e-12)
    assert entry["data"]["simulated"] is True
    for driver in entry["drivers"]:
        assert set(driver) == {"factor", "value", "contribution"}
        assert driver["factor"] in ("rsi_14", "vix")
    for stop in entry["stops"]:
        assert {"ticker", "level", "atr", "multiple"} <= set(stop)


def test_the_days_since_the_training_are_each_forecast_by_their_own_factors_model_and_base_rate(
    eager_home: Home, tmp_path: Path
) -> None:
    home, day = eager_home, "2007-07-20"
    whole = read_bundle(home.champion)
    span = whole.predictions.table.set_index("decided_at").loc["2007-05-10":day]
    assert len(span) == 50
    assert span["p"].nunique() > 5
    assert whole.model_for(span["resolved_at"].index[0].tz_localize(None)) != whole.model_for(pd.Timestamp(day))
    cut = _ended(whole, tmp_path / "cut", "2007-05-10")

    at = close_of(home.store(), Target(), day)

    def since_then(at: Close) -> Predictions:
        closes = at.decidable_after(None)["decided_at"]
        read = [Asked(Target().question, cut)]
        return spoken(at.view, at.labels_of, "IWM", read, closes, forecast_close(at, cut).apart)["up"]

    said = since_then(at).table
    columns = ["decided_at", "p", "p_low", "p_high", "climatology"]
    pd.testing.assert_frame_equal(said[columns], span.reset_index()[columns], check_exact=True)
    assert forecast_at(at, cut, simulated=True) == forecast_at(at, whole, simulated=True)
    # On the day after the training's last forecast there is one new row, and none is repeated.
    one = close_of(home.store(), Target(), "2007-05-10")
    assert len(since_then(one)) == 1


def test_a_replay_holds_what_the_backtest_held(eager_home: Home) -> None:
    home = eager_home
    bundle = read_bundle(home.champion)
    tested = backtest(bundle.predictions, home.store().as_of(), bundle.policy, baselines={})
    decided = [state.decided_at for state in tested.states]
    assert len({tuple(stance.positions.values()) for stance in tested.stances}) > 5
    for number in (0, 1, 700, len(decided) - 1):
        entry = of_day(home, str(decided[number].date()))
        assert Book.from_json(entry["account"]["book"]) == tested.books[number]
        assert entry["positions"] == dict(tested.stances[number].positions)


def test_a_replay_in_prices_of_another_level_holds_the_same_weights(home: Home) -> None:
    before = of_day(home, "2007-07-20")
    store = home.store()
    rows = {name: store.as_of().bars(name).reset_index().assign(series=name) for name in ("IWM", "TWM")}
    mark = (store.root / "SIMULATED.json").read_text()
    for path in (store.root / "bars").iterdir():
        path.unlink()
    for bars in rows.values():
        store.append("bars", bars.assign(adj_close=bars["adj_close"] * 0.5))
    (store.root / "SIMULATED.json").write_text(mark)
    after = of_day(home, "2007-07-20")
    assert after["positions"] == before["positions"]
    assert after["account"]["trades"] == before["account"]["trades"]
    held = {place: entry["account"]["book"]["marks"]["IWM"]["price"] for place, entry in (("a", after), ("b", before))}
    assert held["a"] == held["b"] * 0.5


@pytest.mark.parametrize("asked", ["2007-06-16", "2007-06-17"])
def test_a_weekend_is_answered_from_friday(trained_home: Home, asked: str) -> None:
    assert of_day(trained_home, asked)["decided_at"] == "2007-06-15T20:00:00Z"


def test_without_a_day_the_last_session_answers(trained_home: Home) -> None:
    assert of_day(trained_home, None) == of_day(trained_home, "2007-12-31")


@pytest.mark.parametrize(
    ("day", "kind", "message"),
    [
        ("2001-12-31", HistoryError, "look ahead"),
        ("2002-12-31", HistoryError, "days from 2003-01-02, the champion's first out-of-sample forecast"),
        ("1999-12-31", NoDataError, "--as-of: got '1999-12-31'; allowed: 2000-01-03 to 2007-12-31"),
        ("2008-02-01", NoDataError, "--as-of: got '2008-02-01'"),
        ("2008-01-03", NoDataError, "--as-of: got '2008-01-03'"),
        ("1066-10-14", NoDataError, "--as-of"),
        ("9999-12-31", NoDataError, "--as-of"),
        ("yesterday", InputError, "got 'yesterday'"),
        ("2007-02-30", InputError, "got '2007-02-30'"),
        ("", InputError, "got ''"),
    ],
)
def test_a_day_that_cannot_be_answered(trained_home: Home, day: str, kind: type[InputError], message: str) -> None:
    with pytest.raises(kind, match=message):
        of_day(trained_home, day)


def test_asked_twice_there_is_one_entry(home: Home) -> None:
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    before = of_question(ledger.entries())
    assert [entry["decided_at"] for entry in before] == ["2007-06-15T20:00:00Z", "2007-12-31T21:00:00Z"]
    assert issue(home) == before[1]
    assert issue(home, "2007-12-28")["ledger"]["index"] == 16  # two evenings of eight questions came before
    assert issue(home, "2007-12-29")["ledger"]["index"] == 16  # a Saturday: the same decision
    assert len(ledger.entries()) == 24


def test_another_champion_makes_another_entry_without_drivers(home: Home) -> None:
    runs = Runs(home)
    base = next(run for run in map(runs.find, _ids(runs)) if run.model == "base")
    runs.promote(base)
    entry = issue(home)
    assert entry["ledger"]["index"] == 16
    assert entry["model"]["run_id"] == base.run_id
    assert entry["drivers"] == []
    assert entry["p_up"] == pytest.approx(entry["climatology"], abs=1e-12)


def _ids(runs: Runs) -> list[str]:
    return [run.run_id for run in runs._finished()]


def test_a_champion_of_simulated_data_does_not_forecast_on_real_data(home: Home) -> None:
    (home.data / "SIMULATED.json").unlink()
    with pytest.raises(InputError, match=r"champion: got 'trained on the simulated market'"):
        issue(home)


def test_no_champion(home: Home) -> None:
    home.champion.unlink()
    line = (
        "champion: none yet; allowed: a promoted run; train a model, then `bullbear promote latest`; `bullbear train "
        "climatology && bullbear promote latest` makes the base rate the champion"
    )
    with pytest.raises(RunError, match=f"^{re.escape(line)}$"):
        issue(home)


def test_rows_known_later_change_nothing(home: Home) -> None:
    before = of_day(home, "2006-03-01")
    bars = home.store().as_of().bars("IWM").loc["2006-03-01":].reset_index()
    later = bars.assign(series="IWM", known_at=bars["known_at"] + pd.Timedelta(days=1))
    later[["open", "high", "low", "close", "adj_close"]] *= 2.0
    assert home.store().append("bars", later) == len(bars)
    assert of_day(home, "2006-03-01") == before


def _late(home: Home, day: str, known_at: str) -> None:
    """Put off the bar of IWM on `day` until `known_at`, as if it had been set aside and accepted later."""
    store = home.store()
    rows = store.as_of().bars("IWM").reset_index().assign(series="IWM")
    rows.loc[rows["event_date"] == day, "known_at"] = pd.Timestamp(known_at, tz="UTC")
    mark = (store.root / "SIMULATED.json").read_text()
    for path in (store.root / "bars").iterdir():
        path.unlink()
    store.append("bars", rows)
    (store.root / "SIMULATED.json").write_text(mark)


def test_a_bar_accepted_after_its_close_is_not_forecast_on_its_own_day(home: Home) -> None:
    _late(home, "2007-12-31", "2007-12-31T23:00")
    entry = issue(home)
    assert entry["decided_at"] == "2007-12-28T21:00:00Z"
    assert entry["data"]["last_known_at"] == "2007-12-28T21:00:00Z"
    with pytest.raises(
        NoDataError, match=r"--as-of: got '2007-12-31'; allowed: sessions whose bar of IWM was known at"
    ):
        of_day(home, "2007-12-31")


def test_every_forecast_rests_on_the_bar_of_its_own_session(home: Home) -> None:
    _late(home, "2007-06-19", "2007-06-19T22:00")
    for day in ("2007-06-18", "2007-06-20"):
        entry = of_day(home, day)
        assert entry["decided_at"] == entry["data"]["last_known_at"] == f"{day}T20:00:00Z"


def test_a_day_after_the_last_bar_is_refused_and_says_how_far_the_data_reach(trained_home: Home) -> None:
    # 1 January was a holiday: the 2nd is the first session without data.
    assert of_day(trained_home, "2008-01-01")["decided_at"] == "2007-12-31T21:00:00Z"
    with pytest.raises(NoDataError, match=r"--as-of: got '2008-01-02'; allowed: 2000-01-03 to 2007-12-31, the bars of"):
        of_day(trained_home, "2008-01-02")


def test_a_forecast_says_how_old_its_data_are(home: Home) -> None:
    evening, later = (pd.Timestamp(text, tz="UTC") for text in ("2007-12-31T22:00", "2008-01-11T22:00"))
    entry = issue(home, "2007-12-27", now=evening)
    assert (entry["data"]["sessions_behind"], entry["kind"]) == (2, "replay")
    assert issue(home, "2007-12-26", now=later)["data"]["sessions_behind"] == 11


def test_replays_are_hypothetical_and_live_advice_has_an_account_of_its_own(home: Home) -> None:
    replay = issue(home, "2007-12-27", now=pd.Timestamp("2008-02-01", tz="UTC"))
    assert replay["account"]["kind"] == "hypothetical"
    live = issue(home, "2007-12-28", now=pd.Timestamp("2007-12-28T22:00", tz="UTC"))
    assert (live["kind"], live["account"]["kind"]) == ("live", "advised")
    # The account of what was advised starts in cash: a replay advised nothing.
    assert [trade["weight_before"] for trade in live["account"]["trades"]] == [0.0]
    assert live["account"]["trades"][0]["weight_after"] == live["positions"]["IWM"] > 0
    assert live["account"]["book"]["cash"] == 1.0


def test_a_new_champion_starts_from_the_advised_positions_and_names_its_trades(home: Home) -> None:
    first = issue(home, "2007-12-27", now=pd.Timestamp("2007-12-27T22:00", tz="UTC"))
    bought = first["positions"]["IWM"]
    runs = Runs(home)
    base = next(run for run in map(runs.find, _ids(runs)) if run.model == "base")
    path = base.artifacts / "bundle" / "bundle.json"
    meta = json.loads(path.read_text())
    meta["policy"] |= {"neutral_weight": 0.25, "bull_above": 0.95, "bull_weight": 0.5, "bull_instrument": "UWM"}
    path.write_text(json.dumps(meta))
    runs.promote(runs.find(base.run_id))
    second = issue(home, "2007-12-28", now=pd.Timestamp("2007-12-28T22:00", tz="UTC"))
    trades = {trade["ticker"]: trade for trade in second["account"]["trades"]}
    assert trades["IWM"]["weight_before"] == pytest.approx(bought, abs=0.02)
    assert trades["IWM"]["weight_after"] == 0.0
    book = second["account"]["book"]
    assert book["cash"] + sum(each["value"] for each in book["values"]) == pytest.approx(book["equity"], abs=1e-15)
    assert book["equity"] != 1.0


def _evening(day: str, clock: str = "22:00") -> pd.Timestamp:
    return pd.Timestamp(f"{day}T{clock}", tz="UTC")


def _timid(home: Home) -> Run:
    """The run of the base rate under a policy that holds nothing."""
    runs = Runs(home)
    base = next(run for run in map(runs.find, _ids(runs)) if run.model == "base")
    path = base.artifacts / "bundle" / "bundle.json"
    meta = json.loads(path.read_text())
    meta["policy"] |= {"neutral_weight": 0.0, "bull_above": 0.99, "bear_below": 0.01}
    path.write_text(json.dumps(meta))
    return runs.find(base.run_id)


def test_the_last_advice_of_an_evening_counts_and_the_earlier_ones_leave_no_trace(home: Home) -> None:
    runs = Runs(home)
    small, timid = runs.find("champion"), _timid(home)
    for day in ("2007-12-24", "2007-12-26", "2007-12-27"):
        issue(home, day, now=_evening(day))
    quiet = Home(Path(shutil.copytree(home.root, home.root.parent / "quiet", symlinks=True)))
    alone = issue(quiet, "2007-12-28", now=_evening("2007-12-28"))

    first = issue(home, "2007-12-28", now=_evening("2007-12-28", "21:30"))
    assert "replaces" not in first["account"]
    runs.promote(timid)
    sold = issue(home, "2007-12-28", now=_evening("2007-12-28"))
    assert sold["account"]["replaces"] == first["ledger"]["index"]
    assert (sold["positions"]["IWM"], sold["stops"]) == (0.0, [])
    runs.promote(small)
    again = issue(home, "2007-12-28", now=_evening("2007-12-28", "22:30"))
    assert again["account"] == alone["account"] | {"replaces": sold["ledger"]["index"]}
    assert (again["stops"], again["positions"]) == (alone["stops"], alone["positions"])
    assert alone["stops"]
    # The ratchet of the evening before still holds: a level begun at this close would lie lower.
    stop = alone["stops"][0]
    assert (
        stop["level"] > home.store().as_of().bars("IWM")["close"]["2007-12-28"] - stop["multiple"] * stop["atr"] + 0.01
    )
    assert issue(home, "2007-12-28", now=_evening("2007-12-28", "23:00")) == again
    # The next evening continues what was said last.
    after = issue(home, "2007-12-31", now=_evening("2007-12-31"))
    assert after["account"] == issue(quiet, "2007-12-31", now=_evening("2007-12-31"))["account"]


def test_a_bar_of_the_inverse_fund_between_two_questions_of_an_evening_makes_another_advice(home: Home) -> None:
    store, day = home.store(), "2007-12-28"
    bears = json.loads((home.champion / "bundle.json").read_text())
    bears["policy"] |= {"bull_above": 0.99, "bear_below": 0.98, "bear_step": 0.0}
    (home.champion / "bundle.json").write_text(json.dumps(bears))
    rows = {name: store.as_of().bars(name).reset_index().assign(series=name) for name in ("IWM", "TWM")}
    mark = (store.root / "SIMULATED.json").read_text()
    for path in (store.root / "bars").iterdir():
        path.unlink()
    late = rows["TWM"][rows["TWM"]["event_date"] == day]
    store.append("bars", pd.concat([rows["IWM"], rows["TWM"].drop(late.index)]))
    (store.root / "SIMULATED.json").write_text(mark)

    first = issue(home, day, now=_evening(day))
    assert (first["agents"]["bear"]["instrument"], first["positions"]["TWM"]) == ("CASH", 0.0)
    store.append("bars", late)
    second = issue(home, day, now=_evening(day, "22:30"))
    assert second["data"]["fingerprint"] == first["data"]["fingerprint"]
    assert second["account"]["replaces"] == first["ledger"]["index"]
    assert second["positions"]["TWM"] > 0
    assert issue(home, day, now=_evening(day, "22:45")) == second


def test_a_session_that_has_not_closed_is_not_forecast_although_a_row_for_it_is_stored(home: Home) -> None:
    # 31 December closes at 21:00: a snapshot taken during the session holds an unfinished bar.
    before = len(Ledger(home.forecasts / "ledger.jsonl").entries())
    for asked in (None, "2007-12-31"):
        with pytest.raises(
            InputError,
            match=r"--as-of: got '2007-12-31'; allowed: a session that has closed by 2007-12-31T20:59:00Z; ask",
        ):
            issue(home, asked, now=_evening("2007-12-31", "20:59"))
    assert len(Ledger(home.forecasts / "ledger.jsonl").entries()) == before
    assert issue(home, "2007-12-31", now=_evening("2007-12-31", "21:00"))["kind"] == "live"


def test_an_entry_of_an_earlier_evening_is_shown_as_it_was(home: Home, bullbear: Callable[..., Any]) -> None:
    _late(home, "2007-12-31", "2007-12-31T23:00")
    entry = issue(home, now=_evening("2007-12-28"))
    assert (entry["kind"], entry["data"]["sessions_behind"]) == ("live", 0)
    assert issue(home, now=_evening("2007-12-31")) == entry
    done = bullbear("forecast", "--home", home.root, "--json")
    assert (done.code, done.err, json.loads(done.out)) == (0, "", entry | card_of(home, entry))
    assert done.json["ages"]["notice"] == [
        "This is the forecast of Fri 28 Dec 2007, 1 session before the last bar of IWM, Mon 31 Dec 2007."
    ]


def test_on_a_closed_day_the_session_before_answers_and_the_card_says_so(
    home: Home, bullbear: Callable[..., Any]
) -> None:
    friday = bullbear("forecast", "--home", home.root, "--as-of", "2007-06-15", "--json").json
    assert (friday["asked_for"], friday["ages"]["notice"]) == ("2007-06-15", [])
    sunday = bullbear("forecast", "--home", home.root, "--as-of", "2007-06-17", "--json").json
    assert sunday["asked_for"] == "2007-06-17"
    note = "The exchange was closed on Sun 17 Jun 2007: the answer is that of the close before, Fri 15 Jun 2007."
    assert sunday["ages"]["notice"] == [note]
    for each in (friday, sunday):
        del each["asked_for"], each["ages"]["notice"]
    assert sunday == friday


def test_what_is_stored_during_a_forecast_is_not_looked_at(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = issue(home, "2007-12-28", now=_evening("2007-12-28"))
    bars = home.store().as_of().bars("IWM").loc[["2007-12-28"]].reset_index().assign(series="IWM")
    bars["known_at"] -= pd.Timedelta(seconds=1)
    bars[["open", "high", "low", "close", "adj_close"]] *= 1.1

    def storing_meanwhile(*arguments: Any, **options: Any) -> Close:
        home.store().append("bars", bars)
        return close_of(*arguments, **options)

    monkeypatch.setattr("bullbear.forecasting.forecast.close_of", storing_meanwhile)
    assert issue(home, "2007-12-28", now=_evening("2007-12-28")) == plain


DAY = "2019-12-30T21:00:00Z"


def test_an_account_of_an_earlier_version_is_not_dropped_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    account = {"kind": "advised", "book": {}}
    entry = {"ticker": "IWM", "decided_at": DAY, "kind": "live", "data": {}, "account": account, "schema_version": 9}
    assert advised([entry], "IWM", simulated=False, decided_at="2019-12-31T21:00:00Z").before is None
    err = capsys.readouterr().err
    assert err.startswith(
        "note: the account advised on 2019-12-30 is of schema_version 9, which this version cannot read, "
    )
    advised([entry, entry | {"schema_version": SCHEMA_VERSION}], "IWM", simulated=False, decided_at=DAY)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"ticker": "SPY"}, False),
        ({"data": {"simulated": True}}, False),
        ({"data": {"simulated": False}}, True),
        ({"kind": "replay"}, False),
        ({"schema_version": 2}, True),
        ({"schema_version": 9}, False),
        ({"account": {"kind": "hypothetical"}}, False),
        ({"account": None}, False),
        ({"decided_at": "2019-12-31T21:00:00Z"}, False),
    ],
)
def test_only_live_advice_on_this_ticker_and_this_market_is_continued(change: dict[str, Any], counts: bool) -> None:
    def said(cash: float) -> dict[str, Any]:
        book = Book(session=pd.Timestamp("2019-12-30"), cash=cash).to_json()
        account = {"kind": "advised", "book": book}
        entry = {"ticker": "IWM", "decided_at": DAY, "kind": "live", "data": {}, "account": account}
        return entry | {"schema_version": SCHEMA_VERSION}

    def newest(entries: list[dict[str, Any]], simulated: bool) -> float:
        last = advised(entries, "IWM", simulated=simulated, decided_at=DAY).last
        assert last is not None
        return float(last["account"]["book"]["cash"])

    other = said(2.0)
    other |= {key: other[key] | value if isinstance(value, dict) else value for key, value in change.items()}
    other = {key: value for key, value in other.items() if value is not None}
    assert newest([said(1.0), other], simulated=False) == (2.0 if counts else 1.0)
    simulated = {**said(3.0), "data": {"simulated": True}}
    assert newest([simulated, other], simulated=True) == (2.0 if change == {"data": {"simulated": True}} else 3.0)
    assert advised([], "IWM", simulated=False, decided_at=DAY) == Advised(None, None)


def test_a_refit_that_is_due_is_made_once_and_kept(trained_home: Home, short: Home) -> None:
    home, whole = short, read_bundle(trained_home.champion)
    assert read_bundle(home.champion).trained_through()[-1] == "2007-03-30"
    calls: list[tuple[int, int]] = []
    entry = issue(home, "2007-12-28", progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]
    row = whole.predictions.table.set_index("decided_at").loc["2007-12-28"].iloc[0]
    assert (entry["p_up"], entry["p_low"], entry["p_high"]) == (row["p"], row["p_low"], row["p_high"])
    assert entry["model"] | {"age_sessions": 63, "refit_overdue_sessions": 0} == entry["model"]
    refitted = read_bundle(home.champion)
    assert refitted.trained_through() == whole.trained_through()
    assert refitted.believed() == whole.believed()
    for day in whole.trained_through():
        assert refitted.model_named(day).state() == whole.model_named(day).state()
    before = whole.predictions.table["decided_at"] < "2007-10-01"
    pd.testing.assert_frame_equal(
        refitted.predictions.table.drop(columns="y"),
        whole.predictions.table[before].drop(columns="y"),
        check_exact=True,
    )
    calls.clear()
    assert issue(home, "2007-12-28", progress=lambda done, total: calls.append((done, total))) == entry
    assert calls == []


def test_entries_replay_in_their_order_although_the_past_changed_after_a_refit(short: Home, tmp_path: Path) -> None:
    # A value that its rule dates back, but that was stored after a refit, was not in that refit.
    home = short
    run = Runs(home).find("champion")
    bundle = dataclasses.replace(run.bundle, meta=run.bundle.meta | {"run_id": run.run_id})
    entries = [issue(home, "2007-07-05")]
    vix = home.store().as_of().versions("observations", "VIXCLS")
    late = vix[(vix["event_date"] >= "2005-01-01") & (vix["event_date"] < "2007-05-01")].assign(series="VIXCLS")
    late["known_at"] += pd.Timedelta(seconds=1)
    late["value"] = late["value"].to_numpy()[::-1]
    home.store().append("observations", late[["series", "event_date", "known_at", "value"]])
    entries.append(issue(home, "2007-07-06"))
    assert {entry["model"]["trained_through"] for entry in entries} == {"2007-06-29"}

    def replayed(entry: dict, bundle: Bundle, place: str) -> tuple[dict, Bundle]:
        stored = pd.Timestamp(entry["data"]["stored_through"])
        at = close_of(home.store(), bundle.definition.target, entry["decided_at"][:10], stored=stored)
        bundle = refitting.continued(bundle, at.view, tmp_path / place)
        return forecast_at(at, bundle, others=others_of(home, bundle).asked, simulated=True), bundle

    carried = bundle
    for entry in entries:
        again, carried = replayed(entry, carried, entry["decided_at"][:10])
        assert again["p_up"] == entry["p_up"]
        assert {key: entry[key] for key in again if key != "data"} == {
            key: again[key] for key in again if key != "data"
        }
    at_once, _ = replayed(entries[1], bundle, "at once")
    assert at_once["p_up"] != entries[1]["p_up"]


def test_without_a_refit_the_forecast_says_its_age_and_is_refused_past_the_limit(
    short: Home, bullbear: Callable[..., Any]
) -> None:
    home = short
    entry = issue(home, "2007-07-05", refit=False)
    # Fitted on 30 March, due again with the third quarter.
    assert (
        entry["model"] | {"trained_through": "2007-03-30", "age_sessions": 66, "refit_overdue_sessions": 3}
        == entry["model"]
    )
    (home.root / "bullbear.toml").write_text("[staleness]\nmax_refit_overdue_sessions = 3\n")
    done = bullbear("forecast", "--home", home.root, "--as-of", "2007-07-06", "--no-refit")
    assert done.code == 3
    assert done.mistake.replace(f" --home {home.root}", "") == (
        "bullbear: refused by staleness budget: the refit of small, last fitted 67 sessions before 2007-07-06, is "
        "4 sessions overdue; run `bullbear forecast` without --no-refit, or train and promote again"
    )
    assert bullbear("forecast", "--home", home.root, "--as-of", "2007-07-06").code == 0


def test_the_clock_is_read_after_the_refit_so_that_a_late_forecast_is_not_live(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[pd.Timestamp] = []
    read: list[pd.Timestamp] = []

    def refitted(home: Home, bundle: Bundle, *_: Any) -> Bundle:
        ended.append(pd.Timestamp.now("UTC"))
        return bundle

    def issued_at(made: dict[str, Any], now: pd.Timestamp) -> dict[str, Any]:
        read.append(now)
        return with_provenance(made, now)

    monkeypatch.setattr("bullbear.forecasting.forecast.due_refits", lambda bundle, labels, lock: 1)
    monkeypatch.setattr("bullbear.forecasting.forecast.refit_champion", refitted)
    monkeypatch.setattr("bullbear.forecasting.forecast.with_provenance", issued_at)
    issue(home, "2007-12-27")
    assert len(ended) == len(set(read)) == 1
    assert read[0] >= ended[0]


def test_a_refit_does_not_undo_a_promotion(short: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home = short
    runs = Runs(home)
    base = next(run for run in map(runs.find, _ids(runs)) if run.model == "base")
    monkeypatch.setattr("bullbear.forecasting.refitting.continued", _promoting(runs, base, refitting.continued))
    with pytest.raises(RunError, match=r"champion: got 'replaced during the refit'"):
        issue(home, "2007-12-28")
    assert read_bundle(home.champion).meta["run_id"] == base.run_id


def test_a_refit_for_an_earlier_day_does_not_undo_a_later_one(short: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home = short
    real = refitting.continued

    def overtaken(*arguments: Any) -> Bundle:
        monkeypatch.setattr("bullbear.forecasting.refitting.continued", real)
        issue(home, "2007-12-28")
        return real(*arguments)

    monkeypatch.setattr("bullbear.forecasting.refitting.continued", overtaken)
    early = issue(home, "2007-07-05")
    assert early["model"]["trained_through"] == "2007-06-29"
    assert read_bundle(home.champion).trained_through()[-1] == "2007-09-28"


def test_what_is_stored_while_a_forecast_is_made_is_no_part_of_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    real = forecasts_at

    def overtaken(*arguments: Any, **named: Any) -> list[dict[str, Any]]:
        day = pd.Timestamp("2007-12-03")
        late = pd.DataFrame({"series": ["LATE"], "event_date": [day], "known_at": [day.tz_localize("UTC")]})
        home.store().append("observations", late.assign(value=1.0))
        return real(*arguments, **named)

    monkeypatch.setattr("bullbear.forecasting.forecast.forecasts_at", overtaken)
    entry = issue(home, "2007-12-26")
    stored = pd.Timestamp(entry["data"]["stored_through"])
    assert home.store().as_of().has("observations", "LATE")
    assert not home.store().as_of(stored=stored).has("observations", "LATE")


def _promoting(runs: Runs, other: Run, real: Callable[..., Bundle]) -> Callable[..., Bundle]:
    def promoting(*arguments: Any) -> Bundle:
        runs.promote(other)
        return real(*arguments)

    return promoting


@pytest.fixture(scope="session")
def short_home(trained_home: Home, once: Once) -> Home:
    """`trained_home` with a champion whose training ended on 2007-05-10; read it only."""
    return Home(once("short home", lambda place: _shorten(_whole_copy(trained_home, place), "2007-05-10")))


@pytest.fixture
def short(short_home: Home, tmp_path: Path) -> Home:
    """A copy of `short_home` to write into."""
    return _whole_copy(short_home, tmp_path / "short")


@pytest.fixture(scope="session")
def eager_home(trained_home: Home, once: Once) -> Home:
    """`trained_home` with the champion of `_eager`; read it only."""
    return Home(once("eager home", lambda place: _eager(_whole_copy(trained_home, place))))


def _whole_copy(home: Home, place: Path) -> Home:
    return Home(Path(shutil.copytree(home.root, place, symlinks=True, dirs_exist_ok=True)))


def _eager(home: Home) -> None:
    """A champion whose account depends on every forecast: thresholds amid them, no stops, every change is traded."""
    p = read_bundle(home.champion).predictions.table["p"]
    high, low = (float(p.quantile(share)) for share in (0.6, 0.4))
    path = home.root / "models" / "small.toml"
    keys = f"bull_above = {high}\nbear_below = {low}\nstop_atr_multiple = 0.0\nrebalance_threshold = 0.0\n"
    path.write_text(path.read_text() + f"\n[policy]\n{keys}")
    runs = Runs(home)
    runs.promote(runs.find(train_model(home, "small").run_id))


def _ended(bundle: Bundle, place: Path, day: str) -> Bundle:
    """The bundle as if its forecasts had ended before `day`."""
    shutil.copytree(bundle.root, place)
    ended = bundle.predictions.where((bundle.predictions.table["decided_at"] < day).to_numpy())
    (place / "predictions.csv").write_text(ended.to_csv())
    return read_bundle(place)


def _shorten(home: Home, end: str) -> None:
    """Make the champion one whose training ended with `end`."""
    run_id = train_model(home, "small", end=end).run_id
    runs = Runs(home)
    runs.promote(runs.find(run_id))


def test_a_forecast_needs_neither_mlflow_nor_scikit_learn(home: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from bullbear.learn.learners.lightgbm import import_without_sklearn;"
        "import_without_sklearn(); from bullbear.forecasting.forecast import issue; from bullbear.home import Home;"
        f"issue(Home(Path({str(home.root)!r})), '2007-11-01');"
        "print([name for name in ('mlflow', 'sklearn', 'matplotlib', 'statsmodels', 'arch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
