"""A champion for each question: promoted, refitted, refused and recorded by itself, beside that of `up`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.forecasting.bundle_files import as_written_by, change_models, without_models_before

from bullbear.dataset import resolve
from bullbear.dataset.labels import climatology
from bullbear.definitions import Target
from bullbear.errors import RunError
from bullbear.evaluate import evaluate
from bullbear.extras import LIBRARIES
from bullbear.forecasting import forecast
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.champions import Others, others_of
from bullbear.forecasting.forecast import issue, replay
from bullbear.forecasting.ledger import Ledger
from bullbear.forecasting.scoring import score_ledger
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.mlflow_store import connect
from bullbear.workflows.promotion import promote_run
from bullbear.workflows.training import train_model

DAY = "2007-06-20"
QUESTIONS = ["up", "fall5", "dip5", "dip8", "rally5", "move5", "vol20", "vol30"]


def train(home: Home, question: str = "vol20", *, end: str | None = None, more: str = "") -> Run:
    path = home.root / "models" / "wild.toml"
    text = (home.root / "models" / "small.toml").read_text().replace('"small"', '"wild"')
    path.write_text(f'questions = ["{question}"]\n' + text + more)
    return Runs(home).find(train_model(home, "wild", end=end).run_id)


@pytest.fixture(scope="session")
def wild_home(trained_home: Home, once: Callable[[str, Callable[[Path], None]], Path]) -> Home:
    """`trained_home` with a champion of vol20 too; read it only."""

    def build(place: Path) -> None:
        shutil.rmtree(place)
        shutil.copytree(trained_home.root, place, symlinks=True)
        home = Home(place)
        (place / "models" / "promotion.toml").write_text('[audit]\nrequired = "none"\n')
        promote_run(home, Runs(home), train(home))

    return Home(once("wild home", build))


@pytest.fixture
def wild(wild_home: Home, tmp_path: Path) -> Home:
    """A copy of `wild_home` to write into."""
    return Home(Path(shutil.copytree(wild_home.root, tmp_path / "wild", symlinks=True)))


def rows_of(entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["question"]: row for row in entry["outlook"]}


def of_day(home: Home, day: str) -> dict[str, Any]:
    champion = read_bundle(home.champion)
    return replay(home.store(), champion, day, others=others_of(home, champion))


def damage(home: Home, question: str = "vol20") -> None:
    (home.champion_of(question) / "bundle.json").write_text("{")


def test_a_promotion_leaves_the_champions_of_other_questions_alone(wild_home: Home, trained_home: Home) -> None:
    before, after = read_bundle(trained_home.champion).meta, read_bundle(wild_home.champion).meta
    assert before == after
    runs = Runs(wild_home)
    run = runs.find("champion", "vol20")
    assert (run.model, run.question, runs.find("champion").model) == ("wild", "vol20", "small")
    assert runs.tried(runs.find(run.run_id)) == 1  # `small` was tried on another question
    for name, run_id in (("bullbear-simulated.vol20", run.run_id), ("bullbear-simulated", after["run_id"])):
        assert connect(wild_home.runs).get_model_version_by_alias(name, "champion").run_id == run_id


def test_a_champion_keeps_the_skill_that_it_was_promoted_with_and_shows_it_once_its_outcomes_are_known(
    wild_home: Home,
) -> None:
    made = Runs(wild_home).find("champion", "vol20").of_target
    found, resolved = evaluate(made), made.table.loc[made.table["y"].notna(), "resolved_at"]
    kept = read_bundle(wild_home.champion_of("vol20"))
    assert kept.meta["skill"] == {
        "skill": found.bss,
        "skill_low": found.bss_low,
        "skill_high": found.bss_high,
        "n": found.n,
        "resolved_through": resolved.max().isoformat(),
    }
    names, unknown = ("skill", "skill_low", "skill_high"), dict.fromkeys(("skill", "skill_low", "skill_high"))
    shown = {name: kept.meta["skill"][name] for name in names}
    assert kept.skill_known_at(resolved.max()) == shown
    assert kept.skill_known_at(resolved.max() - pd.Timedelta("1us")) == unknown
    for day, expected in (("2007-12-31", shown), (DAY, unknown)):
        row = rows_of(of_day(wild_home, day))["vol20"]
        assert {name: row[name] for name in names} == expected
    # That of `up` was promoted without the gate.
    assert read_bundle(wild_home.champion).skill_known_at(resolved.max()) == unknown


def test_the_outlook_repeats_each_champions_walk_forward_and_the_base_rates_of_the_rest(wild_home: Home) -> None:
    entry = of_day(wild_home, DAY)
    rows = rows_of(entry)
    assert list(rows) == QUESTIONS
    decided = pd.Timestamp(entry["decided_at"])
    view = wild_home.store().as_of(decided)
    for name, question in wild_home.questions().items():
        row = rows[name]
        assert row["statement"] == question.sentence
        labels = resolve(view, Target(question=question))
        share, _ = climatology(
            labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"]), pd.DatetimeIndex([decided])
        )
        assert row["climatology"] == share[0]
        if name in ("up", "vol20"):
            said = read_bundle(wild_home.champion_of(name)).predictions.table.set_index("decided_at").loc[decided]
            assert [row[key] for key in ("p", "p_low", "p_high")] == [said["p"], said["p_low"], said["p_high"]]
            assert row["lift"] == row["p"] / row["climatology"]
            assert row["p"] != row["climatology"]
        else:
            assert row["p"] == share[0]
            assert row["p_low"] < row["p"] < row["p_high"]
            assert (row["model"], row["run_id"], row["skill"], row["lift"]) == (None, None, 0.0, 1.0)
    assert rows["up"] | {"p": entry["p_up"], "run_id": entry["model"]["run_id"]} == rows["up"]


def test_without_another_champion_the_forecast_of_up_is_the_same(wild_home: Home, trained_home: Home) -> None:
    several, alone = of_day(wild_home, DAY), of_day(trained_home, DAY)
    assert {key: several[key] for key in several if key != "outlook"} == {
        key: alone[key] for key in alone if key != "outlook"
    }
    assert several["outlook"] != alone["outlook"]


def _edit(home: Home) -> None:
    text = '[[question]]\nname = "vol20"\nkind = "volatility"\nthreshold = 0.22\nsentence = "More than 22 % a year."\n'
    (home.root / "models" / "questions.toml").write_text(text)


def _edit_horizon(home: Home) -> None:
    text = (
        '[[question]]\nname = "vol20"\nkind = "volatility"\nthreshold = 0.2\nhorizon = 63\nsentence = "In a quarter."\n'
    )
    (home.root / "models" / "questions.toml").write_text(text)


def _of_real_data(home: Home) -> None:
    path = home.champion_of("vol20") / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"simulated": False}))


def _of_version_4(home: Home) -> None:
    path = home.champion_of("vol20") / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 4}))


def _without_forecasts(home: Home) -> None:
    (home.champion_of("vol20") / "predictions.csv").write_text("nothing\n1\n")


def _with_a_damaged_model_of_a_session_since_its_last_forecast(home: Home) -> None:
    place = home.champion_of("vol20")
    table = read_bundle(place).predictions
    (place / "predictions.csv").write_text(table.where((table.table["decided_at"] < "2007-03-01").to_numpy()).to_csv())

    def spoil(state: dict[str, Any]) -> None:
        if state["trained_through"].startswith("2006-12"):
            state.clear()

    change_models(place, spoil)


def _without_models(home: Home) -> None:
    path = home.champion_of("vol20") / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fits": []}))


@pytest.mark.parametrize(
    ("harm", "because"),
    [
        (damage, "champion of vol20: got 'a damaged bundle.json'"),
        (_edit, "trained on volatility 0.2 over 21 sessions'; allowed: volatility 0.22 over 21 sessions, as"),
        (_edit_horizon, "trained on volatility 0.2 over 21 sessions'; allowed: volatility 0.2 over 63 sessions, as"),
        (_of_real_data, "champion of vol20: got 'trained on real data'"),
        (_without_models, "champion of vol20: got 'no models'"),
        (
            _of_version_4,
            "champion of vol20: got 'forecasts/champions/vol20/bundle.json of version 4'; allowed: version 5, "
            "6 or 7; train and promote again: `bullbear train wild && bullbear promote latest`",
        ),
        (_without_forecasts, "champion of vol20: got 'predictions.csv, damaged or of another version'"),
        (
            _with_a_damaged_model_of_a_session_since_its_last_forecast,
            "champion of vol20: got 'models/2006.jsonl.xz, damaged or of another version'",
        ),
    ],
)
def test_a_champion_that_cannot_be_used_gives_way_to_the_base_rate(
    wild: Home, harm: Callable[[Home], None], because: str
) -> None:
    before = rows_of(of_day(wild, DAY))
    harm(wild)
    notes: list[str] = []
    rows = rows_of(issue(wild, DAY, say=notes.append))
    assert (len(notes), notes[0].startswith("vol20 falls back to the base rate: ")) == (1, True)
    assert because in notes[0]
    assert rows["vol20"]["model"] is None
    assert rows["vol20"]["p"] == rows["vol20"]["climatology"]
    assert rows["up"] == before["up"]


def test_without_a_champion_of_up_that_can_be_used_there_is_no_forecast(wild: Home) -> None:
    path = wild.champion / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 4}))
    line = (
        "champion: got 'forecasts/champions/up/bundle.json of version 4'; allowed: version 5, 6 or 7; train and "
        "promote again: `bullbear train small && bullbear promote latest`"
    )
    with pytest.raises(RunError) as refused:
        issue(wild, DAY)
    assert str(refused.value) == line


@pytest.mark.parametrize("version", [5, 6])
def test_a_bundle_of_an_earlier_version_still_serves(wild_home: Home, wild: Home, tmp_path: Path, version: int) -> None:
    expected = of_day(wild_home, DAY)
    for question in ("up", "vol20"):
        root = wild.champion_of(question).resolve()
        old = as_written_by(version, root, tmp_path / question)
        shutil.rmtree(root)
        old.rename(root)
        if version == 5:
            meta = json.loads((root / "bundle.json").read_text())
            del meta["policy_feature_sets"]
            (root / "bundle.json").write_text(json.dumps(meta | {"questions": [question]}))
    assert of_day(wild, DAY) == expected


def test_a_champion_that_is_too_stale_gives_way_to_the_base_rate(wild: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(view: Any, bundle: Bundle, session: pd.Timestamp, further: Any = ()) -> set[tuple[str, str]]:
        return {("bars", "IWM"), ("level", "VIXCLS")} if bundle.question == "vol20" else set()

    monkeypatch.setattr("bullbear.forecasting.staleness._stale", stale)
    notes: list[str] = []
    entry = issue(wild, DAY, say=notes.append)
    assert notes == [
        "vol20 falls back to the base rate: refused by staleness budget: 2 of 2 series that wild reads are absent or "
        f"stale on {DAY} (IWM, VIXCLS); run `bullbear fetch`, or raise max_share in [staleness] of bullbear.toml"
    ]
    assert rows_of(entry)["vol20"]["model"] is None


def test_a_day_before_its_first_model_is_answered_by_the_base_rate(wild: Home) -> None:
    without_models_before(DAY, wild.champion_of("vol20"))
    champion = read_bundle(wild.champion)
    assert others_of(wild, champion).notes == ()
    assert rows_of(of_day(wild, DAY))["vol20"]["model"] is None
    assert rows_of(of_day(wild, "2007-12-31"))["vol20"]["model"] == "wild"


def test_each_champion_is_refitted_when_its_own_refit_is_due(wild: Home, wild_home: Home) -> None:
    whole = read_bundle(wild_home.champion_of("vol20"))
    short = train(wild, end="2007-05-10")
    Runs(wild).promote(short)
    up = wild.champion.resolve()
    calls: list[tuple[int, int]] = []
    entry = issue(wild, "2007-12-28", progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]
    refitted = read_bundle(wild.champion_of("vol20"))
    assert refitted.trained_through() == whole.trained_through()
    assert wild.champion.resolve() == up
    said = whole.predictions.table.set_index("decided_at").loc["2007-12-28"].iloc[0]
    assert rows_of(entry)["vol20"]["p"] == said["p"]
    (own,) = [each for each in _batch(wild, entry) if each["question"] == "vol20"]
    assert own["model"] | {"refit_overdue_sessions": 0, "trained_through": "2007-09-28"} == own["model"]


def test_without_the_library_of_a_refit_the_present_models_answer_and_say_so(
    wild: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    Runs(wild).promote(train(wild, end="2007-05-10"))
    through = read_bundle(wild.champion_of("vol20")).trained_through()
    # As of a learner whose library an extra installs.
    monkeypatch.setitem(LIBRARIES, "train", ("lightgbm",))
    monkeypatch.setattr("bullbear.extras.find_spec", lambda name: None if name == "lightgbm" else find_spec(name))
    notes: list[str] = []
    entry = issue(wild, "2007-07-05", say=notes.append)
    assert notes == [
        f"vol20 is answered by the model fitted through {through[-1]}, whose refit is overdue: a refit of wild needs "
        "the extra [train]: pip install 'bullbear[train]'"
    ]
    assert read_bundle(wild.champion_of("vol20")).trained_through() == through
    row = rows_of(entry)["vol20"]
    assert (row["model"], row["p"] != row["climatology"]) == ("wild", True)
    (own,) = [each for each in _batch(wild, entry) if each["question"] == "vol20"]
    assert own["model"]["refit_overdue_sessions"] > 0
    # A refit of `up` is overdue too, a quarter after the data of its training end.
    for name in ("refit_overdue", "due_refits"):
        monkeypatch.setattr(
            f"bullbear.forecasting.forecast.{name}", lambda bundle, *given: 7 if bundle.question == "up" else 0
        )
    notes.clear()
    assert issue(wild, "2007-12-27", say=notes.append)["model"]["refit_overdue_sessions"] == 7
    assert [each.split(" is answered by")[0] for each in notes] == ["up"]


def test_a_horizon_of_the_models_own_is_said(wild: Home) -> None:
    sentence = wild.questions()["vol20"].sentence
    Runs(wild).promote(train(wild, more="\n[target]\nhorizon = 5\n"))
    notes: list[str] = []
    row = rows_of(issue(wild, DAY, say=notes.append))["vol20"]
    assert (notes, row["model"]) == ([], "wild")
    assert row["statement"] == f"{sentence.rstrip('.')} (over 5 sessions, not 21)."


def _batch(home: Home, entry: dict[str, Any]) -> list[dict[str, Any]]:
    first, size = entry["ledger"]["index"], entry["batch"]["of"]
    return Ledger(home.forecasts / "ledger.jsonl").entries()[first : first + size]


def test_every_question_is_an_entry_and_a_new_champion_adds_only_what_changed(wild: Home) -> None:
    entry = issue(wild, DAY)
    batch = _batch(wild, entry)
    assert [each["question"] for each in batch] == QUESTIONS
    for each, row in zip(batch[1:], entry["outlook"][1:], strict=True):
        assert [each[key] for key in ("p", "p_low", "p_high", "climatology")] == [
            row[key] for key in ("p", "p_low", "p_high", "climatology")
        ]
        assert each["asks"]["name"] == each["question"]
        assert (each["model"]["name"], each["model"]["run_id"]) == (row["model"], row["run_id"])
        assert {"stored_through", "sessions_behind", "fingerprint"} <= set(each["data"])
        assert (each["issued_at"], each["kind"]) == (entry["issued_at"], entry["kind"])
    assert issue(wild, DAY) == entry
    Runs(wild).promote(train(wild, "dip8"))
    again = issue(wild, DAY)
    assert [each["question"] for each in _batch(wild, again)] == ["up", "dip8"]
    assert rows_of(again)["vol20"] == rows_of(entry)["vol20"]


def test_another_probability_of_the_same_model_is_recorded_but_the_first_counts(
    wild: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, real = issue(wild, DAY), forecast.question_document

    def moved(*found: Any, **named: Any) -> dict[str, Any]:
        document = real(*found, **named)
        return document | {"p": 0.42} if document["question"] == "vol20" else document

    monkeypatch.setattr(forecast, "question_document", moved)
    assert issue(wild, DAY) == first
    ledger = Ledger(wild.forecasts / "ledger.jsonl").entries()
    own = [each for each in ledger if each["question"] == "vol20" and each["decided_at"] == first["decided_at"]]
    assert [each["p"] for each in own] == [rows_of(first)["vol20"]["p"], 0.42]
    assert own[1] == ledger[-1]
    scored = [each for each in score_ledger(wild)["forecasts"] if each["question"] == "vol20"][-2:]
    assert [each["counts"] for each in scored] == [True, False]


def test_each_question_has_a_record_of_its_own(wild: Home) -> None:
    entries = [issue(wild, day) for day in (DAY, "2007-07-10", "2007-12-28")]
    found = score_ledger(wild)
    by_question = {each["question"]: each for each in found["questions"]}
    assert list(by_question) == QUESTIONS
    assert {name: found[name] for name in by_question["up"] if name != "question"} == {
        name: value for name, value in by_question["up"].items() if name != "question"
    }
    close = wild.store().as_of().bars("IWM")["adj_close"]
    losses, base = [], []
    for entry in entries[:2]:
        day = pd.Timestamp(entry["decided_at"][:10])
        path = close[day:].iloc[:22]
        y = float(np.sqrt(np.mean(np.diff(np.log(path)) ** 2) * 252) > 0.20)
        row = rows_of(entry)["vol20"]
        losses.append((row["p"] - y) ** 2)
        base.append((row["climatology"] - y) ** 2)
    of_wild = by_question["vol20"]["replays"]
    # The two entries of the shared home are the base rate's, and one of them has resolved.
    scored = [each for each in found["forecasts"] if each["question"] == "vol20" and each["model"] == "wild"]
    assert [each["y"] is None for each in scored] == [False, False, True]
    assert [(each["p"] - each["y"]) ** 2 for each in scored[:2]] == pytest.approx(losses, rel=1e-12)
    assert (of_wild["resolved"], of_wild["pending"]) == (3, 2)
    assert by_question["vol20"]["live"]["entries"] == 0


def test_an_edited_question_does_not_change_what_was_asked(wild: Home) -> None:
    issue(wild, DAY)
    before = score_ledger(wild)
    _edit(wild)
    assert score_ledger(wild) == before


def test_a_question_that_is_edited_is_another_although_history_answers_both_alike(wild: Home) -> None:
    def asked(threshold: float) -> list[float]:
        (wild.root / "models" / "questions.toml").write_text(
            f'[[question]]\nname = "crash"\nkind = "dip"\nthreshold = {threshold}\nsentence = "A market crash."\n'
        )
        issue(wild, DAY)
        ledger = Ledger(wild.forecasts / "ledger.jsonl").entries()
        return [each["asks"]["threshold"] for each in ledger if each["question"] == "crash"]

    assert asked(-0.6) == asked(-0.6) == [-0.6]
    assert asked(-0.7) == [-0.6, -0.7]


def test_a_step_that_is_refused_leaves_the_others_alone(wild_home: Home) -> None:
    others = others_of(wild_home, read_bundle(wild_home.champion))
    assert others.through(lambda bundle: bundle) == others
    assert Others().through(lambda bundle: bundle) == Others()
