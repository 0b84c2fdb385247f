"""Every command's `--json`: one document on stdout, nothing else, with the keys that programs rely on."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.home import Home
from bullbear.tracking import Runs

Run = Callable[..., Any]

BELIEF = {
    "a", "a_low", "a_high", "fits", "fits_without", "raw", "same_as_base_rate", "n", "by_fit", "same_as_champion",
}  # fmt: skip
TRAIN = {"run_id", "model", "definition_hash", "data_fingerprint", "first", "last", "n", "seconds", "belief", "reused"}
EVALUATE = {"model", "run_id", "n", "n_effective", "brier", "brier_climatology", "bss", "bss_low", "bss_high",
            "log_loss_skill", "auc", "auc_null", "ece", "ece_null", "by_year"}  # fmt: skip
FORECAST = {"ticker", "decided_at", "resolves_on", "horizon_sessions", "p_up", "p_low", "p_high", "climatology",
            "regime", "agents", "positions", "stops", "reentries", "triggers", "trend", "account", "drivers",
            "model", "data", "ledger", "question", "outlook", "distribution", "batch", "schema_version",
            "issued_at", "kind", "code_version"}  # fmt: skip
CARD = {
    "summary",
    "price",
    "changes",
    "active_odds",
    "odds_note",
    "situations",
    "asked_for",
    "ages",
    "forced",
    "movers",
}
STATUS = {"kind", "series", "first", "last", "last_known_at", "gaps", "stale"}


def test_status(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("status", "--home", trained_home.root, "--json")
    assert (answer.code, answer.err) == (0, "")
    rows = {(row["kind"], row["series"]): row for row in answer.json}
    assert set(rows["bars", "IWM"]) >= STATUS
    assert rows["bars", "IWM"]["first"].startswith("2000-01-03")
    assert rows["bars", "IWM"]["last"].startswith("2007-12-31")


def test_train_evaluate_compare_and_promote(bullbear: Run, home: Home) -> None:
    answer = bullbear("train", "base", "--again", "--home", home.root, "--json")
    assert (answer.code, answer.err) == (0, "")
    trained = answer.json
    assert set(trained) == TRAIN
    assert (trained["model"], trained["n"]) == ("base", 1258)
    assert trained["first"].startswith("2003-01-02")

    (scores,) = bullbear("evaluate", "latest", "--home", home.root, "--json").json
    assert set(scores) >= EVALUATE
    assert scores["run_id"] == trained["run_id"]
    assert scores["simulated"] is True
    assert (trained["belief"], scores["belief"]) == ({"up": None}, None)  # the base rate has no signal
    (small,) = bullbear("evaluate", "small", "--home", home.root, "--json").json
    assert set(small["belief"]) == BELIEF
    assert [year["year"] for year in scores["by_year"]] == [2003, 2004, 2005, 2006, 2007]

    assert set(scores["by_year"][0]) >= {"bss", "bss_low", "bss_high", "log_loss_skill_low"}
    assert [part["half"] for part in scores["by_half"]] == ["first", "second"]
    assert {part["regime"] for part in scores["by_regime"]} <= {"above", "below"}
    assert [part["volatility"] for part in scores["by_volatility"]] == ["low", "middle", "high"]
    assert sum(part["n"] for part in scores["by_volatility"]) == scores["n"]
    assert scores["without_best_year"]["best_year"] in range(2003, 2008)
    assert [row["skill"] for row in scores["power"]["by_skill"]] == [0.01, 0.02, 0.05, 0.1]
    assert scores["tried"] == 1  # climatology is none, whoever asks: `small` is
    assert [name.split()[0] for name in scores["all_models"]["models"]] == ["small"]
    assert {"spa_p_value", "pbo", "loss_share", "left_out", "n", "least_days"} <= set(scores["all_models"])

    compared = bullbear("compare", "latest", "champion", "--home", home.root, "--json").json
    assert [model["model"] for model in compared["models"]] == ["base", "small"]
    assert len(compared["pairs"]) == 1
    (together,) = compared["together"]
    assert 0 <= together["spa_p_value"] <= 1
    assert set(together["confidence_set"]) <= set(together["confidence_set_p_values"])
    assert set(together["confidence_set_p_values"]) == {
        f"{model['model']} {model['run_id'][:8]}" for model in compared["models"]
    } | {"the base rate"}
    assert [model["model"] for model in bullbear("compare", "latest", "--home", home.root, "--json").json] == ["base"]

    refused = bullbear("promote", trained["run_id"][:12], "--home", home.root, "--json")
    assert refused.code == 3
    assert "refused by the champion test" in refused.err
    assert (refused.json["run_id"], refused.json["passed"]) == (trained["run_id"], False)
    assert refused.json["verdict"].startswith("refused: the champion test: Brier score")
    assert {check["test"]: check["passed"] for check in refused.json["checks"]} == {
        "evidence": True,
        "champion": False,
    }

    home.champion.unlink()
    taken = bullbear("promote", trained["run_id"][:12], "--home", home.root, "--json")
    said = "its probabilities are the base rate and need no evidence; its policy is not tested by the gate"
    note = f"base {trained['run_id'][:8]}: {said}"
    assert (taken.code, taken.err) == (0, f"note: {note}\n")
    assert set(taken.json) == {
        "champion", "model", "question", "tried", "n_effective", "tests", "notes", "checks", "passed", "verdict",
    }  # fmt: skip
    assert (taken.json["champion"], taken.json["model"]) == (trained["run_id"], "base")
    assert (taken.json["tests"], taken.json["notes"]) == ([], [note])


def test_promote_tells_what_it_compared(bullbear: Run, home: Home) -> None:
    found = Runs(home).find("latest")
    table = found.predictions.table
    place = found.artifacts / "bundle" / "predictions.csv"
    place.unlink()  # a link to the shared one
    better = table.assign(p=np.where(table["y"] == 1, 1.02, 0.98) * table["climatology"], p_low=np.nan, p_high=np.nan)
    place.write_text(Predictions(better).to_csv())
    home.champion.unlink()
    (home.root / "models" / "promotion.toml").write_text('[audit]\nrequired = "none"\n')
    told = bullbear("promote", "latest", "--home", home.root)
    assert (told.code, told.err) == (0, "")
    brier, log_loss, champion = told.out.splitlines()
    assert re.fullmatch(
        r"Brier against the base rate on 1,237 days: skill \+\d+\.\d\d%, at least \+\d+\.\d\d% with 90\.0% confidence",
        brier,
    )
    assert log_loss.startswith("log-loss against the base rate on 1,237 days: skill +")
    assert champion == f"champion: small {found.run_id}"


def test_predictions_are_csv(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("predictions", "latest", "--home", trained_home.root)
    lines = answer.out.splitlines()
    assert lines[0] == "decided_at,resolved_at,p,p_low,p_high,climatology,y"
    assert len(lines) == 1259
    assert lines[1].startswith("2003-01-02T21:00:00Z,2003-02-03T21:00:00Z,0.")
    assert lines[-1].endswith(",")  # not resolved yet
    records = bullbear("predictions", "latest", "--home", trained_home.root, "--json").json
    assert len(records) == 1258
    assert set(records[0]) == set(lines[0].split(","))
    assert (records[0]["decided_at"][:10], records[-1]["y"]) == ("2003-01-02", None)


def test_backtest(bullbear: Run, trained_home: Home) -> None:
    found = bullbear("backtest", "champion", "--home", trained_home.root, "--json").json
    assert {"model", "run_id", "accounts", "equity", "positions", "trade_list", "costs", "attribution"} <= set(found)
    assert {"policy", "buy_and_hold"} <= {account["account"] for account in found["accounts"]}
    assert len(found["positions"]) == len(found["equity"])
    evidence = found["sharpe_evidence"]
    assert evidence["trials"] == 1
    assert 0 <= evidence["deflated"] == evidence["probabilistic"] <= 1


def test_equity_curves_go_to_a_file_of_ones_choice(bullbear: Run, trained_home: Home, tmp_path: Path) -> None:
    place = tmp_path / "curves.csv"
    found = bullbear("backtest", "champion", "--home", trained_home.root, "--equity", place, "--json").json
    with place.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [account["account"] for account in found["accounts"]]
    assert list(rows[0])[: len(names) + 1] == ["date", *names]
    assert {"buy_and_hold", "volatility_target", "sixty_forty", "jump_model", "base_rate"} < set(names)
    assert {row["date"]: float(row["policy"]) for row in rows} == found["equity"]
    for row, held in zip(rows, found["positions"], strict=True):
        weights = {ticker: float(row[f"weight_{ticker}"]) for ticker in held if ticker != "event_date"}
        assert weights == {ticker: weight for ticker, weight in held.items() if ticker != "event_date"}
    assert not list(tmp_path.glob(".*"))


def test_the_attribution_is_printed_and_kept_with_the_run(bullbear: Run, home: Home) -> None:
    found = bullbear("backtest", "small", "--home", home.root, "--attribution", "--json").json
    parts = {row["part"]: row for row in found["parts"]}
    assert {"whole policy", "forecast", "sizing", "stops", "costs"} <= set(parts)
    assert parts["whole policy"]["sharpe"] == found["accounts"][0]["sharpe"]
    kept = Runs(home).find("small").read_text("attribution.csv").splitlines()
    assert [line.split(",")[0] for line in kept] == ["part", *parts]


def test_a_sweep_counts_every_variant_as_tried(bullbear: Run, home: Home, tmp_path: Path) -> None:
    grid = tmp_path / "stops.toml"
    grid.write_text("[grid]\nstop_atr_multiple = [2.0, 4.0]\nbull_weight = [0.7, 1.0]\n")
    before = bullbear("backtest", "small", "--home", home.root, "--json").json["sharpe_evidence"]["trials"]
    found = bullbear("backtest", "small", "--home", home.root, "--sweep", grid, "--json").json
    assert [row["stop_atr_multiple"] for row in found["variants"]] == [2.0, 2.0, 4.0, 4.0]
    assert found["trials"] == before - 1 + 5  # the policy itself is none of the four
    after = bullbear("backtest", "small", "--home", home.root, "--json").json["sharpe_evidence"]
    assert after["trials"] == before + 4
    again = bullbear("backtest", "small", "--home", home.root, "--sweep", grid, "--json").json
    assert again["trials"] == found["trials"]  # the same variants are not new
    assert len(Runs(home).find("small").read_text("sweep_stops.csv").splitlines()) == 5


def test_forecast_score_and_report(bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = bullbear("forecast", "--home", home.root, "--as-of", "2007-11-01", "--json")
    assert (answer.code, answer.err) == (0, "")
    entry = answer.json
    assert set(entry) == FORECAST | CARD
    assert set(entry["ledger"]) == {"index", "hash", "previous_hash"}
    assert entry["ledger"]["index"] == 16
    monkeypatch.setenv("BULLBEAR_HOME", str(home.root))
    assert bullbear("forecast", "--as-of", "2007-11-01", "--json").json == entry

    scored = bullbear("score", "--home", home.root, "--json").json
    assert (scored["entries"], scored["resolved"], scored["pending"]) == (3, 2, 1)

    page = Path(bullbear("report", "--home", home.root, "--json").json["report"])
    assert page == home.reports / "index.html"
    assert page.stat().st_size > 10_000


def test_simulate_and_ingest(bullbear: Run, tmp_path: Path) -> None:
    added = bullbear("simulate", "--years", 3, "--signal", 0, "--home", tmp_path / "sim", "--create", "--json").json
    assert added["added"]["bars"] > 10_000
    (tmp_path / "snapshot" / "prices").mkdir(parents=True)
    (tmp_path / "snapshot" / "prices" / "IWM.csv").write_text(
        "date,open,high,low,close,adj_close,volume\n2019-12-31,165,166,164,166,166,90\n"
    )
    first = bullbear("ingest", tmp_path / "snapshot", "--home", tmp_path / "real", "--create", "--json")
    again = bullbear("ingest", tmp_path / "snapshot", "--home", tmp_path / "real", "--json")
    assert (first.code, first.json["rows_added"], again.code, again.json["rows_added"]) == (0, 1, 0, 0)
    assert set(first.json) == {
        "files", "rows_read", "rows_added", "added", "quarantined", "revised", "refused", "notes",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["status"], "SIMULATED market"),
        (["evaluate", "latest"], "Skill against the base rate, 90% intervals (SIMULATED)"),
        (["evaluate", "latest"], "A true Brier skill would pass the skill test with this history (1 model tried): 1% "),
        (["evaluate", "latest", "--by", "year"], "its best year: Brier skill"),
        (["evaluate", "latest", "--by", "half"], "By half of the sessions: small, up"),
        (["evaluate", "latest", "--by", "regime"], "above"),
        (["evaluate", "latest", "--by", "volatility"], "terciles of the whole sample"),
        (["compare", "base", "champion"], "Brier skill"),
        (["compare", "base", "small"], "90% confidence set of the best: "),
        (["backtest", "latest"], "buy_and_hold"),
        (["score"], "2 forecasts, 1 resolved, 1 pending"),
    ],
)
def test_without_json_a_person_can_read_it(
    bullbear: Run, trained_home: Home, arguments: list[str], expected: str
) -> None:
    answer = bullbear(*arguments, "--home", trained_home.root)
    assert (answer.code, answer.err) == (0, "")
    assert expected in answer.out


def test_the_panel_of_a_forecast(process: Run, home: Home) -> None:
    answer = process("forecast", "--home", home.root)
    assert (answer.code, answer.err) == (0, "")
    for part in (
        "IWM at the close of Mon 31 Dec 2007",
        "SIMULATED",
        "P(up over 21 sessions, to 31 Jan 2008)",
        "Ledger entry 8",
    ):
        assert part in answer.out
