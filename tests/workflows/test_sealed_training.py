"""A sealed hold-out: what is refused, and that nothing of the sealed days reaches a model that has not opened them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.audit.auditing import audit_all
from bullbear.data.segments import KINDS
from bullbear.data.view import View
from bullbear.dataset.predictions import Predictions
from bullbear.errors import HoldOutError
from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.due_refits import make_due_refits
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.holdout import OPENINGS, TAG, last_instant, open_holdout
from bullbear.home import Home
from bullbear.model import Model
from bullbear.sessions import closes
from bullbear.tracking import Run, Runs
from bullbear.tracking.spool import LoggedTraining
from bullbear.tracking.stored_runs import stored_runs
from bullbear.workflows.auditing import subject_of_model, subjects_of_runs
from bullbear.workflows.sealed_training import end_before_seal
from bullbear.workflows.succession import demote
from bullbear.workflows.sweeping import sweep_run
from bullbear.workflows.trained import TrainedModel, TrainedQuestion
from bullbear.workflows.training import train_model
from bullbear.workflows.tuning import tune_model

FIRST = "2006-07-01"
SEAL = f'first = "{FIRST}"\nwhy = "The last word on every model."\n'
LAST_OPEN = "2006-06-30"
HEAD = 'intent = "A model for a test."\nfeatures = ["tiny"]\nseed = 3\nquestions = ["up", "dip5"]\n'
MODELS = {
    "two": '[learner]\nkind = "logistic"\n[splitter]\nfirst = "2005-01-03"\nburn_in_months = 6\nrefit = "quarter"\n',
    "searched": """[learner]
kind = "logistic"
[splitter]
first = "2005-07-01"
burn_in_months = 6
refit = "quarter"
[search]
trials = 3
inner_folds = 2
[search.space]
"learner.penalty" = { low = 1.0, high = 1000.0, log = true }
""",
    "crossed": '[learner]\nkind = "logistic"\n[splitter]\nkind = "combinatorial"\nfirst = "2002-01-02"\nn_groups = 4\n',
}


def seal(home: Home, text: str = SEAL) -> Home:
    (home.root / "models" / "holdout.toml").write_text(text)
    for name, rest in MODELS.items():
        (home.root / "models" / f"{name}.toml").write_text(f'name = "{name}"\n{HEAD}{rest}')
    return home


@pytest.fixture(scope="module")
def sealed_homes(trained_home: Home, once: Callable[[str, Callable[[Path], None]], Path]) -> tuple[Home, Home]:
    """The same sealed home twice, without trainings; in the second all rows of the sealed days are noise."""

    def fresh(place: Path) -> Home:
        for name in ("features", "models"):
            shutil.copytree(trained_home.root / name, place / name)
        return seal(Home(place))

    def plain(place: Path) -> None:
        home = fresh(place)
        shutil.copytree(trained_home.data, home.data)

    def noisy(place: Path) -> None:
        home = fresh(place)
        through, rng = last_instant(home.holdout()), np.random.default_rng(4)
        for kind in KINDS.values():
            parts = [pd.read_parquet(path) for path in sorted((trained_home.data / kind.name).glob("*.parquet"))]
            if not parts:
                continue
            rows = pd.concat(parts).drop(columns="stored_at")
            late = np.asarray(rows["known_at"] > through)
            for name in kind.numbers:
                values = rows[name].to_numpy(copy=True)
                values[late] *= np.exp(rng.normal(0, 1, late.sum()))
                rows[name] = values
            home.store().append(kind.name, rows)
        shutil.copy(trained_home.data / "SIMULATED.json", home.data)

    return Home(once("sealed home", plain)), Home(once("noisy home", noisy))


@pytest.fixture
def sealed(home: Home) -> Home:
    """A copy of `trained_home`, sealed after its trainings."""
    return seal(home)


def contents(run: Run) -> dict[str, bytes]:
    """The forecasts, signals and models of a run."""
    root = run.bundle.root
    kept = [root / "predictions.csv", root / "signals.csv", *sorted((root / "models").rglob("*"))]
    return {path.name: path.read_bytes() for path in kept if path.is_file()}


def test_what_happens_on_the_sealed_days_changes_no_bit_of_a_training(
    sealed_homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch
):
    kept: list[dict[str, TrainedQuestion]] = []

    def log(home: Home, view: View, model: Model, judged: dict[str, TrainedQuestion], *rest: object, **options: object):
        kept.append(judged)
        return LoggedTraining("", {})

    monkeypatch.setattr("bullbear.workflows.training._log", log)
    monkeypatch.setattr("bullbear.tracking.training_run.require_ready", lambda runs: None)
    monkeypatch.setattr("bullbear.tracking.ledger_anchor.record_ledger_head", lambda home: None)
    through = last_instant(sealed_homes[0].holdout())
    for home in sealed_homes:
        train_model(home, "two", end=LAST_OPEN)
    for name, one in kept[0].items():
        other = kept[1][name]
        pd.testing.assert_frame_equal(one.predictions.table, other.predictions.table, check_exact=True)
        pd.testing.assert_frame_equal(one.training.signals, other.training.signals, check_exact=True)
        assert [each.state() for each in one.training.models] == [each.state() for each in other.training.models]
        assert one.fingerprint == other.fingerprint
        assert one.evaluation.as_dict() == other.evaluation.as_dict()
        table = one.predictions.table
        assert table["decided_at"].max() == closes(pd.DatetimeIndex([LAST_OPEN]))[0]
        assert one.examples.X.index.max() == pd.Timestamp(LAST_OPEN)
        assert ((table["resolved_at"] > through) == table["y"].isna()).all()
    accounts = [each["up"].backtest for each in kept]
    assert accounts[0] is not None
    assert accounts[1] is not None
    pd.testing.assert_series_equal(accounts[0].equity, accounts[1].equity, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "train"), [("two", train_model), ("crossed", train_model), ("searched", tune_model)])
def test_nor_of_what_a_run_keeps_whatever_the_splitter_and_the_search(
    sealed_homes: tuple[Home, Home], model: str, train: Callable[..., TrainedModel], tmp_path: Path
):
    found = []
    for number, source in enumerate(sealed_homes):
        home = Home(Path(shutil.copytree(source.root, tmp_path / str(number))))
        train(home, model, end=LAST_OPEN)
        found.append([contents(run) for run in Runs(home).find_each(model)])
        for run in Runs(home).find_each(model):
            table = run.predictions.table
            assert table["decided_at"].max() <= last_instant(home.holdout())
            assert table.loc[table["resolved_at"] > last_instant(home.holdout()), "y"].isna().all()
            assert table["y"].isna().any()
            assert run.tags[TAG] == f"sealed {FIRST} on"
    assert found[0] == found[1]


@pytest.mark.parametrize("end", [None, FIRST, "2006-12-29", "2030-01-01"])
def test_asking_for_sealed_days_is_refused_and_leaves_no_run(sealed: Home, end: str | None):
    before = len(stored_runs(sealed.runs))
    remedy = f"train with --end {LAST_OPEN}, or: `bullbear holdout open base --reason TEXT` opens it"
    with pytest.raises(HoldOutError, match=rf"{FIRST} on is sealed for base .* bars to 2007-12-31; {remedy}") as bad:
        train_model(sealed, "base", end=end)
    assert bad.value.exit_code == 3
    assert (f", --end {end} does not end before it, and" in str(bad.value)) == (end is not None)
    assert len(stored_runs(sealed.runs)) == before


def test_a_model_that_reports_sealed_days_only_is_not_sent_to_an_end(sealed: Home):
    with pytest.raises(HoldOutError, match=r"bars to 2007-12-31; `bullbear holdout open base"):
        train_model(sealed, "base", start="2007-01-03")


def test_a_period_that_no_bar_has_reached_refuses_nothing(home: Home):
    before = Runs(home).find("base").predictions
    seal(home, SEAL.replace(FIRST, "2008-01-01"))
    found = train_model(home, "base", reuse=True)
    assert not found.reused
    pd.testing.assert_frame_equal(found.first.predictions.table, before.table)


def test_a_run_from_before_the_seal_is_not_taken_for_one_under_it(home: Home):
    train_model(home, "base", end=LAST_OPEN)
    seal(home)
    found = train_model(home, "base", end=LAST_OPEN, reuse=True)
    assert not found.reused
    assert train_model(home, "base", end=LAST_OPEN, reuse=True).run_id == found.run_id


def test_the_definition_that_opened_it_trains_as_if_nothing_were_sealed(sealed: Home):
    before = Runs(sealed).find("base")
    open_holdout(sealed, sealed.model("base"), "To see how it did.")
    (note,) = train_model(sealed, "base").notes
    said = f"up: hold-out {FIRST} on, opened once: Brier skill inside +0.00% [+0.00%, +0.00%] on 356 days, before"
    assert note.startswith(said)
    run = Runs(sealed).find("base")
    assert json.loads(run.read_text("hold_out.json"))["openings"] == 1
    assert run.tags[OPENINGS] == "1"
    assert train_model(sealed, "base", reuse=True).notes == (note,)
    assert run.run_id != before.run_id
    assert run.tags[TAG] == f"opened {FIRST} on"
    assert contents(run) == contents(before)
    path = sealed.root / "models" / "base.toml"
    path.write_text(path.read_text().replace("burn_in_months = 12", "burn_in_months = 11"))
    with pytest.raises(HoldOutError, match=r"it was opened for base on \d{4}-\d\d-\d\d with another definition"):
        train_model(sealed, "base")


def test_where_no_end_was_given_a_run_of_all_models_ends_before_the_seal(sealed: Home):
    assert end_before_seal(sealed, "base") == LAST_OPEN
    open_holdout(sealed, sealed.model("base"), "To see how it did.")
    assert (end_before_seal(sealed, "base"), end_before_seal(sealed, "small")) == (None, LAST_OPEN)
    seal(sealed, SEAL.replace(FIRST, "2008-01-01"))
    assert end_before_seal(sealed, "small") is None


def test_a_sweep_tries_nothing_on_sealed_days_even_where_its_model_opened_them(
    sealed: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    grid, read, notes = tmp_path / "grid.toml", [], list[str]()
    grid.write_text("[grid]\nstop_atr_multiple = [2.0, 3.0]\n")
    open_holdout(sealed, sealed.model("small"), "To see how it did.")
    runs = Runs(sealed)
    run = runs.find("small")

    def swept(decided_on: Predictions, view: View, *given: object, **options: object) -> None:
        read.extend([decided_on.table["decided_at"].max(), view.instant])
        raise InterruptedError

    monkeypatch.setattr("bullbear.workflows.sweeping.sweep", swept)
    with pytest.raises(InterruptedError):
        sweep_run(sealed, runs, run, grid, say=notes.append)
    through = last_instant(sealed.holdout())
    assert read[0] <= through == read[1]
    assert notes == [f"no variant is tried on {FIRST} on, sealed by models/holdout.toml"]
    seal(sealed, SEAL.replace(FIRST, "2001-01-02"))
    with pytest.raises(HoldOutError, match=r"all forecasts of small \w+ lie in 2001-01-02 on, sealed by"):
        sweep_run(sealed, runs, run, grid, say=notes.append)


def test_a_question_alone_may_read_what_its_model_opened(sealed: Home):
    open_holdout(sealed, sealed.model("two"), "To see how it did.")
    train_model(sealed, "two", question="dip5")
    assert Runs(sealed).find("two", "dip5").tags[TAG] == f"opened {FIRST} on"


def test_the_base_rate_after_a_demotion_has_not_read_the_sealed_days(sealed: Home, tmp_path: Path):
    for name in ("mlruns", "forecasts/former"):
        shutil.rmtree(tmp_path / "home" / name, ignore_errors=True)
    assert sealed.root == (tmp_path / "home").resolve()
    demote(sealed, "up")
    bundle = read_bundle(sealed.champion)
    assert bundle.predictions.table["decided_at"].max() <= last_instant(sealed.holdout())


def test_a_champion_is_refitted_up_to_the_sealed_days_and_not_beyond(sealed: Home):
    notes: list[str] = []
    before = Runs(sealed).find("small")
    train_model(sealed, "small", end="2005-12-30")
    runs = Runs(sealed)
    runs.promote(runs.find("small"))
    assert read_bundle(sealed.champion).trained_through()[-1] == "2005-09-30"
    now = closes(pd.DatetimeIndex(["2007-12-31"]))[0] + pd.Timedelta(hours=1)
    assert make_due_refits(sealed, now, say=notes.append) == ("up",)
    assert make_due_refits(sealed, now, say=notes.append) == ()
    entry = issue(sealed, "2007-12-28", say=notes.append)
    fitted = "2006-03-31"
    assert entry["model"]["trained_through"] == fitted
    assert entry["model"]["refit_overdue_sessions"] > 252
    assert len(set(notes[:3])) == 1
    assert notes[0].startswith(f"up keeps the model fitted through {fitted}: a refit would read {FIRST} on, sealed by")
    assert notes[0].endswith("`bullbear holdout open small --reason TEXT` opens it, once and on record")
    kept = read_bundle(sealed.champion)
    assert kept.predictions.table["decided_at"].max() <= last_instant(sealed.holdout())
    for name in kept.trained_through():
        assert kept.model_named(name).state() == before.bundle.model_named(name).state()
    open_holdout(sealed, sealed.model("small"), "It is settled now.")
    again = issue(sealed, "2007-12-28", say=notes.append)
    whole = before.predictions.table.set_index("decided_at").loc["2007-12-28"].iloc[0]
    assert (again["model"]["trained_through"], again["p_up"]) == ("2007-09-28", whole["p"])


def test_an_audit_of_a_run_from_before_the_seal_reads_nothing_inside(sealed: Home):
    runs, through = Runs(sealed), last_instant(sealed.holdout())
    small = runs.find("small")
    assert small.of_target.table["resolved_at"].max() > through
    (audited,) = subjects_of_runs(sealed, runs, [small])
    for subject in (audited.subject, subject_of_model(sealed, "small")):
        assert subject.store.through == through
        assert subject.view.instant <= through
        assert subject.index[-1] == pd.Timestamp(LAST_OPEN)
        assert max(each.decided_at.max() for each in subject.examples) <= through
        assert all(each.predictions.table["resolved_at"].max() <= through for each in subject.bundles.values())
        with pytest.raises(HoldOutError):
            subject.store.as_of(through + pd.Timedelta(days=1))
    assert audited.subject.bundles
    open_holdout(sealed, sealed.model("small"), "For a test.")
    (audited,) = subjects_of_runs(sealed, runs, [small])
    assert audited.subject.store.through is None
    assert len(audited.subject.bundles["up"].predictions) == len(small.predictions)


@pytest.mark.slow
def test_such_an_audit_finds_nothing_that_is_not_there(sealed: Home):
    runs = Runs(sealed)
    (audited,) = subjects_of_runs(sealed, runs, [runs.find("small")])
    (found,) = audit_all([audited.subject], quick=True)
    assert [each.sentence for each in found.failed] == []
