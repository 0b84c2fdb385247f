"""The whole job in one go, twice, and after a kill in the middle of filling the store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.cli.console import ProgressConsole
from bullbear.dataset.predictions import Predictions
from bullbear.errors import BullbearError, InputError
from bullbear.forecasting.card.card import card_of
from bullbear.forecasting.chain import Anchor
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.holdout import open_holdout
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.forecasting.tracked_anchor import tracked_anchor
from bullbear.home import Home
from bullbear.report import outlook_plots, plots
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect
from bullbear.tracking.stored_runs import stored_runs
from bullbear.workflows.audit_gate import AuditGate
from bullbear.workflows.filling import DataSource, fill_simulated
from bullbear.workflows.full_run import MODELS, _Candidate, _promote_best, run_all
from bullbear.workflows.reporting import report_champion, result_of_run
from bullbear.workflows.reuse import ReusedQuestion
from bullbear.workflows.training import train_model

QUIET = ProgressConsole(quiet=True)


def run(home: Home, data: str | None = None, **wishes: Any) -> Any:
    return run_all(home, DataSource(data, **wishes), jobs=1, console=QUIET)


@pytest.fixture(autouse=True)
def _draw_no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    # The pictures of a page are drawn in tests/report, and by `report` in tests/cli.
    for module in (plots, outlook_plots):
        monkeypatch.setattr(module, "png", lambda draw, size, simulated: b"\x89PNG")


class FilledError(BullbearError):
    pass


@pytest.fixture
def stop_after_filling(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise FilledError("after the filling")

    monkeypatch.setattr("bullbear.workflows.full_run.train_model", stop)


def _with_small_models(home: Home) -> Home:
    """A home whose own definitions replace the packaged ones by small ones."""
    for name in MODELS:
        source = home.root / "models" / ("base.toml" if name == "climatology" else "small.toml")
        text = source.read_text().replace(f'name = "{source.stem}"', f'name = "{name}"')
        (home.root / "models" / f"{name}.toml").write_text(text)
    (home.root / "models" / "promotion.toml").write_text('[audit]\nrequired = "none"\n')
    return home


@pytest.fixture
def small_models(home: Home) -> Home:
    return _with_small_models(home)


@dataclass(frozen=True)
class Done:
    """What the first run of the whole job left; the champion before it."""

    home: Home
    present: str
    outcome: Any


@pytest.fixture(scope="module")
def done(trained_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Done:
    place = tmp_path_factory.mktemp("done") / "home"
    home = _with_small_models(Home(Path(shutil.copytree(trained_home.root, place, symlinks=True))))
    present = Runs(home).find("champion").run_id
    with pytest.MonkeyPatch.context() as patch:
        for module in (plots, outlook_plots):
            patch.setattr(module, "png", lambda draw, size, simulated: b"\x89PNG")
        return Done(home, present, run(home))


def test_everything_is_done_and_told(done: Done) -> None:
    outcome = done.outcome
    document = outcome.as_dict()
    assert [model["model"] for model in document["models"]] == list(MODELS)
    assert document["simulated"] is True
    assert set(outcome.shares) == set(MODELS)
    # `small`, the present champion, is beaten by none of its two likes nor by the base rate.
    assert outcome.champion.run_id in {each.run_id for each in outcome.trained} | {done.present}
    assert (outcome.champion.run_id == done.present) == (set(outcome.refused) == set(MODELS))
    assert outcome.forecast["model"]["run_id"] == outcome.champion.run_id
    entries = Ledger(done.home.forecasts / "ledger.jsonl").entries()
    assert outcome.forecast["summary"]
    assert of_question(entries)[-1].items() <= outcome.forecast.items()
    assert tracked_anchor(done.home.runs) == Anchor.of(entries)
    page = outcome.report.read_text()
    assert "SIMULATED" in page
    assert all(name in page for name in MODELS)
    assert f"{outcome.champion.model} (champion)" in page


def test_a_second_time_nothing_is_trained(done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(Path(shutil.copytree(done.home.root, tmp_path / "again", symlinks=True)))
    listed = [each.run_id for each in stored_runs(home.runs)]

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("bullbear.workflows.training.train_all", refuse)
    first, second = done.outcome, run(home)
    assert [each.reused for each in second.trained] == [True] * len(MODELS)
    assert [each.run_id for each in second.trained] == [each.run_id for each in first.trained]
    assert [each.run_id for each in stored_runs(home.runs)] == listed
    assert second.champion.run_id == first.champion.run_id
    assert second.as_dict()["models"] == first.as_dict()["models"]


@pytest.mark.usefixtures("stop_after_filling")
def test_a_filling_that_was_killed_is_completed_first(small_models: Home) -> None:
    for path in (small_models.data / "observations").iterdir():
        path.unlink()
    (small_models.data / ".filling").touch()
    with pytest.raises(FilledError):
        run(small_models)
    assert small_models.store().as_of().has("observations", "VIXCLS")
    assert fill_simulated(small_models, 7, 0.5, 8).rows_added == 0


@pytest.mark.parametrize("data", ["nowhere", "alive"])
def test_data_that_is_not_there_changes_nothing(home: Home, data: str) -> None:
    with pytest.raises(InputError, match=rf"--data: got '{data}'"):
        run(home, data)
    assert home.store().simulated_from == {"seed": 7, "signal": 0.5, "years": 8}
    assert fill_simulated(home, 7, 0.5, 8).rows_added == 0


def test_a_refused_snapshot_leaves_the_simulated_market(home: Home, tmp_path: Path) -> None:
    (tmp_path / "snapshot" / "prices").mkdir(parents=True)
    (tmp_path / "snapshot" / "prices" / "IWM.csv").write_text("date,open\n2019-12-30,165\n")
    before = sorted(path.name for path in home.root.iterdir())
    with pytest.raises(InputError, match=r"prices/IWM\.csv"):
        run(home, str(tmp_path / "snapshot"))
    assert home.store().simulated_from == {"seed": 7, "signal": 0.5, "years": 8}
    assert sorted(path.name for path in home.root.iterdir()) == before


@pytest.mark.usefixtures("stop_after_filling")
def test_another_simulated_market_takes_the_place_of_the_first(home: Home) -> None:
    with pytest.raises(FilledError):
        run(home, signal=0.0, years=3)
    assert home.store().simulated_from == {"seed": 7, "signal": 0.0, "years": 3}
    assert home.store().as_of().bars("IWM").index[-1].year == 2002


@pytest.mark.usefixtures("stop_after_filling")
def test_the_simulated_market_makes_way_for_real_data_and_never_the_other_way(home: Home, tmp_path: Path) -> None:
    (tmp_path / "snapshot" / "prices").mkdir(parents=True)
    (tmp_path / "snapshot" / "prices" / "IWM.csv").write_text(
        "date,open,high,low,close,adj_close,volume\n2019-12-30,165,166,164,165,165,100\n"
    )
    with pytest.raises(FilledError):
        run(home, str(tmp_path / "snapshot"))
    assert not home.store().is_simulated
    assert not (home.root / "oracle").exists()
    assert home.store().as_of().bars("IWM")["close"].tolist() == [165.0]
    with pytest.raises(InputError, match=r"--data: got 'sim'; allowed: the real data that is in the store"):
        run(home, "sim")
    with pytest.raises(FilledError):
        run(home)
    assert home.store().as_of().bars("IWM")["close"].tolist() == [165.0]


@pytest.mark.parametrize("data", ["nowhere", "alive"])
def test_data_that_is_not_there_leaves_no_trace(tmp_path: Path, data: str) -> None:
    with pytest.raises(InputError, match=rf"'{data}'"):
        run(Home(tmp_path / "home"), data)
    assert not (tmp_path / "home").exists()


def finished(home: Home) -> list[Any]:
    """The trainings of a home as the candidates for the champion of `up`, as far as a promotion looks."""
    runs = Runs(home)
    found = [runs.find(run.run_id) for run in runs._finished()]
    return [_Candidate("up", ReusedQuestion(home, run, home.model(run.model))) for run in found]


def test_a_person_s_champion_is_not_overwritten_without_the_test(home: Home) -> None:
    champion = Runs(home).find("champion")
    table = champion.predictions.table
    better = table.assign(p=np.where(table["y"] == 1, 1.1, 0.9) * table["climatology"], p_low=np.nan, p_high=np.nan)
    (home.champion / "predictions.csv").write_text(Predictions(better).to_csv())
    meta = home.champion / "bundle.json"
    meta.write_text(meta.read_text().replace(champion.run_id, "0" * 32).replace('"name": "small"', '"name": "theirs"'))
    signals = home.champion / "signals.csv"
    signals.write_text(signals.read_text().replace("signal_small", "signal_theirs"))
    before = home.champion.resolve()
    refused = _promote_best(home, AuditGate(home, Runs(home)), finished(home), QUIET)
    assert set(refused) == {"small", "base"}
    assert "champion test: Brier score" in refused["base"]
    assert "worse than theirs 00000000's" in refused["base"]
    assert home.champion.resolve() == before


@pytest.mark.parametrize("damage", [True, False])
def test_without_a_champion_that_can_be_used_the_base_rate_is_taken(home: Home, damage: bool) -> None:
    if damage:
        (home.champion / "bundle.json").write_text("{")
    else:
        home.champion.unlink()
    refused = _promote_best(home, AuditGate(home, Runs(home)), finished(home), QUIET)
    assert Runs(home).find("champion").model == "base"
    assert set(refused) <= {"small"}


def test_the_report_of_a_champion_whose_run_was_deleted(home: Home) -> None:
    page = report_champion(home).read_text()
    connect(home.runs).delete_run(Runs(home).find("champion").run_id)
    again = report_champion(home).read_text()
    assert "small" in again
    assert "its run is gone" in again
    assert "its run is gone" not in page


def test_the_report_of_the_champion_alone(home: Home) -> None:
    before = Ledger(home.forecasts / "ledger.jsonl").entries()
    page = report_champion(home).read_text()
    assert "SIMULATED" in page
    assert "small" in page
    assert of_question(before)[1]["ledger"]["hash"][:12] in page
    assert Ledger(home.forecasts / "ledger.jsonl").entries() == before


def test_the_report_is_an_artifact_of_the_champions_run_the_latest_alone(home: Home) -> None:
    client, run_id = connect(home.runs), Runs(home).find("champion").run_id
    for _ in range(2):
        page = report_champion(home)
        kept = Path(client.download_artifacts(run_id, "report.html"))
        assert kept.read_bytes() == page.read_bytes()
        assert [each.path for each in client.list_artifacts(run_id) if "report" in each.path] == ["report.html"]


def test_a_report_that_mlflow_does_not_take_is_written_all_the_same(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    notes: list[str] = []
    assert report_champion(home, say=notes.append).exists()
    (note,) = notes
    assert note.startswith("report.html of small ")
    assert "was not kept in MLflow: " in note


def test_a_home_without_a_store_of_runs_gets_none_for_the_report(home: Home) -> None:
    shutil.rmtree(home.runs)
    notes: list[str] = []
    assert report_champion(home, say=notes.append).exists()
    assert notes == []
    assert not (home.runs / "mlflow.db").exists()


def test_the_age_of_the_data_stands_in_the_first_lines(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def old(*arguments: Any, **options: Any) -> dict[str, Any]:
        card = card_of(*arguments, **options)
        return card | {"ages": card["ages"] | {"notice": ["The data are old."]}}

    monkeypatch.setattr("bullbear.workflows.reporting.card_of", old)
    page = report_champion(home).read_text()
    assert page.index("SIMULATED: every") < page.index("The data are old.") < page.index("<h1>")


def test_a_pool_of_learners_has_a_report_with_the_weights_up_to_the_close(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = pd.DatetimeIndex(["2006-12-29T21:00Z", "2099-12-31T21:00Z"])
    weights = pd.DataFrame({"one": [0.25, 0.5], "two": [0.75, 0.5]}, fits)
    monkeypatch.setattr("bullbear.forecasting.bundle.Bundle.weights", lambda bundle: weights)
    shown = result_of_run(home, Runs(home).find("champion"), until=pd.Timestamp("2007-12-31T21:00Z")).weights
    pd.testing.assert_frame_equal(shown, weights.iloc[:1])
    assert report_champion(home).exists()


def test_a_report_shows_the_latest_decision_and_appends_nothing(home: Home) -> None:
    issue(home, "2007-06-18")
    ledger = home.forecasts / "ledger.jsonl"
    before = ledger.read_bytes()
    # The last entry of the file decided for an earlier day than the one before it.
    assert "2007-12-31" in report_champion(home).read_text()
    assert ledger.read_bytes() == before
    for name in ("ledger.jsonl", "ledger.head"):
        (home.forecasts / name).unlink()
    assert "2007-12-31" in report_champion(home).read_text()
    assert not ledger.exists()


def test_a_report_shows_no_forecast_of_another_model(home: Home) -> None:
    runs = Runs(home)
    base = train_model(home, "base")
    runs.promote(runs.find(base.run_id))
    before = (home.forecasts / "ledger.jsonl").read_bytes()
    page = report_champion(home).read_text()
    assert base.run_id[:8] in page
    assert of_question(Ledger(home.forecasts / "ledger.jsonl").entries())[1]["ledger"]["hash"][:12] not in page
    assert (home.forecasts / "ledger.jsonl").read_bytes() == before


def test_models_are_trained_up_to_a_sealed_period_that_they_have_not_opened(
    small_models: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_models.root / "models" / "holdout.toml").write_text('first = "2006-07-01"\nwhy = "The last word."\n')
    open_holdout(small_models, small_models.model("climatology"), "For a test.")
    ends: dict[str, str | None] = {}

    def train(home: Home, name: str, *, end: str | None, **options: object) -> None:
        ends[name] = end
        if name == MODELS[-1]:
            raise FilledError("all models are trained")

    monkeypatch.setattr("bullbear.workflows.full_run.train_model", train)
    with pytest.raises(FilledError):
        run_all(small_models, DataSource(None), jobs=1, console=ProgressConsole())
    assert ends == dict.fromkeys(MODELS, "2006-06-30") | {"climatology": None}
    said = " ".join(capsys.readouterr().err.split())
    assert "note: logistic is trained up to 2006-06-30: models/holdout.toml seals what follows" in said
    assert "note: climatology" not in said
