"""What the report shows below the forecast: complete, the numbers of the commands, and nothing from after the close."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.data.segments import KINDS
from bullbear.decide.performance.side_by_side import comparison
from bullbear.evaluate import evaluate
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.forecasting.scoring import score_ledger
from bullbear.home import Home
from bullbear.odds import event_odds
from bullbear.report.level_chart import level_chart
from bullbear.tracking import Runs
from bullbear.workflows.backtesting import backtest_run
from bullbear.workflows.belief import belief_of_run
from bullbear.workflows.report_data import price
from bullbear.workflows.report_data.contents import Contents, contents_of
from bullbear.workflows.report_data.models import compared_models
from bullbear.workflows.reporting import result_of_run

LATEST = pd.Timestamp("2007-12-31 21:00", tz="UTC")
"""The close of the newest forecast of `trained_home`."""


def _entries(home: Home) -> list[dict[str, Any]]:
    """Those of `up`, as if made on whatever is stored: what they could see is cut at their close alone."""
    made = of_question(Ledger(home.forecasts / "ledger.jsonl").entries())
    return [{**entry, "data": {**entry["data"], "stored_through": None}} for entry in made]


def _contents(home: Home, entry: dict[str, Any]) -> Contents:
    sources, run = Sources(home, entry, home.store()), Runs(home).find("champion")
    return contents_of(sources, entry, backtest_run(home, run, until=sources.decided_at))


@pytest.fixture(scope="module")
def latest(trained_home: Home) -> Contents:
    return _contents(trained_home, _entries(trained_home)[-1])


@pytest.fixture(scope="module")
def early(trained_home: Home) -> Contents:
    return _contents(trained_home, _entries(trained_home)[0])


def _plain(value: Any) -> Any:
    """Tables as text: frames have no equality."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.to_csv() if isinstance(value, pd.DataFrame | pd.Series) else repr(value)


def test_a_report_on_an_early_close_shows_nothing_of_what_came_later(
    home: Home, early: Contents, latest: Contents
) -> None:
    first, last = _entries(home)
    assert pd.Timestamp(last["decided_at"]) == LATEST
    _rewrite_what_came_later(home, pd.Timestamp(first["decided_at"]), LATEST - pd.Timedelta(hours=4))
    assert _plain(_contents(home, first)) == _plain(early)
    changed = _plain(_contents(home, last))
    same = [name for name, value in _plain(latest).items() if value == changed[name]]
    # The outlook without a fan is the entry's own; of every other part, one that ignores the data proves nothing.
    # Audits are of the present code and data, whatever the close; there are no companies to look inside.
    assert same == ["outlook", "inside", "audits"]


def _rewrite_what_came_later(home: Home, decided_at: pd.Timestamp, noon: pd.Timestamp) -> None:
    """Other values of the last years, published at `noon`, and other outcomes of what resolved later."""
    store, latest = home.store(), home.store().as_of(noon)
    for kind in ("bars", "observations", "short_interest", "short_volume"):
        layout = KINDS[kind]
        for name in latest.catalogue().query("kind == @kind")["series"]:
            rows = latest.versions(kind, name).drop_duplicates("event_date", keep="last")
            if "vintage" in rows and rows["vintage"].notna().any():
                continue
            recent = rows[rows["event_date"] >= decided_at.tz_localize(None) - pd.DateOffset(years=2)]
            # Bars still hold together: all their prices are moved alike.
            moved = 1.0 + 0.5 * np.abs(np.sin(np.arange(len(recent))))
            other = {number: recent[number] * (2.0 if number == "total_volume" else moved) for number in layout.numbers}
            store.append(kind, recent.assign(series=name, known_at=noon, **other))
    bundles = [*(home.runs / "artifacts").glob("*/artifacts/bundle"), home.champion]
    for path in [bundle / "predictions.csv" for bundle in bundles]:
        table = pd.read_csv(path, keep_default_na=False, dtype="str")
        resolved = pd.to_datetime(table["resolved_at"], utc=True) > decided_at
        table.loc[resolved & (table["y"] != ""), "y"] = "1"
        table.loc[pd.to_datetime(table["decided_at"], utc=True) > decided_at, ["p", "p_low", "p_high"]] = "0.01"
        path.unlink()  # perhaps a link
        table.to_csv(path, index=False)


def test_the_account_is_that_of_the_backtest_with_the_reasons_of_each_trade(
    trained_home: Home, latest: Contents
) -> None:
    run, tested = Runs(trained_home).find("champion"), latest.tested
    assert tested is not None
    whole = backtest_run(trained_home, run)
    assert (tested.ticker, tested.policy, tested.model) == ("IWM", whole.policy.kind, "small")
    assert tested.equity["policy"].equals(whole.equity.rename("policy"))
    assert list(tested.equity) == ["policy", *whole.baselines]
    assert len(tested.trades) == len(whole.trades) > 0
    by_close = {stance.decided_at: stance for stance in whole.stances}
    for trade, row in zip(tested.trades, whole.trades.itertuples(), strict=True):
        assert (trade.weight_before, trade.weight_after) == (row.weight_before, row.weight_after)
        (sleeve,) = [each for each in by_close[row.decided_at].sleeves if each.name == row.sleeve]
        assert trade.reasons == sleeve.reasons
        assert trade.bought == (row.weight_change > 0)
    wanted = comparison(whole)
    for figure in ("total_return", "sharpe", "max_drawdown", "drawdown_sessions", "turnover"):
        assert tested.figures[figure].to_numpy() == pytest.approx(wanted[figure].to_numpy(), nan_ok=True), figure
    assert list(tested.against) == ["buy_and_hold", "base_rate"]
    ends = [f"sharpe_difference{end}" for end in ("", "_low", "_high")]
    for name, found in tested.against.items():
        assert found == pytest.approx(tuple(wanted.loc[name, ends]), nan_ok=True)
    assert sum(total for *_, total in tested.profit[:-1]) == pytest.approx(tested.profit[-1][-1])
    assert tested.profit[-1] == ("total", None, None, whole.attribution["total"])


def test_short_interest_is_what_each_publication_first_said(latest: Contents, trained_home: Home) -> None:
    table, view = latest.short_selling.interest, trained_home.store().as_of(LATEST)
    assert table is not None
    stored = view.short_interest("IWM")
    newest = table.iloc[-1]
    assert newest["shares_short"] == stored["shares_short"].iloc[-1]
    assert newest["days_to_cover"] == stored["shares_short"].iloc[-1] / stored["avg_daily_volume"].iloc[-1]
    assert table.index[-1] < newest["published_on"] <= LATEST.tz_localize(None)
    assert table["published_on"].is_monotonic_increasing
    assert table["published_on"].iloc[0] >= LATEST.tz_localize(None) - pd.DateOffset(years=5, days=1)
    volume = latest.short_selling.volume
    assert volume is not None
    last = view.short_volume("IWM").iloc[-5:]
    assert volume.iloc[-1] == pytest.approx(last["short_volume"].sum() / last["total_volume"].sum())


def test_odds_are_those_of_the_command_with_the_active_ones_first(latest: Contents, trained_home: Home) -> None:
    day = str(LATEST.date())
    wanted = event_odds(trained_home.store(), "IWM", trained_home.events().event, horizon=21, as_of=day)
    assert sorted(each["event"] for each in latest.odds.odds) == sorted(each.event for each in wanted)
    active = [each["active"] for each in latest.odds.odds]
    assert active == sorted(active, reverse=True)
    by_name = {each.event: each for each in wanted}
    assert all(dict(each) == by_name[each["event"]].as_dict() for each in latest.odds.odds)


def test_every_model_is_compared_and_scored_anew_on_an_early_close(
    latest: Contents, early: Contents, trained_home: Home
) -> None:
    (up,) = latest.models.questions
    assert latest.models.judged
    assert latest.models.tried == {"up": 1}
    assert sorted(model.name for model in up.models) == ["base", "small"]
    run = Runs(trained_home).find("champion")
    assert up.champion == run.run_id
    (small,) = [model for model in up.models if model.name == "small"]
    found = evaluate(run.predictions)
    assert (small.bss, small.low, small.high) == pytest.approx((found.bss, found.bss_low, found.bss_high))
    assert up.cumulative[run.run_id].iloc[-1] == pytest.approx(found.bss)
    belief = belief_of_run(trained_home, run)
    assert belief is not None
    assert up.beliefs[run.run_id] == belief.sentence() != ""
    assert not early.models.judged
    assert early.models.tried == {}  # it rests on what came later
    assert early.models.questions[0].beliefs == {}
    (small,) = [model for model in early.models.questions[0].models if model.name == "small"]
    table = run.predictions.table
    known = run.predictions.where(
        (table["resolved_at"] <= pd.Timestamp(_entries(trained_home)[0]["decided_at"])).to_numpy()
    )
    found = evaluate(known)
    assert (small.bss, small.low, small.high) == pytest.approx((found.bss, found.bss_low, found.bss_high))


def test_the_skill_of_a_report_on_an_early_close_ends_with_it(trained_home: Home) -> None:
    run, until = Runs(trained_home).find("champion"), pd.Timestamp(_entries(trained_home)[0]["decided_at"])
    found = result_of_run(trained_home, run, until)
    known = (run.predictions.table["resolved_at"] <= until).to_numpy()
    assert found.evaluation.bss == evaluate(run.predictions.where(known)).bss
    assert found.evaluation.n == known.sum()
    assert found.predictions.table["decided_at"].max() == until
    assert found.backtest is not None
    assert found.backtest.states[-1].decided_at == until


def test_a_verdict_is_left_out_where_it_rests_on_what_came_later(home: Home) -> None:
    early, latest = (pd.Timestamp(entry["decided_at"]) for entry in _entries(home))
    runs = Runs(home)
    runs.judge(runs.find("champion"), "passed: all tests")
    verdicts = [
        [model.verdict for model in compared_models(home, runs, "IWM", at, simulated=True).questions[0].models]
        for at in (early, latest)
    ]
    assert verdicts[0] == ["not judged", "not judged"]
    assert "passed: all tests" in verdicts[1]


def test_the_ledger_is_scored_up_to_the_close(latest: Contents, early: Contents, trained_home: Home) -> None:
    whole = score_ledger(trained_home)
    assert latest.ledger.document == whole
    assert {each["decided_at"][:10] for each in whole["forecasts"]} == {"2007-06-15", "2007-12-31"}
    before = early.ledger.document
    assert {each["decided_at"][:10] for each in before["forecasts"]} == {"2007-06-15"}
    assert before["resolved"] == 0
    assert whole["resolved"] == 1


def test_what_the_champion_reads_stands_first_in_the_freshness(latest: Contents) -> None:
    needed = [row.needed for row in latest.freshness]
    assert any(needed)
    assert needed == sorted(needed, reverse=True)
    bars = next(row for row in latest.freshness if (row.kind, row.series) == ("bars", "IWM"))
    assert bars.needed
    assert not bars.stale
    assert bars.last is not None
    assert bars.age_days == (LATEST.tz_localize(None).normalize() - bars.last).days


def test_a_gauge_stands_among_all_that_was_known_before_it(latest: Contents) -> None:
    boards = {board.name: board for board in latest.dashboards}
    assert list(boards) == ["macro", "credit", "sectors", "breadth"]
    gauges = [gauge for board in boards.values() for gauge in (*board.gauges, *board.bars)]
    assert gauges
    for gauge in gauges:
        assert 0.0 <= gauge.percentile <= 1.0
        assert gauge.history.iloc[-1] == pytest.approx(gauge.value, rel=1e-6)
        assert gauge.as_of == LATEST.tz_localize(None).normalize()
        assert len(gauge.history) < 270
        assert gauge.history.dtype == "float32"


def test_runs_that_cannot_be_read_are_said_to_be_so(home: Home) -> None:
    runs = Runs(home)
    assert runs.unreadable() is None
    (home.runs / "mlflow.db").write_bytes(b"no database" * 1000)
    found = compared_models(home, Runs(home), "IWM", LATEST, simulated=True)
    assert "file is not a database" in str(found.unread)
    assert {each.champion for each in found.questions} == {model.run_id for q in found.questions for model in q.models}


def test_what_was_stored_after_the_forecast_is_not_shown(home: Home) -> None:
    store = home.store()
    before = store.last_stored_at
    events, asked = home.events().event[:3], str(LATEST.date())
    levels, odds = level_chart(store, "IWM"), event_odds(store, "IWM", events, as_of=asked)
    bars = store.as_of().bars("IWM").reset_index().iloc[[-3]]
    late = bars.assign(series="IWM", known_at=bars["known_at"] + pd.Timedelta("1min"))
    store.append("bars", late.assign(high=late["high"] * 1.2, close=late["close"] * 1.1, adj_close=late["close"] * 1.1))
    store = home.store()
    entry = {**_entries(home)[-1], "data": {"stored_through": before.isoformat()}}
    sources = Sources(home, entry, store)
    assert level_chart(store, "IWM").as_dict() != levels.as_dict()
    assert price._levels(sources, "IWM").as_dict() == levels.as_dict()  # type: ignore[union-attr]
    assert event_odds(store, "IWM", events, as_of=asked) != odds
    assert event_odds(store, "IWM", events, as_of=asked, stored=sources.stored) == odds
