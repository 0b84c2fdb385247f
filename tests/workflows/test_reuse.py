"""The same training is not made twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear.definitions.models import FactorSpec
from bullbear.execution.environment import environment
from bullbear.home import Home
from bullbear.model import Model
from bullbear.tracking import Runs
from bullbear.tracking.stored_runs import stored_runs
from bullbear.workflows import reuse, training
from bullbear.workflows.audit_log import is_current
from bullbear.workflows.training import train_model

Run = Callable[..., Any]


def test_the_run_is_found_again_and_becomes_the_latest(home: Home) -> None:
    before = [each.run_id for each in stored_runs(home.runs)]
    base = Runs(home).find("base")
    assert Runs(home).find("latest").model == "small"
    found = train_model(home, "base", reuse=True)
    assert (found.reused, found.run_id) == (True, base.run_id)
    assert [each.run_id for each in stored_runs(home.runs)] == before
    assert Runs(home).find("latest").run_id == base.run_id
    first = found.first
    assert first.evaluation.as_dict()["bss"] == base.evaluation["bss"]
    assert first.predictions.table.equals(base.predictions.table)
    assert first.fingerprint == base.tags["data_fingerprint"]
    assert first.backtest is not None
    assert first.trials is None


def fitted(monkeypatch: pytest.MonkeyPatch, home: Home, name: str, **options: Any) -> bool:
    """Whether a training comes to the fits."""

    class FittedError(Exception):
        pass

    def stop(*arguments: Any, **named: Any) -> None:
        raise FittedError

    monkeypatch.setattr(training, "train_all", stop)
    try:
        train_model(home, name, reuse=True, **options)
    except FittedError:
        return True
    return False


def test_another_span_definition_or_code_is_another_training(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not fitted(monkeypatch, home, "base")
    assert fitted(monkeypatch, home, "base", start="2004-01-02")
    path = home.root / "models" / "base.toml"
    path.write_text(path.read_text().replace("burn_in_months = 12", "burn_in_months = 11"))
    assert fitted(monkeypatch, home, "base")
    path.write_text(path.read_text().replace("burn_in_months = 11", "burn_in_months = 12"))
    monkeypatch.setattr(reuse, "environment", lambda: {"numpy": "another"})
    assert fitted(monkeypatch, home, "base")


def test_a_model_with_own_python_is_trained_anew(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    # What such a file reads beside the store has no digest.
    monkeypatch.setattr(Model, "user_code", property(lambda model: {"factors/mine.py": "0f3a"}))
    assert fitted(monkeypatch, home, "base")


def test_the_calendar_is_part_of_the_code() -> None:
    assert {"exchange-calendars", "pandera", "pyarrow"} <= set(environment())


def test_whatever_has_arrived_makes_another_training(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store, bars = home.store(), home.store().as_of().bars("IWM").reset_index().tail(1)
    store.append("bars", bars.assign(series="IWM"))  # it is stored already
    assert not fitted(monkeypatch, home, "base")
    later = bars.assign(series="IWM", known_at=bars["known_at"] + pd.Timedelta("1h"))
    store.append("bars", later.assign(close=later["close"] * 1.01, adj_close=later["adj_close"] * 1.01))
    assert fitted(monkeypatch, home, "base")


def test_a_run_whose_artifacts_are_gone_is_not_reused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(Runs(home).find("base").artifacts / "bundle")
    assert fitted(monkeypatch, home, "base")


def test_the_command_says_so_and_again_trains_anew(bullbear: Run, home: Home) -> None:
    told = bullbear("train", "base", "--home", home.root)
    assert (told.code, "its run is reused (--again trains anew)" in told.out) == (0, True)
    again = bullbear("train", "base", "--home", home.root, "--json").json
    assert (again["reused"], again["n"]) == (True, 1258)
    anew = bullbear("train", "base", "--again", "--home", home.root, "--json").json
    assert (anew["reused"], anew["run_id"] != again["run_id"]) == (False, True)


def test_companies_count_only_for_what_is_computed_from_them(tmp_path: Path) -> None:
    home, day = Home(tmp_path / "home"), pd.Timestamp("2019-12-31")
    bar = pd.DataFrame({"company": ["ACME"], "event_date": [day], "known_at": [pd.Timestamp("2019-12-31T21:00Z")]})
    plain = FactorSpec(name="vix", function="last_known", inputs={"level": "VIXCLS"})
    breadth = FactorSpec(name="above", function="members_above_50", inputs={"breadth": "IWM"})
    before = [reuse.provenance(home, [spec])["store"] for spec in (plain, breadth)]
    home.store().companies.append_all({"bars": bar.assign(close=1.0)})
    after = [reuse.provenance(home, [spec])["store"] for spec in (plain, breadth)]
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert len({*before, *after}) == 3
    for digest in after:  # an audit of either kind of model is about what is stored now
        assert is_current(home, {"code": reuse.code_digest(), "store": digest})
    assert not is_current(home, {"code": reuse.code_digest(), "store": before[1]})
