"""The ledger's forecasts, resolved by prices and scored by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.errors import InputError, LedgerError
from bullbear.evaluate.significance import lower_bound
from bullbear.forecasting.chain import Anchor
from bullbear.forecasting.ledger import Ledger, with_provenance
from bullbear.forecasting.scoring import score_ledger
from bullbear.home import Home
from bullbear.tracking.ledger_anchor import record_ledger_head


def test_due_forecasts_are_resolved_and_scored(trained_home: Home) -> None:
    found = score_ledger(trained_home)
    assert (found["entries"], found["resolved"], found["pending"]) == (2, 1, 1)
    due, open_ = [record for record in found["forecasts"] if record["question"] == "up"]
    assert open_["y"] is None
    close = trained_home.store().as_of().bars("IWM")["adj_close"]
    assert due["resolves_on"] == "2007-07-17"  # 21 sessions after 15 June, the fourth of July being none
    y = int(close["2007-07-17"] > close["2007-06-15"])
    assert due["y"] == y
    p, base = due["p"], due["climatology"]
    (scores,) = (found[kind] for kind in ("live", "replays", "unknown") if found[kind]["entries"])
    assert (scores["entries"], scores["repeated"], scores["resolved"], scores["pending"]) == (2, 0, 1, 1)
    assert scores["brier"] == pytest.approx((p - y) ** 2, rel=1e-12)
    assert scores["brier_climatology"] == pytest.approx((base - y) ** 2, rel=1e-12)
    assert scores["bss"] == pytest.approx(1 - (p - y) ** 2 / (base - y) ** 2, rel=1e-9)
    assert scores["log_loss"] == pytest.approx(-math.log(p if y else 1 - p), rel=1e-12)
    # What was made in 2026 about 2007 is no record.
    assert found["live"]["entries"] == 0
    assert [found[name] for name in SCORES] == [None] * len(SCORES)
    assert found["statement"].startswith("No live record, only 2 ")
    assert found["statement"].endswith("; the stored data end on 2007-12-31.")


def test_an_empty_ledger_has_no_scores(home: Home) -> None:
    for name in ("ledger.jsonl", "ledger.head"):
        (home.forecasts / name).unlink()
    found = score_ledger(home)
    assert (found["entries"], found["resolved"], found["pending"], found["brier"]) == (0, 0, 0, None)
    assert found["statement"] == "No forecasts yet."
    assert found["anchors"] == {"head": None, "tracking": None}


SCORES = ("brier", "brier_climatology", "bss", "bss_low", "bss_high", "log_loss", "log_loss_skill")
DAYS = ("2019-12-20", "2019-12-23", "2019-12-24", "2019-12-26", "2019-12-27", "2019-12-30", "2019-12-31")
PRICES = (100.0, 104.0, 101.0, 104.0, 103.0, 99.0, 103.0)


@pytest.fixture
def real(tmp_path: Path) -> Home:
    """A home with seven real days of IWM and no forecast."""
    return _traded(Home(tmp_path / "home"), pd.DatetimeIndex(DAYS), PRICES)


def _traded(home: Home, days: pd.DatetimeIndex, prices: Sequence[float]) -> Home:
    rows = {"series": "IWM", "event_date": days, "known_at": sessions.closes(days)}
    columns = dict.fromkeys(("open", "high", "low", "close", "adj_close"), prices)
    home.store().append("bars", pd.DataFrame({**rows, **columns, "volume": 1.0}))
    return home


def say(
    home: Home, day: str, issued_at: str | None, p: float, *, model: str = "small", run: str = "r1", data: str = "f1"
) -> None:
    """Append a forecast over two sessions; without `issued_at` one of the old schema."""
    session = pd.Timestamp(day)
    content = {
        "ticker": "IWM",
        "decided_at": sessions.closes(pd.DatetimeIndex([session]))[0].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resolves_on": str(sessions.offset(session, 2).date()),
        "horizon_sessions": 2,
        "p_up": p,
        "climatology": 0.5,
        "model": {"name": model, "run_id": run},
        "data": {"fingerprint": data, "simulated": False},
    }
    stamped_content = content if issued_at is None else with_provenance(content, pd.Timestamp(issued_at))
    Ledger(home.forecasts / "ledger.jsonl").append(
        stamped_content, identity=("ticker", "decided_at", "model.run_id", "data.fingerprint")
    )


def test_live_forecasts_replays_and_those_of_an_older_version_are_scored_apart(real: Home) -> None:
    say(real, "2019-12-20", "2019-12-20T21:30Z", 0.6)  # 101 > 100: up
    say(real, "2019-12-23", "2019-12-24T14:29:59Z", 0.3)  # 104, a tie: not up
    say(real, "2019-12-24", "2019-12-26T14:30Z", 0.9)  # 103 > 101: up; issued at the next open
    say(real, "2019-12-26", None, 0.2)  # 99 < 104: not up
    say(real, "2019-12-30", "2019-12-30T22:00Z", 0.4)  # resolves on the 2nd of January
    found = score_ledger(real)
    assert (found["entries"], found["resolved"], found["pending"]) == (5, 4, 1)
    counts = ("entries", "repeated", "resolved", "pending")
    live, replays, unknown = (found[kind] for kind in ("live", "replays", "unknown"))
    assert [live[name] for name in counts] == [3, 0, 2, 1]
    assert [replays[name] for name in counts] == [1, 0, 1, 0]
    assert [unknown[name] for name in counts] == [1, 0, 1, 0]
    # (0.16 + 0.09) / 2 against 0.25
    assert live["brier"] == pytest.approx(0.125, rel=1e-12)
    assert live["brier_climatology"] == pytest.approx(0.25, rel=1e-12)
    assert live["bss"] == pytest.approx(0.5, rel=1e-12)
    log_loss = -(math.log(0.6) + math.log(0.7)) / 2
    assert live["log_loss"] == pytest.approx(log_loss, rel=1e-12)
    assert live["log_loss_skill"] == pytest.approx(1 - log_loss / math.log(2), rel=1e-12)
    assert replays["brier"] == pytest.approx(0.01, rel=1e-9)
    assert unknown["brier"] == pytest.approx(0.04, rel=1e-9)
    assert {name: found[name] for name in SCORES} == {name: live[name] for name in SCORES}
    assert found["statement"] == "Live record, one forecast per day and model: 2 resolved, 1 pending."
    records = found["forecasts"]
    assert [record["kind"] for record in records] == ["live", "live", "replay", "unknown", "live"]
    assert [record["y"] for record in records] == [1, 0, 1, 0, None]
    assert [record["issued_at"] for record in records[2:4]] == ["2019-12-26T14:30:00Z", None]


def test_the_first_live_forecast_of_a_day_and_model_counts(real: Home) -> None:
    say(real, "2019-12-20", "2019-12-26T20:00Z", 0.99)  # hindsight, and first in the ledger
    say(real, "2019-12-20", "2019-12-20T21:30Z", 0.6, run="r2")
    say(real, "2019-12-20", "2019-12-20T22:00Z", 0.7, run="r2", data="f2")  # after a late bar had arrived
    say(real, "2019-12-20", "2019-12-20T23:00Z", 0.8, run="r3")  # trained again until it pleased
    say(real, "2019-12-20", "2019-12-20T23:30Z", 0.1, model="other", run="r4")
    say(real, "2019-12-23", "2019-12-23T23:30Z", 0.3, run="r2")
    found = score_ledger(real)
    assert [record["counts"] for record in found["forecasts"]] == [True, True, False, False, True, True]
    assert {name: found["live"][name] for name in ("entries", "repeated", "resolved", "pending")} == {
        "entries": 5, "repeated": 2, "resolved": 3, "pending": 0,
    }  # fmt: skip
    assert found["live"]["brier"] == pytest.approx((0.16 + 0.81 + 0.09) / 3, rel=1e-12)
    assert found["replays"]["brier"] == pytest.approx(0.0001, rel=1e-9)


def test_the_skill_of_a_long_record_has_the_interval_of_its_sessions(tmp_path: Path) -> None:
    days = sessions.between("2019-06-03", "2019-09-30")
    prices = 100 + np.random.default_rng(3).normal(size=len(days)).cumsum()
    home = _traded(Home(tmp_path / "home"), days, prices.tolist())
    for number, day in enumerate(days[:30]):
        issued = f"{day.date()}T21:30Z"
        p = 0.5 + 0.3 * (prices[number + 2] > prices[number]) * (number % 4 > 0) - 0.1
        say(home, str(day.date()), issued, p)
        if number in (18, 19):  # twenty sessions are the least
            found = score_ledger(home)["live"]
            assert (found["resolved"], found["bss_low"] is None) == (number + 1, number == 18)
    found = score_ledger(home)["live"]
    y = (prices[2:32] > prices[:30]).astype(float)
    p = 0.5 + 0.3 * y * (np.arange(30) % 4 > 0) - 0.1
    bound = lower_bound(y, p, np.full(30, 0.5), 2, error=0.05)
    assert found["bss_low"] == pytest.approx(bound.skill_low, rel=1e-9)
    # Symmetric about the skill, since both ends are one Student's quantile away from the mean gain.
    assert found["bss_high"] - found["bss"] == pytest.approx(found["bss"] - found["bss_low"], rel=1e-9)
    # A second model on the same days, as good as the base rate: sessions count once, and the gain is halved.
    for day in days[:30]:
        say(home, str(day.date()), f"{day.date()}T22:30Z", 0.5, model="other", run="r2")
    both = score_ledger(home)["live"]
    assert both["bss_low"] == pytest.approx(bound.skill_low / 2, rel=1e-9)


def test_where_the_base_rate_was_right_on_every_day_there_is_no_skill(real: Home) -> None:
    asks = {"name": "dip20", "kind": "dip", "threshold": -0.2, "horizon": 2, "sentence": "A close 20 % below today's."}
    for day in ("2019-12-20", "2019-12-23"):
        content = {
            "question": "dip20", "asks": asks, "ticker": "IWM", "decided_at": f"{day}T21:00:00Z", "resolves_on": day,
            "horizon_sessions": 2, "p": 0.1, "climatology": 0.0, "model": {"name": None, "run_id": None},
            "data": {"simulated": False},
        }  # fmt: skip
        Ledger(real.forecasts / "ledger.jsonl").append(content, identity=("decided_at",))
    found = {each["question"]: each for each in score_ledger(real)["questions"]}["dip20"]["unknown"]
    assert (found["resolved"], found["brier_climatology"], found["bss"], found["log_loss_skill"]) == (
        2,
        0.0,
        None,
        None,
    )
    assert found["brier"] == pytest.approx(0.01, rel=1e-12)


def test_where_the_base_rate_excluded_what_happened_there_is_no_log_loss_skill(real: Home) -> None:
    asks = {
        "name": "rally3",
        "kind": "rally",
        "threshold": 0.03,
        "horizon": 2,
        "sentence": "A close 3 % above today's.",
    }
    content = {
        "question": "rally3", "asks": asks, "ticker": "IWM", "decided_at": "2019-12-20T21:00:00Z",
        "resolves_on": "2019-12-24", "horizon_sessions": 2, "p": 0.0, "climatology": 0.0,
        "model": {"name": None, "run_id": None}, "data": {"simulated": False},
    }  # fmt: skip
    Ledger(real.forecasts / "ledger.jsonl").append(content, identity=("decided_at",))
    found = {each["question"]: each for each in score_ledger(real)["questions"]}["rally3"]["unknown"]
    assert [found[name] for name in SCORES] == [1.0, 1.0, 0.0, None, None, None, None]


def test_where_all_is_hindsight_one_sentence_says_so(real: Home) -> None:
    say(real, "2019-12-20", "2026-11-26T00:00Z", 0.6)
    assert score_ledger(real)["statement"].startswith("No live record, only 1 replay (hindsight")
    say(real, "2019-12-23", "2026-11-26T00:00Z", 0.6)
    found = score_ledger(real)
    assert found["live"]["entries"] == 0
    assert [found[name] for name in SCORES] == [None] * len(SCORES)
    assert found["statement"] == (
        "No live record, only 2 replays (hindsight: issued after the next session had opened); "
        "the stored data end on 2019-12-31."
    )
    say(real, "2019-12-24", None, 0.6)
    assert score_ledger(real)["statement"] == (
        "No live record, only 2 replays (hindsight: issued after the next session had opened) and 1 forecast of an "
        "older version, which did not record the time of issue; the stored data end on 2019-12-31."
    )


def test_forecasts_of_a_simulated_market_are_no_record_of_a_real_one(real: Home, trained_home: Home) -> None:
    say(real, "2019-12-20", "2019-12-20T21:30Z", 0.6)
    (entry,) = Ledger(real.forecasts / "ledger.jsonl").entries()
    simulated = {**entry, "data": {"fingerprint": "f2", "simulated": True}}
    del simulated["ledger"]
    Ledger(real.forecasts / "ledger.jsonl").append(simulated, identity=("data.fingerprint",))
    say(real, "2019-12-23", "2019-12-23T21:30Z", 0.6)
    found = score_ledger(real)
    assert (found["entries"], found["live"]["entries"], found["simulated"]) == (2, 2, False)
    assert found["anchors"]["head"] == 3
    (simulated_home_entries,) = {record["ticker"] for record in score_ledger(trained_home)["forecasts"]}
    assert simulated_home_entries == "IWM"


def test_a_wrong_price_that_was_corrected_is_not_the_outcome(real: Home) -> None:
    say(real, "2019-12-20", "2019-12-20T21:30Z", 0.6)
    before = score_ledger(real)
    # 101 was wrong; the next morning's answer is 99.5, below the 100 of the 20th.
    known = pd.DatetimeIndex(["2019-12-26T13:00Z"]).as_unit("us")
    rows = {"series": ["IWM"], "event_date": pd.DatetimeIndex(["2019-12-24"]), "known_at": known, "adj_close": [99.5]}
    real.store().append("bars", pd.DataFrame(rows))
    after = score_ledger(real)
    assert (before["forecasts"][0]["y"], after["forecasts"][0]["y"]) == (1, 0)
    assert after["live"]["brier"] == pytest.approx(0.36, rel=1e-12)
    assert after["prices"] == "final"


def test_a_ledger_that_the_tracking_store_contradicts_is_not_scored(home: Home) -> None:
    assert record_ledger_head(home) == Anchor.of(Ledger(home.forecasts / "ledger.jsonl").entries())
    assert score_ledger(home)["anchors"] == {"head": 16, "tracking": 16}
    path, head = home.forecasts / "ledger.jsonl", home.forecasts / "ledger.head"
    kept = "".join(path.read_text().splitlines(keepends=True)[:8])  # the first evening
    # Somebody cuts the file and removes its head, or writes a shorter one.
    path.write_text(kept)
    for text in (None, Anchor(8, json.loads(kept.splitlines()[-1])["ledger"]["hash"]).text()):
        head.unlink(missing_ok=True)
        if text:
            head.write_text(text)
        with pytest.raises(LedgerError, match=r"got '8 whole entries'; allowed: at least the 16 that the MLflow store"):
            score_ledger(home)
    path.unlink()
    head.unlink()
    with pytest.raises(LedgerError, match=r"got '0 whole entries'; .* the MLflow store recorded"):
        score_ledger(home)


def test_a_ledger_that_was_written_anew_is_not_scored(home: Home) -> None:
    path = home.forecasts / "ledger.jsonl"
    entries = Ledger(path).entries()
    record_ledger_head(home)
    for name in ("ledger.jsonl", "ledger.head"):
        (home.forecasts / name).unlink()
    for entry in entries:
        better = {key: value for key, value in entry.items() if key not in ("ledger", "batch")} | {"p_up": 0.999}
        Ledger(path).append(better, identity=("decided_at", "question"))
    again = [json.loads(line)["ledger"]["hash"][:12] for line in path.read_text().splitlines()]
    with pytest.raises(
        LedgerError,
        match=rf"ledger\.jsonl:16: got 'hash {again[15]}\.\.\.'; allowed: {entries[15]['ledger']['hash'][:12]}\.\.\., "
        r"which the MLflow store recorded: the chain was written anew",
    ):
        score_ledger(home)


def test_a_forecast_made_better_afterwards_is_not_scored(home: Home) -> None:
    path = home.forecasts / "ledger.jsonl"
    first, rest = path.read_text().split("\n", 1)
    entry = json.loads(first)
    entry["p_up"] = 0.999
    path.write_text(json.dumps(entry, sort_keys=True, separators=(",", ":")) + "\n" + rest)
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:1"):
        score_ledger(home)


def test_an_empty_store_cannot_resolve(tmp_path) -> None:
    with pytest.raises(InputError, match=r"nothing stored"):
        score_ledger(Home(tmp_path))
