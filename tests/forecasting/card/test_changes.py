"""What changed since the last forecast: which one that is, which changes are worth a line, and why they came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.forecasting.card.built import STATEMENTS

from bullbear.data.store import Store
from bullbear.forecasting.card.changes import changes_of, earlier_entry
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.card.why import whys
from bullbear.forecasting.forecast import issue
from bullbear.home import Home

ROW = {"question": "dip5", "statement": STATEMENTS["dip5"], "p": 0.27, "p_low": 0.2, "p_high": 0.33,
       "climatology": 0.27, "model": "outlook", "run_id": "ab12"}  # fmt: skip


def made(day: str, index: int, *, weight: float = 0.68, stop: float | None = None, **changes: Any) -> dict[str, Any]:
    sleeve = {"name": "bull", "ticker": "IWM", "weight": weight, "tier": 0}
    stops = [] if stop is None else [{"ticker": "IWM", "level": stop, "side": "exit", "sleeve": "bull"}]
    entry = {
        "question": "up", "ticker": "IWM", "decided_at": f"{day}T21:00:00Z", "kind": "replay", "schema_version": 3,
        "issued_at": "2026-11-27T15:16:20Z",
        "agents": {"bull": {"weight": weight, "instrument": "IWM", "reasons": ["because"], "sleeves": [sleeve]}},
        "positions": {"IWM": weight, "CASH": 1.0 - weight}, "stops": stops, "reentries": [],
        "account": {"trades": [], "since": None}, "regime": "uptrend", "trend": None, "outlook": [ROW],
        "model": {"name": "climatology", "run_id": "c6", "trained_through": "2019-11-29"},
        "data": {"stale": [], "simulated": False}, "ledger": {"index": index},
    }  # fmt: skip
    return entry | changes


def lines(root: Path, before: dict[str, Any], entry: dict[str, Any]) -> list[tuple[str, str]]:
    sources = Sources(Home(root), entry, Store(root / "data"))
    vars(sources)["entries"] = [before, entry]
    found = changes_of(sources)
    assert found is not None
    return [(line["what"], line["sentence"]) for line in found["lines"]]


BEFORE = made("2019-12-30", 3)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (made("2019-12-31", 4), []),
        (made("2019-12-31", 4, weight=0.66), []),  # prices moved, nobody traded
        (
            made("2019-12-31", 4, weight=0.64, account={"trades": [
                {"ticker": "IWM", "weight_before": 0.68, "weight_after": 0.64}], "since": None}),
            [("position", "IWM: 64.0 % of equity, after 68.0 %")],
        ),
        (made("2019-12-31", 4, stop=150.0), [("stop", "IWM: a new stop at 150.00")]),
        (made("2019-12-31", 4, regime="downtrend"), [("regime", "regime: downtrend, after uptrend")]),
        (made("2019-12-31", 4, outlook=[ROW | {"p": 0.29}]), []),
        (
            made("2019-12-31", 4, outlook=[ROW | {"p": 0.31}]),
            [("probability", "A close 5 % or more below today's within the month: 31 %, after 27 %")],
        ),
        (
            made("2019-12-31", 4, outlook=[ROW | {"p": 0.29, "p_low": 0.28}]),
            [("outlook", "A close 5 % or more below today's within the month: 29 %, after 27 %, which is unusual now")],
        ),
        (
            made("2019-12-31", 4, data={"stale": ["VIXCLS"], "simulated": False}),
            [("data", "absent or stale now: VIXCLS")],
        ),
        (
            made("2019-12-31", 4, model=BEFORE["model"] | {"trained_through": "2019-12-30"}),
            [("model", "the model of P(up), climatology, was refitted through 30 Dec 2019")],
        ),
    ],
)  # fmt: skip
def test_only_what_is_worth_a_line_has_one(tmp_path: Path, entry: dict[str, Any], expected: list[Any]) -> None:
    assert lines(tmp_path, BEFORE, entry) == expected


def test_a_level_that_trails_is_told_when_it_has_moved_by_a_hundredth(tmp_path: Path) -> None:
    before = made("2019-12-30", 3, stop=150.0)
    assert lines(tmp_path, before, made("2019-12-31", 4, stop=151.0)) == []
    assert lines(tmp_path, before, made("2019-12-31", 4, stop=152.0)) == [
        ("stop", "IWM: the stop at 152.00 in place of 150.00")
    ]
    assert lines(tmp_path, before, made("2019-12-31", 4)) == [("stop", "IWM: no stop any more (it stood at 150.00)")]


def test_an_answer_of_another_champion_says_whose_it_is(tmp_path: Path) -> None:
    entry = made("2019-12-31", 4, outlook=[ROW | {"p": 0.35, "model": "logistic", "run_id": "cd34"}])
    sources = Sources(Home(tmp_path), entry, Store(tmp_path / "data"))
    vars(sources)["entries"] = [BEFORE, entry]
    found = changes_of(sources)
    assert found is not None
    (cause,) = next(line for line in found["lines"] if line["what"] in ("probability", "outlook"))["why"]
    assert cause["sentence"] == "logistic cd34 answers in place of outlook ab12"


@pytest.mark.parametrize("kind", ["live", "replay"])
def test_the_nearest_earlier_close_is_compared_whatever_was_asked_in_between(tmp_path: Path, kind: str) -> None:
    entry = made("2019-12-31", 5, kind=kind)
    evening, explored = made("2019-12-30", 0, kind="live"), made("2012-06-29", 1)
    asked_again, later = made("2019-12-30", 2), made("2020-01-02", 3, kind="live")
    other = made("2019-12-30", 4, kind="live", ticker="SPY")
    sources = Sources(Home(tmp_path), entry, Store(tmp_path / "data"))
    for entries, expected in (
        ([evening, explored, asked_again, later, other], 0),  # the live one, though it was asked again
        ([explored, asked_again], 2),
        ([explored, made("2019-12-30", 3, schema_version=None)], 1),  # of an unknown kind
    ):
        vars(sources)["entries"] = [*entries, entry]
        vars(sources).pop("of_up", None)
        found = earlier_entry(sources)
        assert found is not None
        assert found["ledger"]["index"] == expected
    changes = changes_of(sources)
    assert changes is not None
    assert changes["since"]["sessions"] == 1887
    first = Sources(sources.home, made("2012-06-28", 6), sources.store)
    vars(first)["entries"] = [explored, evening]
    assert changes_of(first) is None


def test_the_parts_of_a_change_add_up_to_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of trees refitted in between: what factors, refit and base rate did is the whole change."""
    monkeypatch.setattr("bullbear.forecasting.card.why.LEAST", 1e-12)
    before, now = (issue(home, day) for day in ("2004-03-15", "2004-09-15"))
    sources = Sources(home, now, home.filled_store())
    was, then = (next(row for row in each["outlook"] if row["question"] == "up") for each in (before, now))
    (causes,) = whys(sources, before["decided_at"], [(was, then)])
    parts = [cause for cause in causes if cause.factor is None]
    assert any(cause.factor for cause in causes)
    assert {"refit", "base rate"} < {cause.family for cause in parts}
    assert sum(cause.effect or 0.0 for cause in parts) == pytest.approx(then["p"] - was["p"], abs=1e-9)
    assert (
        sum(abs(cause.effect or 0.0) for cause in parts if cause.family == "together") < 1e-6
    )  # TreeSHAP leaves nothing unexplained
    for cause in causes:
        if cause.factor is not None:
            assert cause.sentence.endswith(("points", "point"))
            assert cause.family in {each.family for each in parts}
