"""The ledger's forecasts, resolved by prices and scored by hand."""

from __future__ import annotations

import json
import math

import pytest

from bullbear.errors import InputError, LedgerError
from bullbear.home import Home
from bullbear.scoring import score_ledger


def test_due_forecasts_are_resolved_and_scored(trained_home: Home) -> None:
    found = score_ledger(trained_home)
    assert (found["entries"], found["resolved"], found["pending"]) == (2, 1, 1)
    due, open_ = found["forecasts"]
    assert open_["y"] is None
    close = trained_home.store().as_of().bars("IWM")["adj_close"]
    assert due["resolves_on"] == "2007-07-17"  # 21 sessions after 15 June, the fourth of July being none
    y = int(close["2007-07-17"] > close["2007-06-15"])
    assert due["y"] == y
    p, base = due["p_up"], due["climatology"]
    assert found["brier"] == pytest.approx((p - y) ** 2, rel=1e-12)
    assert found["brier_climatology"] == pytest.approx((base - y) ** 2, rel=1e-12)
    assert found["bss"] == pytest.approx(1 - (p - y) ** 2 / (base - y) ** 2, rel=1e-9)
    assert found["log_loss"] == pytest.approx(-math.log(p if y else 1 - p), rel=1e-12)


def test_an_empty_ledger_has_no_scores(home: Home) -> None:
    (home.forecasts / "ledger.jsonl").unlink()
    found = score_ledger(home)
    assert (found["entries"], found["resolved"], found["pending"], found["brier"]) == (0, 0, 0, None)


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
