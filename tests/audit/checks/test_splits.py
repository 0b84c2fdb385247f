"""The checks of splits and of reproducibility over kinds of model that look ahead nowhere."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.audit.checks import perturbation, reproducibility, splits, truncation
from bullbear.audit.replays import forecasts
from bullbear.audit.replays.forecasts import compared, replayed
from bullbear.audit.result import NOT_APPLICABLE, PASSED
from bullbear.audit.splits.labels import label_leaks, plain_labels
from bullbear.audit.subject import FULL, QUICK, Effort, Subject
from bullbear.audit.taint.fits import fits_of
from bullbear.audit.taint.replacement import Taint
from bullbear.audit.taint.stages import Stage, difference
from bullbear.audit.taint.tracing import interference
from bullbear.data.store import Store
from bullbear.dataset import build
from bullbear.definitions import UP, ModelDefinition, Target
from bullbear.definitions.models import FactorSpec, Universe
from bullbear.errors import InputError

DAYS = sessions.between("2014-01-02", "2014-06-30")

_LINE = {"kind": "logistic"}
_TREES = {"kind": "lightgbm", "bags": 1, "num_iterations": 5, "num_leaves": 3, "min_data_in_leaf": 40}
_HAR = {"kind": "distribution", "scale": "har"}
_MEMBERS = [{"name": "line", "learner": _LINE}, {"name": "har", "learner": _HAR}]
_SEARCH = {"trials": 2, "every": "year", "inner_folds": 2, "space": {"learner.penalty": {"low": 10.0, "high": 1000.0}}}
_DIP = {"name": "dip5", "kind": "dip", "threshold": -0.05, "horizon": 21, "sentence": "A close 5 % lower."}

CLEAN: dict[str, dict[str, Any]] = {
    "logistic": {"learner": _LINE},
    "isotonic": {"learner": _TREES, "calibration": {"kind": "isotonic"}},
    "mixture": {"learner": None, "member": _MEMBERS, "pool": {"kind": "mixture"}},
    "pooled signals": {"learner": None, "member": _MEMBERS, "calibration": {"kind": "platt"}},
    "two questions": {"learner": _HAR, "questions": [UP.model_dump(mode="json"), _DIP]},
    "rolling with an embargo": {"learner": _LINE, "splitter": {"kind": "rolling", "first": "2003-01-01", "embargo": 5}},
    "tuned": {"learner": _LINE, "search": _SEARCH},
    "combinatorial": {"learner": _LINE, "splitter": {"kind": "combinatorial", "first": "2003-01-01", "n_groups": 4}},
    "base rate": {"learner": {"kind": "climatology"}},
}


_SLOW = ("tuned", "pooled signals", "two questions")


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[pytest.mark.slow] if each in _SLOW else []) for each in CLEAN]
)
def test_a_model_that_looks_ahead_nowhere_passes(name: str, trained: Subject) -> None:
    _passes(_subject(trained, **CLEAN[name]))


def test_a_panel_passes(trained: Subject) -> None:
    (tiny,) = trained.feature_sets
    rsi = FactorSpec.model_validate(tiny.factor[0].model_dump() | {"inputs": {"bars": "$asset"}})
    panel = tiny.model_copy(update={"universe": Universe(assets=("IWM", "SPY")), "factor": (rsi, tiny.factor[1])})
    subject = _subject(trained, learner=_LINE)
    _passes(replace(subject, feature_sets=(panel,)))


def _subject(trained: Subject, **tables: Any) -> Subject:
    definition = ModelDefinition.model_validate(trained.definition.model_dump(mode="json") | tables)
    return replace(trained, definition=definition, bundles={}, run_ids={})


def _passes(subject: Subject) -> None:
    for each in (splits, reproducibility):
        found = each.check(subject, QUICK, lambda done, total: None)
        assert not found.has_failed, found.sentence


@pytest.mark.parametrize("check", [splits.check, pytest.param(reproducibility.check, marks=pytest.mark.slow)])
def test_a_span_without_the_first_of_january_is_judged_by_the_fit_that_serves_it(check: Any, trained: Subject) -> None:
    span = replace(_subject(trained, learner=_LINE), start="2006-05-01", end="2006-12-15")
    found = check(span, QUICK, lambda done, total: None)
    assert found.verdict == PASSED, found.sentence
    assert [f"{each.fitted:%Y-%m}" for each in fits_of(span, QUICK)] == ["2005-12"]


@pytest.mark.parametrize("effort", [QUICK, FULL])
def test_the_last_fit_is_among_those_that_are_looked_at(effort: Effort, trained: Subject) -> None:
    last = fits_of(trained, effort)[-1]
    served = trained.index[trained.index >= last.first]
    assert served[0].year == served[-1].year


def test_a_model_that_refuses_all_that_is_replaced_is_not_called_clean(
    trained: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Taint, examples: Any) -> Any:
        raise InputError("factors", "strange", "others", "give others")

    monkeypatch.setattr(Taint, "applied", refused)
    found = splits.check(_subject(trained, learner=_LINE), QUICK, lambda done, total: None)
    assert found.verdict == NOT_APPLICABLE
    assert re.search(r"cannot be judged: the model refused all \d+ replacements", found.sentence)


def test_the_fits_of_a_run_are_made_again(trained: Subject) -> None:
    found = reproducibility.check(trained, QUICK, lambda done, total: None)
    assert found.figures["refitted"] == 1
    other = reproducibility.check(replace(trained, same_code=False), QUICK, lambda done, total: None)
    assert "not made again: other versions of Python, libraries or bullbear made it" in other.sentence


def _late_and_corrected(store: Store) -> Store:
    """Two closes that were corrected, one in time for all labels that end on it, one after most."""
    frame = store.as_of().versions("bars", "IWM")
    rows = frame[frame["event_date"].isin(pd.DatetimeIndex(["2014-02-03", "2014-03-10"]))]
    known = pd.DatetimeIndex(sessions.closes(pd.DatetimeIndex(["2014-02-04", "2014-05-01"])))
    changed = rows.assign(series="IWM", known_at=known, adj_close=1.2 * rows["adj_close"])
    store.append("bars", changed[["series", *frame.columns]])
    return store


def test_labels_of_corrected_bars_are_the_same_by_plain_expressions(store: Store) -> None:
    view = _late_and_corrected(store).as_of()
    for question in (UP, _question(_DIP)):
        examples = build(view, (), Target(question=question))
        assert not list(label_leaks(view, question, examples))
    changed = plain_labels(view, "IWM", UP).table
    assert (changed["y"] != changed["y_final"])[changed["y"].notna()].any()


def test_a_label_that_is_wrong_is_named_with_its_day(store: Store) -> None:
    view = store.as_of()
    examples = build(view, (), Target())
    y = examples.y.copy()
    y[10] = 1.0 - y[10]
    (leak,) = label_leaks(view, UP, replace(examples, y=y))
    assert leak.when == f"{DAYS[10]:%Y-%m-%d}"
    assert f"the label up of IWM on {leak.when} is {y[10]:g}, but {1 - y[10]:g}" in leak.sentence


def _question(table: dict[str, Any]) -> Any:
    return Target(question=table).question


@pytest.mark.parametrize("values", ["extreme", "obliging", "contrary"])
def test_a_taint_leaves_what_is_known(values: Any, store: Store) -> None:
    examples = build(store.as_of(), (), Target())
    drift = pd.DataFrame({"x": np.arange(len(examples), dtype=float)}, index=examples.X.index)
    examples = replace(examples, X=drift)
    at = examples.decided_at[60]
    taint = Taint.after([examples], at, values, [np.full(len(examples), np.nan)])
    (changed,) = taint.applied([examples])
    known, past = np.asarray(examples.resolved_at <= at), np.asarray(examples.decided_at <= at)
    assert np.array_equal(changed.y[known], examples.y[known])
    assert changed.paths is not None
    assert examples.paths is not None
    assert np.array_equal(changed.paths.returns[known], examples.paths.returns[known])
    assert np.array_equal(changed.X[past], examples.X[past])
    assert np.array_equal(changed.climatology[past], examples.climatology[past], equal_nan=True)
    assert (changed.y != examples.y)[~known & ~np.isnan(examples.y)].any()
    assert (changed.X["x"] != examples.X["x"])[~past].any() == (values != "obliging")


def test_the_row_that_reaches_a_fit_is_found(store: Store) -> None:
    examples = build(store.as_of(), (), Target())
    at, leaky = examples.decided_at[60], 47
    stage = Stage(at, 1, "the member line", "up")

    def run(given: Any) -> dict[Stage, Any]:
        return {stage: {"slope": float(given[0].y[leaky]), "past": float(given[0].y[:39].sum())}}

    nothing = [np.full(len(examples), np.nan)]
    (leak,) = interference(run, [examples], lambda values: Taint.after([examples], at, values, nothing)).leaks
    assert leak.sentence == (
        f"the label of {DAYS[leaky]:%Y-%m-%d}, which resolved on {DAYS[leaky + 21]:%Y-%m-%d}, reaches the member line "
        f"fitted through {DAYS[60]:%Y-%m-%d} (slope) for up"
    )


def test_only_equal_bits_are_no_difference() -> None:
    assert difference({"a": [1.0, np.nan]}, {"a": np.array([1.0, np.nan])}) is None
    place, size = difference({"a": [1.0, 2.0]}, {"a": [1.0, 2.0 + 2**-51]}) or ("", 0.0)
    assert (place, size) == ("a.1", 2**-51)


def test_a_run_of_one_session_is_cut_at_it_and_what_is_not_compared_is_not_counted(
    trained: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truncation, "reported_sessions", lambda subject: trained.index[-40:-39])
    monkeypatch.setattr(perturbation, "reported_sessions", lambda subject: trained.index[-40:-39])
    assert truncation.cuts(trained, QUICK) == [trained.index[-40]]
    assert set(perturbation.cuts(trained, 2)) == {trained.index[-40]}
    today = replayed(trained, trained.store, trained.index[-40])
    assert today is not None
    assert len(compared(trained, today)) == 1
    monkeypatch.setattr(forecasts, "_issued", lambda bundle, ticker: {})
    assert compared(trained, today) == []
