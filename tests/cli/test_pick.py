"""`bullbear pick` as typed: what it prints, and what it refuses."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bullbear.cli.app import app
from bullbear.cli.pick_tables import ends, largest, show_record, show_rotation_record
from bullbear.definitions.picker import Rotation, Schedule
from bullbear.home import Home
from bullbear.picking.information import Information
from bullbear.picking.portfolios import Portfolio
from bullbear.picking.rotation import Evaluated, RuleResult
from bullbear.statistics.bootstrap import Interval
from bullbear.workflows.company_picks import CompaniesRecord
from bullbear.workflows.picking import RotationRecord


def pick(home: Home, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["pick", "--home", str(home.root), *words])
    code = getattr(result.exception, "exit_code", result.exit_code)
    return code, result.stdout + (str(result.exception) if result.exception else "")


def test_the_sector_funds_of_a_day(trained_home: Home) -> None:
    code, text = pick(trained_home, "--rotation", "--json")
    assert code == 0, text
    found = json.loads(text)
    assert [each["rule"] for each in found["rules"]] == ["momentum", "low_volatility", "blend", "ranker"]
    for rule in found["rules"]:
        assert [each["rank"] for each in rule["sectors"]] == list(range(1, 10))
        assert sum(each["held"] for each in rule["sectors"]) == found["hold"] == 3
        scores = [each["score"] for each in rule["sectors"]]
        assert scores == sorted(scores, reverse=True)
    assert pd.Timestamp(found["decided_at"]).tz_convert("America/New_York").hour == 16
    code, text = pick(trained_home, "--rotation")
    assert "SIMULATED market" in " ".join(text.split())
    assert "A rule holds its first 3" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rotation", "--picker", "blend"], "--picker: it has no effect with --rotation"),
        (["--rotation", "--group", "NOPE"], "--group: it has no effect with --rotation"),
        (["--rotation", "--top", "4"], "--top: it has no effect with --rotation"),
        (["--rotation", "--sectors"], "--sectors: it has no effect with --rotation"),
        (["--rotation", "--jobs", "1"], "--jobs: it has no effect with --rotation"),
        (["--rotation", "--evaluate", "--cluster", "tcp://x:1"], "--cluster: it has no effect with --rotation"),
        (["--evaluate", "--top", "4"], "--top: it has no effect with --evaluate"),
        (["--sectors", "--top", "4", "--json"], "--top: it has no effect with --sectors"),
        (["--rotation", "--as-of", "1950-01-03"], "--as-of: got '1950-01-03'"),
        (["--as-of", "2001"], "a day as YYYY-MM-DD"),
        ([], "companies: no bars of any company in the store"),
        (["--picker", "moon"], "--picker: got 'moon'; allowed: blend, ratings, ranker"),
    ],
)
def test_mistakes_are_one_clear_line(trained_home: Home, words: list[str], message: str) -> None:
    code, text = pick(trained_home, *words)
    assert code == 2
    assert message in text
    assert "Traceback" not in text


def record(low: float) -> RotationRecord:
    """Of one rule whose coefficient has this lower end."""
    definition = Rotation.model_validate(
        {
            "funds": {"XA": "A", "XB": "B", "XC": "C"},
            "benchmark": "MKT",
            "hold": 1,
            "trading": {"cost_bp": 2.0},
            "rule": [{"name": "calm", "kind": "blend", "why": "Low volatility.", "weights": {"volatility_21": -1.0}}],
        }
    )
    held = Portfolio("calm", 1.0, 0.08, 0.07, 0.15, 0.5, 3.0, 0.5, np.zeros(24))
    nothing = Interval(0.1, -0.1, 0.3)
    ic = Information(np.zeros(24), Interval(0.1, low, 0.2), 0.3, 0.5, 24, 3.0, {})
    rule = RuleResult(
        definition.rules[0], "2000-01-31", "2001-12-31", ic, held, held, held, nothing, nothing, nothing
    )  # fmt: skip
    return RotationRecord(definition, Evaluated((rule,)), simulated=False)


def test_nothing_significant_is_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_rotation_record(record(-0.01))
    text = capsys.readouterr().out
    assert "None of the intervals excludes zero: no rule is shown to differ from luck." in text
    show_rotation_record(record(0.01))
    text = capsys.readouterr().out
    assert "1 of 3 intervals excludes zero, where luck alone would give about 0: calm, information coefficient." in text


def test_the_tables_of_a_rotation_fit_80_columns(
    trained_home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show_rotation_record(record(0.01))
    text = capsys.readouterr().out
    assert text.count("+0.10 [-0.10, +0.30]") == 2
    assert "Sharpe ratio above that of" in text
    assert "…" not in text
    code, text = pick(trained_home, "--rotation")
    assert code == 0
    assert "low_volatility" in text
    assert "ranker" in text
    assert "XLY Consumer Discretionary" in " ".join(text.split())
    assert "…" not in text


def test_a_sector_without_a_coefficient_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    books = quantile_books()
    found = SimpleNamespace(
        picker=SimpleNamespace(name="mine", schedule=Schedule(), trading=SimpleNamespace(cost_bp=10.0)),
        decided=pd.DatetimeIndex(["2000-01-31", "2001-12-31"]),
        information=Information(
            np.zeros(24), Interval(0.1, 0.0, 0.2), 0.3, 0.5, 24, 9.0, {"Energy": Interval(0.1, 0.0, 0.2)}
        ),
        portfolios=books,
    )
    show_record(CompaniesRecord("IWM", found, None, False, None, sectors=("", "Energy", "Utilities")), sectors=True)  # type: ignore[arg-type]
    text = " ".join(capsys.readouterr().out.split())
    assert "since no decision has 5 scored companies of them: Utilities." in text


def quantile_books() -> SimpleNamespace:
    held = Portfolio("best", 1.0, 0.08, 0.07, 0.15, 0.5, 3.0, 0.5, np.zeros(24))
    nothing = Interval(0.1, -0.1, 0.3)
    limit = SimpleNamespace(account=1e6, least=1e5, names=5, participation=0.05)
    return SimpleNamespace(
        quantiles=[held], group=held, long_short=held, active=nothing, sharpe_over_group=nothing,
        long_short_sharpe=nothing, capacity=limit,
    )  # fmt: skip


def test_an_unknown_end_is_left_out() -> None:
    assert ends(Interval(0.1, float("nan"), float("nan"))) == "+0.10"
    assert ends(Interval(float("nan"), 0.0, 0.0)) == ""
    assert largest({}) == ""
